// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;

/** Case 36, run in a separate JVM by {@link StressCasesTests}. Needs virtual threads, but is compiled without them. */
final class VirtualThreadsCheck {

    private static final int HOT = 5_000;

    private static final int OTHERS = 1_000;

    private VirtualThreadsCheck() {}

    /** Parks in its initializer, below a native frame that pins, as proof that the recording detects pinning. */
    private static final class Pinning {
        static final int VALUE;

        static {
            LockSupport.parkNanos(5_000_000);
            VALUE = 1;
        }
    }

    public static void main(String[] arguments) throws Exception {
        Path file = Path.of(arguments[0]);
        ExecutorService virtual = (ExecutorService)
                Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
        interruptedThreadsLeaveTheProcessorToTheOwner(virtual);
        // Loading a class on first use pins, also classes that the recording loads.
        try (Recording warmUp = new Recording()) {
            warmUp.start();
            for (boolean fair : new boolean[] {false, true, false}) {
                hotKeyBesideOthers(virtual, fair);
            }
        }
        try (Recording recording = new Recording()) {
            recording
                    .enable("jdk.VirtualThreadPinned")
                    .withThreshold(Duration.ZERO)
                    .withStackTrace();
            recording.start();
            Future<Integer> control = virtual.submit(() -> Pinning.VALUE);
            require(control.get(2, TimeUnit.MINUTES) == 1, "the control has run");
            for (boolean fair : new boolean[] {false, true}) {
                hotKeyBesideOthers(virtual, fair);
            }
            recording.stop();
            recording.dump(file);
        }
        System.out.println("all made progress");
        int pinnedByControl = 0;
        int pinnedByUs = 0;
        for (RecordedEvent event : RecordingFile.readAllEvents(file)) {
            if (!event.getEventType().getName().equals("jdk.VirtualThreadPinned")) {
                continue;
            }
            String stack = String.valueOf(event.getStackTrace());
            if (stack.contains("VirtualThreadsCheck$Pinning")) {
                pinnedByControl++;
            } else if (stack.contains("io.keyedlock") && !stack.contains("ClassLoader.loadClass")) {
                // Loading a class pins whatever the code does. StaticStateTests checks that no section under a lock
                // loads one.
                pinnedByUs++;
                System.out.println(event);
            }
        }
        System.out.println("pinned by the control: " + pinnedByControl);
        System.out.println("pinned by the locker: " + pinnedByUs);
        require(pinnedByControl > 0 || Runtime.version().feature() > 25, "the recording shows pinned threads");
    }

    /** More contenders than processors, which cannot sleep while their flags are set, and an unmounted owner. */
    private static void interruptedThreadsLeaveTheProcessorToTheOwner(ExecutorService virtual) throws Exception {
        int contenders = Runtime.getRuntime().availableProcessors() * 2 + 2;
        SpinLock lock = new SpinLock();
        AtomicInteger contending = new AtomicInteger();
        List<Future<Boolean>> all = new ArrayList<>();
        Future<?> owner = virtual.submit(() -> {
            lock.lock();
            while (contending.get() < contenders) {
                LockSupport.parkNanos(1_000_000);
            }
            LockSupport.parkNanos(50_000_000);
            lock.unlock();
        });
        for (int i = 0; i < contenders; i++) {
            all.add(virtual.submit(() -> {
                Thread.currentThread().interrupt();
                contending.incrementAndGet();
                lock.lock();
                lock.unlock();
                return Thread.interrupted();
            }));
        }
        owner.get(2, TimeUnit.MINUTES);
        for (Future<Boolean> future : all) {
            require(future.get(2, TimeUnit.MINUTES), "the interrupt flag is set still");
        }
    }

    private static void hotKeyBesideOthers(ExecutorService virtual, boolean fair) throws Exception {
        KeyedLocker<String> locker =
                KeyedLocker.create(KeyedLockerSettings.defaults().withFair(fair));
        int[] plain = new int[1];
        List<Future<?>> hot = new ArrayList<>();
        Permit held = locker.acquireAsync("hot").join();
        for (int i = 0; i < HOT; i++) {
            hot.add(virtual.submit(asks(locker, i, plain)));
        }
        waitFor(() -> Cast.waiters(locker, "hot") == HOT);
        require(
                locker.snapshot("hot").orElseThrow().waiters().stream()
                                .filter(KeySnapshot.Caller::virtual)
                                .count()
                        > HOT / 2,
                "waiters are reported as virtual threads");
        List<Future<?>> others = new ArrayList<>();
        for (int i = 0; i < OTHERS; i++) {
            String key = "other" + i % 10;
            others.add(virtual.submit(() -> locker.call(key, () -> {
                LockSupport.parkNanos(10_000);
                return locker.snapshot(key).orElseThrow().holders().get(0).virtual();
            })));
        }
        for (Future<?> future : others) {
            require(Boolean.TRUE.equals(future.get(2, TimeUnit.MINUTES)), "holders are reported as virtual threads");
        }
        require(Cast.waiters(locker, "hot") == HOT, "others made progress while all of these waited");
        held.close();
        for (Future<?> future : hot) {
            future.get(2, TimeUnit.MINUTES);
        }
        require(plain[0] == HOT, "each was inside once, alone: " + plain[0]);
        require(locker.awaitIdle(Duration.ofMinutes(2)), "idle in the end");
    }

    private static Callable<Void> asks(KeyedLocker<String> locker, int number, int[] plain) {
        Runnable section = () -> {
            int before = plain[0];
            if (number % 50 == 0) {
                LockSupport.parkNanos(10_000);
            }
            plain[0] = before + 1;
        };
        return () -> {
            switch (number % 4) {
                case 0 -> locker.run("hot", section);
                case 1 -> {
                    Permit permit = locker.acquireAll(List.of("hot"), Duration.ofMinutes(4));
                    section.run();
                    permit.close();
                }
                case 2 -> {
                    locker.asLock("hot").lock();
                    try {
                        section.run();
                    } finally {
                        locker.asLock("hot").unlock();
                    }
                }
                default -> {
                    CompletableFuture<Permit> future = locker.acquireAsync("hot");
                    Permit permit = future.get();
                    section.run();
                    permit.close();
                }
            }
            return null;
        };
    }

    private static void waitFor(BooleanSupplier condition) {
        long start = System.nanoTime();
        while (!condition.getAsBoolean()) {
            require(System.nanoTime() - start < Duration.ofMinutes(2).toNanos(), "waited in vain");
            LockSupport.parkNanos(1_000_000);
        }
    }

    private static void require(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError("not so: " + what);
        }
    }
}
