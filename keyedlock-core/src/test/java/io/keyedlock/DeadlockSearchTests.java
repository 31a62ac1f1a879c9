// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static io.keyedlock.OtherThread.until;
import static io.keyedlock.OtherThread.waiters;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadFactory;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/** The scenes of the deadlock search, with platform threads and with virtual threads. */
class DeadlockSearchTests {

    @Nested
    class OnPlatformThreads extends DeadlockScenes {

        @Override
        ThreadFactory threads() {
            return OtherThread::daemon;
        }
    }

    @Nested
    @EnabledForJreRange(min = JRE.JAVA_21)
    class OnVirtualThreads extends DeadlockScenes {

        @Override
        ThreadFactory threads() {
            return VirtualThreads.factory();
        }
    }

    /** Runs the scenes in a newer JVM if this one has no virtual threads. */
    @Test
    @EnabledForJreRange(max = JRE.JAVA_20)
    void allScenesPassOnVirtualThreadsOfANewerJdk() throws IOException, InterruptedException {
        Optional<Path> jdk = NewerJdk.home();
        assumeTrue(jdk.isPresent(), "no JDK with virtual threads stands beside this one");
        Process process = new ProcessBuilder(
                        jdk.orElseThrow().resolve("bin").resolve("java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        VirtualThreads.class.getName())
                .redirectErrorStream(true)
                .start();
        try {
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(process.waitFor())
                    .as("exit status of the other JVM, which said:%n%s", said)
                    .isZero();
            assertThat(said).contains("scenes played");
        } finally {
            process.destroyForcibly();
        }
    }

    /** Uses the system clock and the background scan. */
    @Test
    void theScanFindsACycleByItself() {
        KeyedLocker<String> locker = KeyedLocker.create();
        List<OtherThread<String>> both = List.of(
                OtherThread.calls(() -> takesBoth(locker, "a", "b")),
                OtherThread.calls(() -> takesBoth(locker, "b", "a")));
        assertThat(both).extracting(OtherThread::result).containsExactlyInAnyOrder("deadlock", "done");
        until(() -> locker.activeKeyCount() == 0);
    }

    private static String takesBoth(KeyedLocker<String> locker, String first, String second)
            throws InterruptedException {
        try (Permit one = locker.acquire(first)) {
            until(() -> locker.activeKeyCount() == 2 || waiters(locker, first) > 0);
            locker.acquire(second).close();
            return one == null ? "never" : "done";
        } catch (LockDeadlockException e) {
            return "deadlock";
        }
    }

    /** Finds a JDK with virtual threads. */
    static final class NewerJdk {

        private NewerJdk() {}

        /** Returns the JDK that {@code -Dkeyedlock.newer-jdk} names, or the first in the directory of this one. */
        static Optional<Path> home() {
            String named = System.getProperty("keyedlock.newer-jdk");
            if (named != null) {
                return Optional.of(Path.of(named));
            }
            File[] neighbours = new File(System.getProperty("java.home"))
                    .getAbsoluteFile()
                    .getParentFile()
                    .listFiles(NewerJdk::hasVirtualThreads);
            return neighbours == null || neighbours.length == 0
                    ? Optional.empty()
                    : Optional.of(neighbours[0].toPath());
        }

        private static boolean hasVirtualThreads(File home) {
            try {
                return Files.readAllLines(home.toPath().resolve("release")).stream()
                        .anyMatch(line -> line.matches("JAVA_VERSION=\"(2[1-9]|[3-9][0-9]).*"));
            } catch (IOException e) {
                return false;
            }
        }
    }
}
