// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Calls the listeners of a locker, in the order in which they came. Always outside all locks; what a listener throws is
 * logged and goes no further.
 */
final class CompositeListener {

    /**
     * A listener.
     *
     * @param given as it was given, by which it is known again
     * @param listener as it is called
     * @param timesHolds whether it wants to know how long permits are held
     */
    private record Heard(KeyedLockerListener given, KeyedLockerListener listener, boolean timesHolds) {}

    private final Heard[] all;

    private final KeyedLockerSettings settings;

    /** Whether any of them wants holds to be timed. */
    final boolean timesHolds;

    /**
     * Adds a listener.
     *
     * @param earlier those who came before, or null
     * @param given the listener as it was given, which is asked for the listener of this locker
     * @param settings those of this locker
     * @throws IllegalStateException if it returns null or throws
     */
    CompositeListener(@Nullable CompositeListener earlier, KeyedLockerListener given, KeyedLockerSettings settings) {
        Heard heard = ask(given, settings.name());
        if (earlier == null) {
            this.all = new Heard[] {heard};
        } else {
            this.all = Arrays.copyOf(earlier.all, earlier.all.length + 1);
            this.all[earlier.all.length] = heard;
        }
        this.settings = settings;
        this.timesHolds = heard.timesHolds || (earlier != null && earlier.timesHolds);
    }

    private static Heard ask(KeyedLockerListener given, String lockerName) {
        String call = given.getClass().getName() + ".forLocker(\"" + lockerName + "\")";
        KeyedLockerListener listener;
        try {
            listener = given.forLocker(lockerName);
            if (listener != null) {
                return new Heard(given, listener, listener.timesHolds());
            }
        } catch (RuntimeException e) {
            throw new IllegalStateException(
                    "Listener failed in " + call + " or timesHolds(): "
                            + KeyText.inLine(e.getMessage(), Messages.LONGEST_FOREIGN),
                    e);
        }
        throw new IllegalStateException(
                call + " returned null. Return a listener: 'this', or one whose methods do nothing.");
    }

    @SuppressWarnings("ReferenceEquality") // one listener may equal another and still hear for itself
    boolean has(KeyedLockerListener asked) {
        for (Heard heard : all) {
            if (heard.given == asked) {
                return true;
            }
        }
        return false;
    }

    void acquired(Object key) {
        for (Heard heard : all) {
            try {
                heard.listener.acquired(key, Duration.ZERO);
            } catch (Throwable e) {
                Messages.listenerFailed(settings, "acquired", e);
            }
        }
    }

    /**
     * A hold has ended.
     *
     * @param end when, unless no listener times holds
     */
    void released(Hold hold, long end) {
        // A hold that began before anybody wanted to know, and that nobody has looked at since, has no beginning.
        long since = timesHolds ? hold.since : 0;
        Duration held = since != 0 ? Duration.ofNanos(Math.max(0, end - since)) : Duration.ZERO;
        for (Heard heard : all) {
            try {
                heard.listener.released(hold.entry().key, heard.timesHolds ? held : Duration.ZERO);
            } catch (Throwable e) {
                Messages.listenerFailed(settings, "released", e);
            }
        }
    }

    /** The end of a wait: acquired if there is no failure. */
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
        for (Heard heard : all) {
            try {
                waits = waiter.both(waits, heard.listener.waiting(waiter.entry.key, waiter.ahead));
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
        for (Heard heard : all) {
            try {
                call.accept(heard.listener);
            } catch (Throwable e) {
                Messages.listenerFailed(settings, event, e);
            }
        }
    }
}
