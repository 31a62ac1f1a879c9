// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.annotation.KeyedLock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordedFrame;
import jdk.jfr.consumer.RecordedMethod;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/** Uses the Flight Recorder to check that library code never parks, sleeps or waits for a monitor on an event loop. */
@ExtendWith(OutputCaptureExtension.class)
class EventLoopTests {

    private static final List<String> BLOCKS =
            List.of("jdk.ThreadPark", "jdk.ThreadSleep", "jdk.JavaMonitorWait", "jdk.JavaMonitorEnter");

    @TempDir
    Path directory;

    @Test
    void contendedCallsParkNoEventLoop() {
        Contexts.runner(Calls.class).run(context -> {
            Calls calls = context.getBean(Calls.class);
            Scheduler loops = Schedulers.newParallel("loop", 2);
            try {
                // A first recorded run loads the classes, as loading a class locks it.
                blockedLoops(() -> call(calls, loops));
                assertThat(blockedLoops(() -> call(calls, loops))).isEmpty();
            } finally {
                loops.dispose();
            }
            Bodies.awaitIdle(context.getBean(KeyedLockerRegistry.class));
        });
    }

    private static void call(Calls calls, Scheduler loops) {
        Flux.range(0, 2_000)
                .flatMap(
                        i -> Mono.defer(() -> switch (i % 3) {
                                    case 0 -> calls.mono("key" + i % 2);
                                    case 1 -> calls.flux("key" + i % 2).last();
                                    default -> Mono.fromFuture(() -> calls.stage("key" + i % 2));
                                })
                                .subscribeOn(loops),
                        64)
                .blockLast(Duration.ofSeconds(60));
    }

    /** Verifies the check: a method with a plain result blocks, which is detected. */
    @Test
    void aPlainMethodIsDetectedAsBlocking() {
        Contexts.runner(Calls.class).run(context -> {
            Calls calls = context.getBean(Calls.class);
            Scheduler loops = Schedulers.newParallel("loop", 2);
            try {
                List<RecordedEvent> blocked = blockedLoops(() -> {
                    CompletableFuture<String> gate = new CompletableFuture<>();
                    CompletableFuture<String> first = Mono.fromCallable(() -> calls.plain("a", gate))
                            .subscribeOn(Schedulers.boundedElastic())
                            .toFuture();
                    Bodies.until(() -> calls.isInside());
                    AtomicReference<Thread> loop = new AtomicReference<>();
                    CompletableFuture<String> second = Mono.fromCallable(() -> {
                                loop.set(Thread.currentThread());
                                return calls.plain("a", gate);
                            })
                            .subscribeOn(loops)
                            .toFuture();
                    var locker = Bodies.locker(context.getBean(KeyedLockerRegistry.class), "plain");
                    // It waits with the default wait time, so the wait ends.
                    Bodies.until(() ->
                            Bodies.waiters(locker, "a") == 1 && loop.get().getState() == Thread.State.TIMED_WAITING);
                    gate.complete("done");
                    first.get(60, TimeUnit.SECONDS);
                    second.get(60, TimeUnit.SECONDS);
                });
                assertThat(blocked).isNotEmpty();
            } finally {
                loops.dispose();
            }
        });
    }

    @Test
    void plainMethodOnAnEventLoopIsReportedOnce(CapturedOutput output) {
        Contexts.runner(Calls.class).run(context -> {
            Calls calls = context.getBean(Calls.class);
            CompletableFuture<String> open = CompletableFuture.completedFuture("done");
            calls.plain("a", open);
            Mono.fromCallable(() -> calls.plain("a", open))
                    .subscribeOn(Schedulers.boundedElastic())
                    .block();
            assertThat(output).doesNotContain("on the event loop");
            for (int i = 0; i < 3; i++) {
                Mono.fromCallable(() -> calls.plain("a", open) + calls.impatient("a"))
                        .subscribeOn(Schedulers.parallel())
                        .block();
            }
            assertThat(output)
                    .containsOnlyOnce(
                            "Calls.plain(String,CompletableFuture) waits for its key on the event loop 'parallel-")
                    .doesNotContain("Calls.impatient");
        });
    }

