// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import io.keyedlock.KeyedLockerListener.HoldTiming;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Several listeners behind one. Calls the listeners of a locker in the order in which they were added, outside all locks. Logs
 * what a listener throws.
 */
final class CompositeListener {

    /**
     * A registered listener.
     *
     * @param given the object that was registered, which identifies it
     * @param listener the object that is called, from {@link KeyedLockerListener#forLocker}
     * @param timing which holds it needs the time of
     */
    private record Registration(KeyedLockerListener given, KeyedLockerListener listener, HoldTiming timing) {}

    private final Registration[] all;

    private final KeyedLockerSettings settings;

    /** The most precise timing that any listener needs. */
    private final HoldTiming timing;

    /**
     * Creates a composite.
     *
     * @param earlier the listeners registered before, or null
     * @param given the listener to add; its {@code forLocker} returns the listener that is called
     * @throws IllegalStateException if {@code forLocker} returns null or throws
     */
    CompositeListener(@Nullable CompositeListener earlier, KeyedLockerListener given, KeyedLockerSettings settings) {
        Registration added = register(given, settings.name());
        if (earlier == null) {
            this.all = new Registration[] {added};
        } else {
            this.all = Arrays.copyOf(earlier.all, earlier.all.length + 1);
            this.all[earlier.all.length] = added;
        }
        this.settings = settings;
        this.timing = earlier == null || earlier.timing.compareTo(added.timing) < 0 ? added.timing : earlier.timing;
    }

    private static Registration register(KeyedLockerListener given, String lockerName) {
        String call = given.getClass().getName() + ".forLocker(\"" + lockerName + "\")";
        KeyedLockerListener listener;
        try {
            listener = given.forLocker(lockerName);
            if (listener != null) {
                return new Registration(given, listener, Objects.requireNonNull(listener.holdTiming(), "holdTiming"));
            }
        } catch (RuntimeException e) {
            throw new IllegalStateException(
                    "Listener failed in " + call + " or holdTiming(): "
                            + KeyText.inLine(e.getMessage(), Messages.LONGEST_FOREIGN),
                    e);
        }
        throw new IllegalStateException(
                call + " returned null. Return a listener: 'this', or one whose methods do nothing.");
    }

    /** Returns whether any listener needs the time for which permits are held. */
    boolean timesHolds() {
        return timing != HoldTiming.OFF;
    }

    /** Returns whether any listener needs the time of each hold. */
    boolean timesAllHolds() {
        return timing == HoldTiming.EXACT;
    }

    @SuppressWarnings("ReferenceEquality") // listeners that are equal but not identical are registered separately
    boolean has(KeyedLockerListener listener) {
        for (Registration each : all) {
            if (each.given == listener) {
                return true;
            }
        }
        return false;
    }

    void acquired(Object key) {
        for (Registration each : all) {
            try {
                each.listener.acquired(key, Duration.ZERO);
            } catch (Throwable e) {
                Messages.listenerFailed(settings, "acquired", e);
            }
        }
    }

    /**
     * Notifies the listeners that a hold has ended.
     *
     * @param end when it ended, or 0 if it is not timed
     */
    void released(Hold hold, long end) {
        // A hold that began before the first listener that times holds, and was not inspected since, has no start.
        long since = end == 0 ? 0 : hold.since;
        Duration held = since == 0 ? Duration.ZERO : Duration.ofNanos(Math.max(1, end - since));
        for (Registration each : all) {
            try {
                each.listener.released(hold.entry().key, each.timing == HoldTiming.OFF ? Duration.ZERO : held);
            } catch (Throwable e) {
                Messages.listenerFailed(settings, "released", e);
            }
        }
    }

    /** Notifies the listeners that a wait has ended; with a permit if there is no failure. */
    void waited(Waiter waiter, KeyedLockerListener.@Nullable Outcome failure, Duration waited) {
        Object key = waiter.entry.key;
        if (failure == null) {
            each("acquired", listener -> listener.acquired(key, waited));
        } else {
            each("notAcquired", listener -> listener.notAcquired(key, failure, waited));
        }
    }

    KeyedLockerListener.@Nullable Wait waiting(Waiter waiter) {
        KeyedLockerListener.Wait waits = null;
        for (Registration each : all) {
            try {
                waits = waiter.combine(waits, each.listener.waiting(waiter.entry.key, waiter.ahead));
            } catch (Throwable e) {
                Messages.listenerFailed(settings, "waiting", e);
            }
        }
        return waits;
    }

    void notAcquired(Object key, KeyedLockerListener.Outcome outcome) {
        each("notAcquired", listener -> listener.notAcquired(key, outcome, Duration.ZERO));
    }

    void longHold(Object key, KeySnapshot.Caller holder, List<StackTraceElement> stack) {
        each("longHold", listener -> listener.longHold(key, holder, stack));
    }

    void suspectedDeadlock(Object key, String description, List<List<StackTraceElement>> stacks) {
        each("suspectedDeadlock", listener -> listener.suspectedDeadlock(key, description, stacks));
    }

    void leaseLost(Object key) {
        each("leaseLost", listener -> listener.leaseLost(key));
    }

    private void each(String event, Consumer<KeyedLockerListener> call) {
        for (Registration each : all) {
            try {
                call.accept(each.listener);
            } catch (Throwable e) {
                Messages.listenerFailed(settings, event, e);
            }
        }
    }
}
