// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/** Initialises the classes of the engine. */
final class Statics {

    private static final Class<?>[] NEEDED = {
        Background.class,
        BackendKey.class,
        BackendRequest.class,
        Clock.class,
        ContendedState.class,
        DeadlockSearch.class,
        Entry.class,
        ExtraHold.class,
        Headroom.class,
        IdleWatch.class,
        LeasedHold.class,
        Trampoline.class,
        KeyOrder.class,
        KeyedLockerListener.HoldTiming.class,
        KeyedLockerListener.Outcome.class,
        KeyedLockerSettings.DeadlockDetection.class,
        Messages.class,
        Messages.Contention.class,
        Inspection.ObservedEntry.class,
        MostContended.Candidate.class,
        MostContended.class,
        Reentry.class,
        RejectReason.class,
        Scanner.class,
        MultiKeyFuture.Stage.class,
        SpinLock.class,
        Stripes.class,
        Table.class,
        Threads.class,
        WaitEvent.class,
        Waiter.class
    };

    private Statics() {}

    /**
     * Initialises all classes with static state when the first locker is created. A class whose initialisation fails, for
     * instance because the stack of a caller ends there, is unusable for good, and so would every locker be. Also loads what
     * sections under a stripe's lock create, because loading a class takes long, and what reports a failure on a background
     * thread, because the class loader of a stopped application may be closed by then.
     */
    static void initialize() {
        try {
            for (Class<?> type : NEEDED) {
                MethodHandles.lookup().ensureInitialized(type);
            }
        } catch (IllegalAccessException e) {
            throw new ExceptionInInitializerError(e);
        }
        WaitEvent.initializeIfInUse();
    }

    /** Returns the handle of a field of the class that created the lookup. */
    static VarHandle handle(MethodHandles.Lookup lookup, String field, Class<?> type) {
        try {
            return lookup.findVarHandle(lookup.lookupClass(), field, type);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }
}
