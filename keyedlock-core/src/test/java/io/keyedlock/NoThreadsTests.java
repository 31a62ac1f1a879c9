// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ThreadFactory;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

/**
 * If the system provides no more threads, callers get their permits or an error. Runs in
 * a separate JVM, in which the engine has no threads yet.
 */
class NoThreadsTests {

    @Test
    void noPermitIsLostWhenNoThreadCanBeStarted() throws Exception {
        ForkedJvm.run(NoThreadsTests.class);
    }

    public static void main(String[] args) throws Exception {
        ThreadFactory ofScanner = Background.SCANNER.getThreadFactory();
        ThreadFactory ofTimer = Background.TIMER.getThreadFactory();
        ThreadFactory none = task -> {
            throw new OutOfMemoryError("unable to create native thread");
        };
        Background.SCANNER.setThreadFactory(none);
        Background.TIMER.setThreadFactory(none);
        Background.CALLBACKS.setThreadFactory(none);
        scanThatCannotBeStartedCostsNoPermitAndIsStartedLater(ofScanner);
        futureWhoseEndCannotBeTimedFailsAndLeavesTheQueue();
        Background.TIMER.setThreadFactory(ofTimer);
        timeOutIsCompletedWithoutAThreadForCallbacks();
        System.out.println(ForkedJvm.DONE);
    }

    private static void scanThatCannotBeStartedCostsNoPermitAndIsStartedLater(ThreadFactory ofScanner)
            throws InterruptedException {
        DefaultKeyedLocker<String> locker = locker();
        Permit permit = locker.acquire("a");
        assertThat(locker.isActive("a")).isTrue();
        assertThat(Scanner.LOCKERS).isEmpty();
        permit.close();
        assertThat(locker.activeKeyCount()).isZero();

        Background.SCANNER.setThreadFactory(ofScanner);
        Permit another = locker.acquire("a");
        assertThat(Scanner.LOCKERS).containsExactly(locker.scan);
        // The task of the failed start has run as well and did not start a second scan.
        Awaitility.await()
                .atMost(Duration.ofMinutes(1))
                .until(() -> Background.SCANNER.getCompletedTaskCount() == 1
                        && Background.SCANNER.getActiveCount() == 1
                        && Background.SCANNER.getQueue().isEmpty());
        another.close();
        Awaitility.await().atMost(Duration.ofMinutes(1)).until(Scanner.LOCKERS::isEmpty);
    }

    private static void futureWhoseEndCannotBeTimedFailsAndLeavesTheQueue() throws InterruptedException {
        DefaultKeyedLocker<String> locker = locker();
        Permit permit = locker.acquire("a");
        CompletableFuture<Permit> future = locker.acquireAsync("a", Duration.ofMinutes(1));
        assertThatThrownBy(future::join)
                .isInstanceOf(CompletionException.class)
                .hasCauseInstanceOf(OutOfMemoryError.class);
        assertThat(locker.snapshot("a").orElseThrow().waiters()).isEmpty();
        permit.close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    private static void timeOutIsCompletedWithoutAThreadForCallbacks() {
        DefaultKeyedLocker<String> locker = locker();
        locker.acquireAsync("a").join();
        // Observed through a stage, so that no caller completes the future itself.
        CompletableFuture<Throwable> failure =
                locker.acquireAsync("a", Duration.ofMillis(1)).handle((permit, thrown) -> thrown);
        assertThat(failure.join()).isInstanceOf(LockTimeoutException.class);
    }

    private static DefaultKeyedLocker<String> locker() {
        return DefaultKeyedLocker.create(KeyedLockerSettings.defaults().withLongHold(Duration.ofMillis(4)), null);
    }
}
