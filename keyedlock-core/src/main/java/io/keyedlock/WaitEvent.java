// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.FlightRecorder;
import jdk.jfr.Label;
import jdk.jfr.Name;
import org.jspecify.annotations.Nullable;

/**
 * The Flight Recorder event of a wait. No event is created unless a recording has enabled it. This class is not the event
 * itself, so that it links in a run-time image without the Flight Recorder.
 */
final class WaitEvent {

    private static final boolean AVAILABLE =
            ModuleLayer.boot().findModule("jdk.jfr").isPresent();

    /** Set once the event is initialised. Until then no wait is recorded. */
    private static volatile boolean ready;

    private WaitEvent() {}

    /**
     * Initialises the event if the Flight Recorder is in use already. Otherwise that would start it, which takes a considerable part
     * of an application's start, and the first scan does it.
     */
    static void initializeIfInUse() {
        if (AVAILABLE && FlightRecorder.isInitialized()) {
            initialize();
        }
    }

    /**
     * Initialises the event. Never called by a thread that acquires or releases: the Flight Recorder becomes unusable if the stack
     * ends while it starts.
     */
    static void initialize() {
        if (AVAILABLE && !ready) {
            try {
                Recorded.initialize();
                ready = true;
            } catch (Throwable e) {
                // Most likely out of memory. Waits are not recorded in this JVM.
            }
        }
    }

    /** Begins the event of a wait, or returns null if no recording has enabled it. */
    static KeyedLockerListener.@Nullable Wait begin(Waiter waiter) {
        return ready ? Recorded.begin(waiter) : null;
    }

    @Name("keyedlock.Wait")
    @Label("Keyed Lock Wait")
    @Category({"keyedlock"})
    @Description("A caller waited for a permit of a key")
    static final class Recorded extends Event {

        /** Used only to check whether a recording has enabled the event; never committed. */
        private static final Recorded DORMANT = new Recorded();

        @Label("Locker")
        String locker = "";

        @Label("Key")
        @Description("Empty unless the settings of the locker show keys")
        String key = "";

        @Label("Waiters Ahead")
        int waitersAhead;

        @Label("Outcome")
        String outcome = "";

        /** Initialises this class by being called. */
        static void initialize() {}

        static KeyedLockerListener.@Nullable Wait begin(Waiter waiter) {
            if (!DORMANT.isEnabled()) {
                return null;
            }
            Recorded event = new Recorded();
            event.begin();
            return (failure, waited) -> {
                if (event.shouldCommit()) {
                    KeyedLockerSettings settings = waiter.entry.stripe.locker.settings;
                    event.locker = settings.name();
                    event.key = settings.showKeys() ? KeyText.inLine(waiter.entry.key) : "";
                    event.waitersAhead = waiter.ahead;
                    event.outcome = failure == null ? "ACQUIRED" : failure.name();
                    event.commit();
                }
            };
        }
    }
}
