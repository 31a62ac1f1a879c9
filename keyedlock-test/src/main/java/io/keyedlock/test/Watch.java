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
 * Looks, when a test or a class is over, for keys that have become active since it began.
 *
 * <p>It stands in JUnit's store, which is emptied when everything else of the test or class has ended: methods that clean up,
 * and other extensions, such as Spring's, which ends the transaction of a test only there and so gives back what is held
 * until then. What is thrown from there fails the test, or is suppressed by the failure that the test has already.
 *
 * <p>Watches are nested as classes and tests are. What one has told, those around it do not tell again. Several threads use
 * one where tests run concurrently: everything that changes is guarded by the watch.
 */
final class Watch implements ExtensionContext.Store.CloseableResource, AutoCloseable {

    /** How long it waits before it looks again. A key that was active before need not end, so idle may never come. */
    private static final long INTERVAL_NANOS = 20_000_000;

    /** Without it, JUnit runs everything one after the other, whatever annotations say. */
    private static final String PARALLEL = "junit.jupiter.execution.parallel.enabled";

    private final ExtensionContext context;
    private final @Nullable Watch outer;
    private final Duration grace;
    private final List<Watched> watched = new ArrayList<>();
    private boolean begun;

    /** Whether something concurrent has begun below without a watch of its own. Written by whatever begins there. */
    private volatile boolean shared;

    /** A locker, and its keys that are not to be told. */
    private record Watched(KeyedLocker<?> locker, Set<Object> known) {}

    private record Leftover(Watched watched, KeySnapshot<?> key) {}

    Watch(ExtensionContext context, @Nullable Watch outer, Duration grace) {
        this.context = context;
        this.outer = outer;
        this.grace = grace;
    }

    /** Takes over what would be the task of a watch below. */
    void share() {
        shared = true;
    }

    /** Whether what runs in a context below may overlap with something else below this watch. */
    boolean isConcurrentIn(ExtensionContext below) {
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
     * Takes note of the lockers that there are. A locker that the first look did not find has come into being since, so none of
     * its keys was active before.
     */
    void look(Collection<KeyedLocker<?>> lockers) {
        if (outer != null) {
            outer.look(lockers);
        }
        synchronized (this) {
            for (KeyedLocker<?> locker : lockers) {
                if (watched.stream().noneMatch(one -> one.locker() == locker)) {
                    watched.add(new Watched(locker, begun ? new HashSet<>() : new HashSet<>(locker.activeKeys())));
                }
            }
            begun = true;
        }
    }

    @Override
    public void close() {
        List<Leftover> left = isLeftToOthers() ? List.of() : awaitNoneLeft();
        // Asked again: what runs concurrently says so before it takes a key, so that who has seen its keys sees this
        // too.
        if (left.isEmpty() || isLeftToOthers()) {
            return;
        }
        for (Watch around = outer; around != null; around = around.outer) {
            around.learn(left);
        }
        throw new AssertionError((left.size() == 1 ? "One key is" : left.size() + " keys are")
                + " still active after "
                + (context.getTestMethod().isPresent() ? "the test " : "the tests of the class ")
                + context.getDisplayName() + " (grace " + grace + "):"
                + Words.lines(left, Watch::describe)
                + "\nClose each permit where it was taken, best with try-with-resources, and let the test wait for what it has"
                + " started in the background; withGrace allows that more time.");
    }

    private boolean isLeftToOthers() {
        for (Watch around = outer; around != null; around = around.outer) {
            if (around.shared) {
                return true;
            }
        }
        return false;
    }

    private static String describe(Leftover left) {
        return Words.key(left.watched().locker().settings(), left.key().key()) + ": " + Words.state(left.key());
    }

    private synchronized void learn(List<Leftover> told) {
        for (Leftover left : told) {
            for (Watched one : watched) {
                if (one.locker() == left.watched().locker()) {
                    one.known().add(left.key().key());
                }
            }
        }
    }

    /** What is left once nothing is, or the time is over, or somebody wants the thread to stop waiting. */
    private List<Leftover> awaitNoneLeft() {
        // Some other code's business, but nobody can wait with it set.
        boolean interrupted = Thread.interrupted();
        try {
            long started = System.nanoTime();
            long graceNanos = nanos(grace);
            while (true) {
                List<Leftover> left = left();
                long nanos = graceNanos - (System.nanoTime() - started);
                if (left.isEmpty() || nanos <= 0) {
                    return left;
                }
                left.get(0).watched().locker().awaitIdle(Duration.ofNanos(Math.min(nanos, INTERVAL_NANOS)));
            }
        } catch (InterruptedException e) {
            interrupted = true;
            return left();
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private synchronized List<Leftover> left() {
        List<Leftover> left = new ArrayList<>();
        for (Watched one : watched) {
            for (KeySnapshot<?> key : one.locker().snapshot()) {
                if (!one.known().contains(key.key())) {
                    left.add(new Leftover(one, key));
                }
            }
        }
        return left;
    }

    private static long nanos(Duration duration) {
        try {
            return duration.toNanos();
        } catch (ArithmeticException e) {
            return Long.MAX_VALUE;
        }
    }
}
