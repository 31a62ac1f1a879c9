// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static io.keyedlock.OtherThread.until;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Callbacks of futures that park until the end of the test, on any thread. */
@Tag("hostile")
class HostileCallbacksTests {

    private static final Duration SHORT = Duration.ofMillis(5);

    private final KeyedLocker<String> locker = KeyedLocker.create();

    private final CountDownLatch testIsOver = new CountDownLatch(1);

    @AfterEach
    void letAllGo() {
        testIsOver.countDown();
    }

    private void park() {
        try {
            testIsOver.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static void await(CountDownLatch latch) throws InterruptedException {
        assertThat(latch.await(1, TimeUnit.MINUTES)).isTrue();
    }

    /** Observed by a stage, so that no caller of get or join completes the future itself. */
    private static CountDownLatch completed(CompletableFuture<?> future) {
        CountDownLatch latch = new CountDownLatch(1);
        future.whenComplete((value, failure) -> latch.countDown());
        return latch;
    }

    @Test
    void callbacksThatParkDelayNoTimeOut() throws Exception {
        locker.acquireAsync("k").join();
        for (int i = 0; i < 3; i++) {
            CountDownLatch parked = new CountDownLatch(1);
            locker.acquireAsync("k", SHORT).whenComplete((permit, failure) -> {
                parked.countDown();
                park();
            });
            await(parked);
        }
        await(completed(locker.acquireAsync("k", SHORT)));
    }

    @Test
    void busyCommonPoolDelaysNoTimeOut() throws Exception {
        for (int i = 0; i < ForkJoinPool.getCommonPoolParallelism(); i++) {
            ForkJoinPool.commonPool().execute(this::park);
        }
        locker.acquireAsync("k").join();
        await(completed(locker.acquireAsync("k", SHORT)));
    }

    @Test
    void manyTimeOutsNeedFewThreads() throws Exception {
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        locker.acquireAsync("k").join();
        threads.resetPeakThreadCount();
        int before = threads.getThreadCount();
        List<CountDownLatch> all = new ArrayList<>();
        for (int i = 0; i < 20_000; i++) {
            all.add(completed(locker.acquireAsync("k", SHORT)));
        }
        for (CountDownLatch one : all) {
            await(one);
        }
        assertThat(threads.getPeakThreadCount() - before).isLessThan(20);
    }

    @Test
    void blockedCallerTimesOutWhileAllCallbackThreadsPark() {
        for (int i = 0; i < Background.MOST_THREADS; i++) {
            Background.execute(this::park);
        }
        until(() -> Background.CALLBACKS.getActiveCount() == Background.MOST_THREADS);
        locker.acquireAsync("k").join();
        CompletableFuture<Permit> timed = locker.acquireAsync("k", SHORT);
        assertThatThrownBy(timed::join)
                .isInstanceOf(CompletionException.class)
                .hasCauseInstanceOf(LockTimeoutException.class);
        assertThatThrownBy(() -> locker.acquireAsync("k", SHORT).get()).hasCauseInstanceOf(LockTimeoutException.class);
        assertThatThrownBy(() -> locker.acquireAsync("k", SHORT).get(1, TimeUnit.MINUTES))
                .hasCauseInstanceOf(LockTimeoutException.class);
    }

    @Test
    void deferredCompletionDoesNotWaitForACallbackThatParks() throws Exception {
        Permit held = locker.acquireAsync("k").join();
        CountDownLatch parked = new CountDownLatch(1);
        for (int i = 1; i <= 16; i++) {
            boolean parks = i == 16;
            locker.acquireAsync("k").thenAccept(permit -> {
                permit.close();
                if (parks) {
                    parked.countDown();
                    park();
                }
            });
        }
        CountDownLatch putOff = completed(locker.acquireAsync("k"));
        OtherThread.calls(() -> {
            held.close();
            return true;
        });
        await(parked);
        await(putOff);
    }

    @Test
    void closingFailsAllFuturesWhileACallbackParks() throws Exception {
        locker.acquireAsync("k").join();
        locker.acquireAsync("k").whenComplete((permit, failure) -> park());
        CountDownLatch second = completed(locker.acquireAsync("k"));
        CountDownLatch third = completed(locker.acquireAsync("k"));
        OtherThread.calls(() -> {
            locker.close();
            return true;
        });
        await(second);
        await(third);
    }

    @Test
    void allIdleFuturesCompleteWhileACallbackParks() throws Exception {
        Permit held = locker.acquireAsync("k").join();
        CountDownLatch first = completed(locker.whenIdle());
        locker.whenIdle().thenRun(this::park);
        CountDownLatch third = completed(locker.whenIdle());
        OtherThread.calls(() -> {
            held.close();
            return true;
        });
        await(first);
        await(third);
    }
}
