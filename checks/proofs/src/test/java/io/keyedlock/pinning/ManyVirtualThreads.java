// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.pinning;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerClosedException;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.LockDeadlockException;
import io.keyedlock.Permit;
import java.io.IOException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;

/**
 * A program in which thousands of virtual threads wait in every way that the engine has, while the
 * Flight Recorder records pinned carriers. At the end a thread pins one on purpose, as proof that it would be recorded.
 */
public final class ManyVirtualThreads {

    private static final int THREADS = 2_000;

    /** Enough to load every required class. */
    private static final int FEW = 40;

    private static final ThreadFactory VIRTUAL = virtualThreads();

    private static final AtomicInteger FAILURES = new AtomicInteger();

    private interface Action {
        void run(int number) throws Exception;
    }

    private ManyVirtualThreads() {}

    public static void main(String[] args) throws Exception {
        List<RecordedEvent> pinned = new ArrayList<>();
        List<RecordedEvent> onPurpose = new ArrayList<>();
        // A thread that waits for another to load or initialize a class pins its carrier, once. Not every branch
        // runs with few threads, so all classes of the engine are initialized here.
        initializeEngine();
        play(FEW, false);
        play(FEW, true);
        Path file = Files.createTempFile("pinned", ".jfr");
        try (Recording recording = new Recording()) {
            recording.enable("jdk.VirtualThreadPinned").withoutThreshold().withStackTrace();
            recording.start();
            for (boolean fair : new boolean[] {false, true}) {
                play(THREADS, fair);
            }
            Thread culprit = VIRTUAL.newThread(Pinning::initialize);
            culprit.start();
            culprit.join();
            recording.stop();
            recording.dump(file);
        }
        for (RecordedEvent event : events(file)) {
            boolean wanted = event.getStackTrace() != null
                    && event.getStackTrace().getFrames().stream()
                            .anyMatch(f -> f.getMethod().getType().getName().contains("Pinning"));
            (wanted ? onPurpose : pinned).add(event);
        }
        pinned.forEach(System.out::println);
        System.out.println(Runtime.version() + ", waits by " + THREADS + " virtual threads, failed: " + FAILURES);
        System.out.println("pinned by the engine: " + pinned.size());
        System.out.println("pinned on purpose: " + (onPurpose.isEmpty() ? "missed" : "seen"));
        System.exit(FAILURES.get() == 0 ? 0 : 1);
    }

