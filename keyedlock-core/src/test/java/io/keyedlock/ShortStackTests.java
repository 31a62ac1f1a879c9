// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** A stack overflow within the engine fails only its own call. Runs in a separate JVM, where it initializes all classes. */
class ShortStackTests {

    private static final int KINDS = 6;

    private static final Duration WAIT = Duration.ofNanos(1);

    private static final List<String> COLLIDING = List.of("Aa", "BB");

    @Test
    void lockersWorkAfterTheStackHasEndedInEveryPartOfTheEngine() throws Exception {
        ForkedJvm.run(ShortStackTests.class);
    }

    public static void main(String[] args) throws Exception {
        for (int kind = 0; kind < KINDS; kind++) {
            KeyedLocker<String> tried = KeyedLocker.create();
            tried.acquireAsync("taken").join();
            tried.acquire("free").close();
            Thread thread = new Thread(null, new Recursion(tried, kind), "short stack", 256 * 1024);
            thread.setDaemon(true);
            thread.start();
            // Checks static state only, not the state of the locker that was in use.
            thread.join(10_000);
        }
        checkAll(KeyedLocker.create());
        System.out.println(ForkedJvm.DONE);
    }

    /** Recurses to the end of the stack. Depends on no class that a stack overflow could break. */
    private record Recursion(KeyedLocker<String> locker, int kind) implements Runnable {

        @Override
        public void run() {
            try {
                recurse();
            } catch (StackOverflowError e) {
                // Only the later calls matter.
            }
        }

        /** Retries in each frame on the way back, so that the stack ends a little deeper in the engine each time. */
        @SuppressWarnings({"InfiniteRecursion", "EmptyCatch"})
        private void recurse() {
            try {
                recurse();
            } finally {
                try {
                    attempt();
                } catch (Throwable e) {
                    // Only the later calls matter.
                }
            }
        }

        private void attempt() throws InterruptedException {
            switch (kind) {
                case 0 -> locker.tryAcquire("taken", WAIT);
                case 1 -> locker.acquireAsync("taken", WAIT);
                case 2 -> locker.tryAcquireAll(COLLIDING).ifPresent(Permit::close);
                case 3 -> locker.overview(3);
                case 4 -> locker.tryAcquire("taken");
                default -> locker.snapshot();
            }
        }
    }

    private static void checkAll(KeyedLocker<String> locker) throws Exception {
        Permit held = locker.acquireAsync("a").join();
        if (locker.tryAcquire("a", Duration.ofMillis(1)).isPresent()) {
            throw new AssertionError("two holders");
        }
        CompletableFuture<?> timed =
                locker.acquireAsync("a", Duration.ofMillis(1)).handle((permit, failure) -> failure);
        if (!(timed.join() instanceof LockTimeoutException)) {
            throw new AssertionError("no time-out");
        }
        if (locker.tryAcquire("a").isPresent()) {
            throw new AssertionError("two holders");
        }
        CompletableFuture<Permit> waits = locker.acquireAsync("a");
        Thread thread = new Thread(() -> {
            try {
                locker.acquire("a").close();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        thread.start();
        while (locker.snapshot("a").orElseThrow().waiters().size() < 2) {
            Thread.onSpinWait();
        }
        locker.overview(3);
        held.close();
        waits.join().close();
        thread.join();
        locker.acquireAll(COLLIDING).close();
        if (locker.activeKeyCount() != 0) {
            throw new AssertionError("active keys are left");
        }
    }
}
