// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.stress;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;

/** Ends the program with a dump of all threads when nothing has moved for long. */
public final class Watchdog implements AutoCloseable {

    private static final int SECONDS_OF_PATIENCE = 30;

    private final CountDownLatch closed = new CountDownLatch(1);

    /**
     * Begins to watch.
     *
     * @param moves grows as long as something moves
     * @param what describes the current action
     * @param out where to print
     */
    public Watchdog(LongAdder moves, Supplier<String> what, PrintStream out) {
        Thread thread = new Thread(
                () -> {
                    try {
                        watch(moves, what, out);
                    } catch (InterruptedException e) {
                        out.println("The watchdog was interrupted");
                    }
                },
                "watchdog");
        thread.setDaemon(true);
        thread.start();
    }

    private void watch(LongAdder moves, Supplier<String> what, PrintStream out) throws InterruptedException {
        long last = -1;
        int idle = 0;
        while (!closed.await(1, TimeUnit.SECONDS)) {
            long now = moves.sum();
            idle = now == last ? idle + 1 : 0;
            last = now;
            if (idle >= SECONDS_OF_PATIENCE) {
                out.println("STUCK: nothing has moved for " + idle + " seconds in " + what.get());
                dump(out);
                out.flush();
                Runtime.getRuntime().halt(3);
            }
        }
    }

    /** Uses the JDK's own tool, which includes virtual threads. */
    private static void dump(PrintStream out) {
        Thread.getAllStackTraces().forEach((thread, stack) -> {
            out.println(thread);
            for (StackTraceElement frame : stack) {
                out.println("    " + frame);
            }
        });
        try {
            Path file = Files.createTempDirectory("stress").resolve("threads.txt");
            Path jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd");
            if (Runtime.version().feature() >= 21 && Files.isExecutable(jcmd)) {
                new ProcessBuilder(
                                jcmd.toString(),
                                Long.toString(ProcessHandle.current().pid()),
                                "Thread.dump_to_file",
                                file.toString())
                        .start()
                        .waitFor(20, TimeUnit.SECONDS);
                out.println("virtual threads: " + file);
            }
        } catch (IOException | InterruptedException e) {
            out.println("no dump of virtual threads: " + e);
        }
    }

    @Override
    public void close() {
        closed.countDown();
    }
}
