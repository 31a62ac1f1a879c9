// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Callers that run out of memory at any place of an acquisition or a release leave every key usable. In a JVM of its own. */
class FullHeapTests {

    private static final int KEYS = 20;

    private static final int THREADS = 200;

    private static final int ROUNDS = 5;

    /** What fills the heap. */
    private static volatile Object hog;

    private static volatile boolean full;

    @Test
    void keysSurviveAFullHeap() throws Exception {
        ForkedJvm.run(FullHeapTests.class, "-Xmx48m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1");
    }

    public static void main(String[] args) throws Exception {
        KeyedLocker<Integer> warm = KeyedLocker.create();
        for (int number = 0; number < THREADS; number++) {
            use(warm, number);
        }
        for (int round = 0; round < ROUNDS; round++) {
            round();
        }
        System.out.println(ForkedJvm.DONE);
    }

    private static void round() throws Exception {
        KeyedLocker<Integer> locker = KeyedLocker.create();
        List<Permit> held = new ArrayList<>();
        for (int key = 0; key < KEYS; key++) {
            held.add(locker.acquireAsync(key).join());
        }
        CountDownLatch begin = new CountDownLatch(1);
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            int number = i;
            threads.add(OtherThread.daemon(() -> {
                awaitQuietly(begin);
                while (full) {
                    use(locker, number);
                }
            }));
        }
        threads.forEach(Thread::start);
        full = true;
        fillHeap();
        if (hog == null) {
            throw new AssertionError("the heap was not filled");
        }
        begin.countDown();
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(300);
        int closed = 0;
        while (System.nanoTime() < end) {
            // Some keys are released while the heap is full, which must need none.
            if (closed < KEYS / 2) {
                held.get(closed++).close();
            }
            Thread.onSpinWait();
        }
        full = false;
        hog = null;
        for (Thread thread : threads) {
            thread.join(TimeUnit.MINUTES.toMillis(2));
            if (thread.isAlive()) {
                throw new AssertionError("stuck: " + List.of(thread.getStackTrace()));
            }
        }
        for (Permit permit : held.subList(closed, KEYS)) {
            permit.close();
        }
        for (int key = 0; key < KEYS; key++) {
            if (locker.tryAcquire(key, Duration.ofMinutes(1)).isEmpty()) {
                throw new AssertionError("key " + key + " is dead: " + locker.snapshot(key));
            }
        }
    }

    @SuppressWarnings("EmptyCatch")
    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException | OutOfMemoryError e) {
            // The thread begins at once, which is as good.
        }
    }

    private static void fillHeap() {
        Object[] last = null;
        for (int size = 1 << 20; size >= 16; ) {
            try {
                Object[] block = new Object[size];
                block[0] = last;
                last = block;
                hog = block;
            } catch (OutOfMemoryError e) {
                size /= 2;
            }
        }
    }

    private static void use(KeyedLocker<Integer> locker, int number) {
        int key = number % KEYS;
        try {
            switch (number / KEYS % 4) {
                case 0 -> locker.tryAcquire(key, Duration.ofMillis(1)).ifPresent(FullHeapTests::close);
                case 1 -> {
                    CompletableFuture<Permit> future = locker.acquireAsync(key);
                    if (!cancel(future)) {
                        close(future.join());
                    }
                }
                case 2 -> close(locker.acquireAll(List.of(key, (key + 1) % KEYS), Duration.ofMillis(1)));
                default -> locker.supplyAsync(key, () -> null, Runnable::run).cancel(true);
            }
        } catch (OutOfMemoryError | LockTimeoutException | InterruptedException e) {
            // The caller may fail.
        }
    }

    private static boolean cancel(CompletableFuture<Permit> future) {
        while (true) {
            try {
                return future.cancel(true);
            } catch (OutOfMemoryError e) {
                Thread.onSpinWait();
            }
        }
    }

    /** A release that fails has changed nothing, and is tried again. */
    private static void close(Permit permit) {
        while (true) {
            try {
                permit.close();
                return;
            } catch (OutOfMemoryError e) {
                Thread.onSpinWait();
            }
        }
    }
}