    private List<RecordedEvent> blockedLoops(Work work) throws Exception {
        Path file = directory.resolve("blocks.jfr");
        try (Recording recording = new Recording()) {
            BLOCKS.forEach(event ->
                    recording.enable(event).withThreshold(Duration.ZERO).withStackTrace());
            recording.start();
            work.run();
            recording.stop();
            recording.dump(file);
        }
        List<RecordedEvent> found = blocked(file);
        Files.delete(file);
        return found;
    }

    private static List<RecordedEvent> blocked(Path file) throws IOException {
        return RecordingFile.readAllEvents(file).stream()
                .filter(event -> BLOCKS.contains(event.getEventType().getName()))
                .filter(event -> event.getThread() != null
                        && event.getThread().getJavaName() != null
                        && event.getThread().getJavaName().matches("(loop|parallel)-.*"))
                .filter(EventLoopTests::isByUs)
                .toList();
    }

    /**
     * Returns whether library code blocked, not, for instance, the lock of a scheduler's queue. What
     * the recorder does to record an event of the library is ignored.
     */
    private static boolean isByUs(RecordedEvent event) {
        if (event.getStackTrace() == null) {
            return false;
        }
        List<RecordedMethod> methods = event.getStackTrace().getFrames().stream()
                .map(RecordedFrame::getMethod)
                .toList();
        List<String> types =
                methods.stream().map(method -> method.getType().getName()).toList();
        boolean isBrief = methods.stream()
                .filter(method -> !method.getType().getName().startsWith("jdk.internal.")
                        && !method.getType().getName().startsWith("java.util.concurrent.locks."))
                .findFirst()
                .filter(EventLoopTests::hasBriefSections)
                .isPresent();
        boolean isAwaited = types.stream().anyMatch(type -> type.endsWith("ConditionObject"));
        return (isAwaited || !isBrief)
                && types.stream().noneMatch(type -> type.startsWith("jdk.jfr."))
                && types.stream()
                        .filter(type -> !type.startsWith("java.") && !type.startsWith("jdk."))
                        .findFirst()
                        .filter(EventLoopTests::isOurs)
                        .isPresent();
    }

    /**
     * Returns whether a JDK method uses a lock for short sections: those of the queue of the timer that all
     * waits share, and those that start its threads.
     */
    private static boolean hasBriefSections(RecordedMethod method) {
        String type = method.getType().getName();
        return switch (type) {
            case "java.lang.ThreadGroup", "java.util.concurrent.ThreadPoolExecutor" -> true;
            // Its compute methods call other code in such a section.
            case "java.util.concurrent.ConcurrentHashMap" ->
                !method.getName().startsWith("compute") && !method.getName().equals("merge");
            default -> type.startsWith("java.util.concurrent.") && type.endsWith("Queue");
        };
    }

    private static boolean isOurs(String type) {
        // A spin lock yields if its owner was preempted.
        return type.startsWith("io.keyedlock.") && !type.contains("Tests") && !type.endsWith(".SpinLock");
    }

    private interface Work {
        void run() throws Exception;
    }

    static class Calls {

        private volatile boolean inside;

        boolean isInside() {
            return inside;
        }

        @KeyedLock(key = "#key")
        Mono<String> mono(String key) {
            return Mono.just(key).publishOn(Schedulers.parallel());
        }

        @KeyedLock(key = "#key")
        Flux<String> flux(String key) {
            return Flux.just(key, key).publishOn(Schedulers.parallel());
        }

        @KeyedLock(key = "#key")
        CompletableFuture<String> stage(String key) {
            return CompletableFuture.supplyAsync(() -> key);
        }

        @KeyedLock(key = "#key", waitTime = "0s")
        String impatient(String key) {
            return key;
        }

        @KeyedLock(key = "#key")
        String plain(String key, CompletableFuture<String> gate) {
            inside = true;
            return gate.join();
        }
    }
}
