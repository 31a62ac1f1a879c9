// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Executors that drop tasks, delay them, run them twice or throw. */
@Tag("hostile")
class HostileExecutorsTests {

    private final KeyedLocker<String> locker = KeyedLocker.create();

    private final Queue<Runnable> kept = new ArrayDeque<>();

    private final AtomicInteger runs = new AtomicInteger();

    @Test
    void cancellingATaskThatHasNotStartedFreesTheKeyAtOnce() {
        CompletableFuture<Integer> result = locker.supplyAsync("k", runs::incrementAndGet, kept::add);
        CompletableFuture<Permit> next = locker.acquireAsync("k");
        assertThat(result.cancel(false)).isTrue();
        assertThat(next).isCompleted();
        next.join().close();
        kept.remove().run();
        assertThat(runs).hasValue(0);
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    void cancellingATaskThatItsExecutorDroppedFreesTheKey() {
        Permit held = locker.acquireAsync("k").join();
        CompletableFuture<Integer> result = locker.supplyAsync("k", runs::incrementAndGet, task -> {});
        held.close();
        assertThat(locker.isActive("k")).isTrue();
        result.cancel(false);
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    void obtrudedResultFreesTheKey() {
        CompletableFuture<Integer> result = locker.supplyAsync("k", runs::incrementAndGet, task -> {});
        result.obtrudeValue(1);
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    void taskThatIsRunTwiceRunsOnce() {
        CompletableFuture<Integer> result = locker.supplyAsync("k", runs::incrementAndGet, task -> {
            task.run();
            task.run();
        });
        assertThat(result).isCompletedWithValue(1);
        assertThat(runs).hasValue(1);
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    void executorThatThrowsAnythingFailsTheResult() {
        CompletableFuture<Integer> result = locker.supplyAsync("k", runs::incrementAndGet, task -> {
            throw new HostileKeys.OwnError();
        });
        assertThatThrownBy(result::join)
                .isInstanceOf(CompletionException.class)
                .hasCauseInstanceOf(HostileKeys.OwnError.class);
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    void executorThatThrowsAfterItHasRunTheTaskChangesNothing() {
        CompletableFuture<Integer> result = locker.supplyAsync("k", runs::incrementAndGet, task -> {
            task.run();
            throw new HostileKeys.OwnError();
        });
        assertThat(result).isCompletedWithValue(1);
        assertThat(locker.activeKeyCount()).isZero();
    }
}
