// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.test;

import io.keyedlock.KeySnapshot;
import io.keyedlock.KeyedLocker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Checks at the end of a test or a class for keys that have become active since it began.
 *
 * <p>JUnit's store contains the check and closes it after everything else of the test or class has ended: methods that clean
 * up, and other extensions, such as Spring's, which ends the transaction of a test, and so releases the keys held until then.
 * An error thrown by {@link #close()} fails the test, or is suppressed by the failure that the test already has.
 *
 * <p>Checks are nested like classes and tests. A leak that one has reported is not reported again by the checks around it.
 * Several threads may use a check if tests run concurrently; its mutable fields are guarded by {@code this}.
 */
final class LeakCheck implements ExtensionContext.Store.CloseableResource, AutoCloseable {

    /** The time between two checks. A key that was active before may stay active, so the locker may never become idle. */
    private static final long INTERVAL_NANOS = 20_000_000;

    /** The JUnit parameter without which all tests run sequentially, whatever their annotations. */
    private static final String PARALLEL = "junit.jupiter.execution.parallel.enabled";

    private final ExtensionContext context;
    private final @Nullable LeakCheck outer;
    private final Duration grace;

    /** Guarded by {@code this}. */
    private final List<CheckedLocker> checked = new ArrayList<>();

    /** Whether lockers were added before. Guarded by {@code this}. */
    private boolean begun;

    /** Whether a concurrent test or class below uses this check instead of one of its own. */
    private volatile boolean shared;

    /** A locker, with the keys that are not leaks of this test or class. */
    private record CheckedLocker(KeyedLocker<?> locker, Set<Object> known) {}

    private record Leak(CheckedLocker checked, KeySnapshot<?> key) {}

    LeakCheck(ExtensionContext context, @Nullable LeakCheck outer, Duration grace) {
        this.context = context;
        this.outer = outer;
        this.grace = grace;
    }

    /** Also checks the keys of a test or class below that has no check of its own. */
    void share() {
        shared = true;
    }

    /** Returns whether a context below this check may run concurrently with another one below it. */
    boolean runsConcurrently(ExtensionContext below) {
        if (below.getConfigurationParameter(PARALLEL)
                .filter(Boolean::parseBoolean)
                .isEmpty()) {
            return false;
        }
        for (ExtensionContext c = below; !c.getUniqueId().equals(context.getUniqueId()); ) {
            if (c.getExecutionMode() == ExecutionMode.CONCURRENT) {
                return true;
            }
            c = c.getParent().orElse(context);
        }
        return false;
    }

    /**
     * Adds the existing lockers. A locker that was not among the first ones was created later, so none of its keys was active
     * before.
     */
    void addLockers(Collection<KeyedLocker<?>> lockers) {
        if (outer != null) {
            outer.addLockers(lockers);
        }
        synchronized (this) {
            for (KeyedLocker<?> locker : lockers) {
                if (checked.stream().noneMatch(one -> one.locker() == locker)) {
                    Set<Object> known = begun ? new HashSet<>() : new HashSet<>(locker.activeKeys());
                    checked.add(new CheckedLocker(locker, known));
                }
            }
            begun = true;
        }
    }

    @Override
    public void close() {
        List<Leak> leaks = isDoneByOuter() ? List.of() : awaitNoLeaks();
        // Checked again: a concurrent test shares the check before it acquires a key, so this sees it if it has seen
        // the key.
        if (leaks.isEmpty() || isDoneByOuter()) {
            return;
        }
        for (LeakCheck around = outer; around != null; around = around.outer) {
            around.addKnown(leaks);
        }
        throw new AssertionError((leaks.size() == 1 ? "One key is" : leaks.size() + " keys are")
                + " still active after "
                + (context.getTestMethod().isPresent() ? "the test " : "the tests of the class ")
                + context.getDisplayName() + " (grace " + grace + "):"
                + Descriptions.lines(leaks, LeakCheck::describe)
                + "\nClose each permit where it was acquired, preferably with try-with-resources, and let the test wait for its"
                + " background work; withGrace allows more time for that.");
    }

    private boolean isDoneByOuter() {
        for (LeakCheck around = outer; around != null; around = around.outer) {
            if (around.shared) {
                return true;
            }
        }
        return false;
    }

    private static String describe(Leak leak) {
        return Descriptions.key(leak.checked().locker().settings(), leak.key().key()) + ": "
                + Descriptions.state(leak.key());
    }

    private synchronized void addKnown(List<Leak> reported) {
        for (Leak leak : reported) {
            for (CheckedLocker one : checked) {
                if (one.locker() == leak.checked().locker()) {
                    one.known().add(leak.key().key());
                }
            }
        }
    }

    /**
     * Waits until there are no leaks, the grace period has passed, or the thread is interrupted. Returns the remaining leaks.
     */
    private List<Leak> awaitNoLeaks() {
        // The flag belongs to other code and is restored, but this cannot wait with it set.
        boolean interrupted = Thread.interrupted();
        try {
            long started = System.nanoTime();
            long graceNanos = nanos(grace);
            while (true) {
                List<Leak> leaks = leaks();
                long nanos = graceNanos - (System.nanoTime() - started);
                if (leaks.isEmpty() || nanos <= 0) {
                    return leaks;
                }
                leaks.get(0).checked().locker().awaitIdle(Duration.ofNanos(Math.min(nanos, INTERVAL_NANOS)));
            }
        } catch (InterruptedException e) {
            interrupted = true;
            return leaks();
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private synchronized List<Leak> leaks() {
        List<Leak> leaks = new ArrayList<>();
        for (CheckedLocker one : checked) {
            for (KeySnapshot<?> key : one.locker().snapshot()) {
                if (!one.known().contains(key.key())) {
                    leaks.add(new Leak(one, key));
                }
            }
        }
        return leaks;
    }

    private static long nanos(Duration duration) {
        try {
            return duration.toNanos();
        } catch (ArithmeticException e) {
            return Long.MAX_VALUE;
        }
    }
}