    private static void initializeEngine() throws Exception {
        Path root = Path.of(KeyedLocker.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
        String folder = KeyedLocker.class.getPackageName().replace('.', '/');
        int initialized = 0;
        if (Files.isDirectory(root)) {
            initialized = initializeAllIn(root.resolve(folder));
        } else {
            try (FileSystem jar = FileSystems.newFileSystem(root)) {
                initialized = initializeAllIn(jar.getPath(folder));
            }
        }
        check("the engine's classes are found", initialized > 20);
    }

    private static int initializeAllIn(Path folder) throws IOException, ClassNotFoundException {
        List<String> names;
        try (Stream<Path> files = Files.list(folder)) {
            names = files.map(file -> String.valueOf(file.getFileName()))
                    .filter(name -> name.endsWith(".class") && !name.equals("package-info.class"))
                    .map(name -> KeyedLocker.class.getPackageName() + "." + name.substring(0, name.length() - 6))
                    .toList();
        }
        for (String name : names) {
            Class.forName(name);
        }
        return names.size();
    }

    private static List<RecordedEvent> events(Path file) throws IOException {
        try {
            return RecordingFile.readAllEvents(file).stream()
                    .filter(e -> e.getEventType().getName().equals("jdk.VirtualThreadPinned"))
                    .toList();
        } finally {
            Files.delete(file);
        }
    }

    private static void play(int threads, boolean fair) throws InterruptedException {
        KeyedLockerSettings settings = KeyedLockerSettings.defaults().withFair(fair);
        KeyedLocker<Integer> locker = KeyedLocker.create(settings);
        some(threads, "acquire", i -> {
            Permit permit = locker.acquire(0);
            linger(i);
            permit.close();
        });
        some(
                threads,
                "timed try",
                i -> locker.tryAcquire(0, Duration.ofMillis(1 + i % 20)).ifPresent(Permit::close));
        some(threads, "acquireAll", i -> {
            Permit permit = locker.acquireAll(List.of(i % 3, (i + 1) % 3, 3));
            linger(i);
            permit.close();
        });
        some(threads, "asLock", i -> {
            Lock lock = locker.asLock(0);
            lock.lock();
            try {
                linger(i);
            } finally {
                lock.unlock();
            }
        });
        some(threads, "future", i -> {
            Permit permit = locker.acquireAsync(0).get();
            linger(i);
            permit.close();
        });
        Executor executor = task -> VIRTUAL.newThread(task).start();
        some(
                threads,
                "supplyAsync",
                i -> locker.supplyAsync(0, () -> i, executor).get());
        some(threads, "awaitIdle beside takers", i -> {
            if (i % 2 == 0) {
                locker.awaitIdle();
            } else {
                Permit permit = locker.acquire(i % 64);
                linger(i);
                permit.close();
            }
        });
        KeyedLocker<Integer> pair = KeyedLocker.create(settings.withLimit(2));
        some(threads, "limit of two", i -> {
            Permit permit = pair.acquire(0);
            linger(i);
            permit.close();
        });
        KeyedLocker<Integer> closed = KeyedLocker.create(settings);
        closed.acquireAsync(0).join();
        some(threads, "failed by close", i -> {
            if (i == 0) {
                while (closed.overview(0).waiters() < threads / 2) {
                    LockSupport.parkNanos(1_000_000);
                }
                closed.close();
            } else {
                isRejected(closed);
            }
        });
        some(1, "rejected after close", i -> isRejected(closed));
        CountDownLatch bothHold = new CountDownLatch(2);
        AtomicInteger victims = new AtomicInteger();
        some(2, "deadlock", i -> {
            Permit permit = locker.acquire(i);
            bothHold.countDown();
            bothHold.await();
            try {
                locker.acquire(1 - i).close();
            } catch (LockDeadlockException e) {
                victims.incrementAndGet();
            }
            permit.close();
        });
        check("one victim", victims.get() == 1);
        check("idle at the end", locker.activeKeyCount() == 0);
    }

    private static void isRejected(KeyedLocker<Integer> closed) throws InterruptedException {
        try {
            closed.acquire(0);
            check("nobody gets in", false);
        } catch (KeyedLockerClosedException e) {
            // expected
        }
    }

    /** Some holders leave their carrier while they hold the key. */
    private static void linger(int number) {
        if (number % 10 == 0) {
            LockSupport.parkNanos(1_000);
        }
    }

    private static void some(int count, String name, Action action) throws InterruptedException {
        List<Thread> threads = new ArrayList<>();
        CountDownLatch start = new CountDownLatch(1);
        for (int i = 0; i < count; i++) {
            int number = i;
            threads.add(VIRTUAL.newThread(() -> {
                try {
                    start.await();
                    action.run(number);
                } catch (Throwable e) {
                    System.out.println(name + ": " + e);
                    FAILURES.incrementAndGet();
                }
            }));
        }
        threads.forEach(Thread::start);
        start.countDown();
        for (Thread thread : threads) {
            thread.join(60_000);
            check(name + " ends", !thread.isAlive());
        }
    }

    private static void check(String what, boolean holds) {
        if (!holds) {
            System.out.println("not true: " + what);
            FAILURES.incrementAndGet();
        }
    }

    /** Called by reflection, as this is compiled for an older JDK. */
    private static ThreadFactory virtualThreads() {
        try {
            Object builder = Thread.class.getMethod("ofVirtual").invoke(null);
            return (ThreadFactory) Class.forName("java.lang.Thread$Builder")
                    .getMethod("factory")
                    .invoke(builder);
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("this JVM has no virtual threads", e);
        }
    }

    /** Parks below a frame of the JVM's own, the one that initializes this class. */
    private static final class Pinning {

        static {
            LockSupport.parkNanos(50_000_000);
        }

        static void initialize() {}
    }
}
