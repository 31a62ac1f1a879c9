// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ThreadFactory;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

/**
 * Where the system gives the engine no more threads, callers get their permits all the same, or an error and nothing else. In
 * a JVM of its own, in which the engine has no threads yet.
 */
class NoThreadsTests {

    private static final String DONE = "all as it should be";

    @Test
    void nothingIsLostWhereNoThreadCanBeStarted() throws Exception {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        NoThreadsTests.class.getName())
                .redirectErrorStream(true)
                .start();
        try {
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(said).contains(DONE);
            assertThat(process.waitFor()).as(said).isZero();
        } finally {
            process.destroyForcibly();
        }
    }

    public static void main(String[] args) throws Exception {
        ThreadFactory ofScanner = Background.SCANNER.getThreadFactory();
        ThreadFactory none = task -> {
            throw new OutOfMemoryError("unable to create native thread");
        };
        Background.SCANNER.setThreadFactory(none);
        Background.TIMER.setThreadFactory(none);
        scanThatCannotBeStartedCostsNoPermitAndIsStartedLater(ofScanner);
        futureWhoseEndCannotBeTimedFailsAndLeavesTheQueue();
        System.out.println(DONE);
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
        // The task of the start that failed has had its turn as well, and did not become a second scan.
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

    private static DefaultKeyedLocker<String> locker() {
        return DefaultKeyedLocker.create(KeyedLockerSettings.defaults().withLongHold(Duration.ofMillis(4)), null);
    }
}
