// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import jdk.jfr.Recording;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The cost of a wait's event without a recording: no allocation beyond that of the wait, and one check of a flag.
 * Waits of futures are measured, as they need no second thread.
 */
@Tag("stress")
class WaitEventPriceTests {

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private static final int ROUNDS = 100_000;

    /** The number of rounds until all code is compiled. */
    private static final int WARM_UP = 10;

    private static final Duration PATIENCE = Duration.ofMinutes(1);

    private final DefaultKeyedLocker<Object> locker = DefaultKeyedLocker.create(KeyedLockerSettings.defaults(), null);

    private Permit held = locker.acquireAsync("k").join();

    @AfterEach
    void endTheWaits() {
        locker.close();
        held.close();
    }

    @Test
    void nothingIsAllocatedWhileNobodyRecords() {
        CompletableFuture<Permit> waiting = locker.acquireAsync("k");
        Entry entry = ((Hold) held).entry();
        Waiter waiter = new Waiter(entry, null, (PermitFuture) waiting, new ExtraHold(entry, null), 0, 1, null);
        double bytes = bytesOf(() -> {
            if (WaitEvent.begin(waiter) != null) {
                throw new AssertionError("a recording is active");
            }
        });
        System.out.printf("the event of a wait, not recorded: %.2f bytes%n", bytes);
        assertThat(bytes).isLessThan(1);
    }

    @Test
    void waitAllocatesMoreOnlyWhileItIsRecorded() {
        double before = settledBytesOf(this::handOver);
        double recorded;
        try (Recording recording = new Recording()) {
            recording.enable("keyedlock.Wait").withThreshold(Duration.ZERO);
            recording.start();
            recorded = bytesOf(this::handOver);
        }
        // Code that was compiled during a recording may have to be compiled again.
        double after = bytesOf(this::handOver);
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (after >= before + 1 && System.nanoTime() < end) {
            after = bytesOf(this::handOver);
        }
        System.out.printf(
                "a wait that is granted: %.0f bytes, %.0f while recorded, %.0f after that%n", before, recorded, after);
        assertThat(recorded).isGreaterThan(before);
        assertThat(after).isLessThan(before + 1);
    }

    /** One wait, which is granted. */
    private void handOver() {
        CompletableFuture<Permit> waiting = locker.acquireAsync("k");
        held.close();
        held = waiting.join();
    }

    /** Measures until two consecutive results agree, so that all code is compiled. */
    private static double settledBytesOf(Runnable action) {
        long end = System.nanoTime() + PATIENCE.toNanos();
        double earlier;
        double bytes = bytesOf(action);
        do {
            earlier = bytes;
            bytes = bytesOf(action);
        } while (Math.abs(bytes - earlier) >= 1 && System.nanoTime() < end);
        return Math.min(bytes, earlier);
    }

    /** Returns the minimum of several rounds, as code that is not compiled yet allocates more. */
    private static double bytesOf(Runnable action) {
        double least = Double.MAX_VALUE;
        for (int i = 0; i < WARM_UP; i++) {
            long before = THREADS.getCurrentThreadAllocatedBytes();
            for (int round = 0; round < ROUNDS; round++) {
                action.run();
            }
            least = Math.min(least, (double) (THREADS.getCurrentThreadAllocatedBytes() - before) / ROUNDS);
        }
        return least;
    }
}
