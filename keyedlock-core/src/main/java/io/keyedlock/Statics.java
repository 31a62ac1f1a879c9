// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/** The static state of the engine, and when it is initialised. */
final class Statics {

    private static final Class<?>[] NEEDED = {
        Background.class,
        Clock.class,
        DeadlockSearch.class,
        Trampoline.class,
        KeyOrder.class,
        KeyedLockerListener.Outcome.class,
        KeyedLockerSettings.DeadlockDetection.class,
        Messages.class,
        MostContended.class,
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
     * Initialises all classes with static state, as the first locker is made. A class breaks for good if its initialisation
     * fails, for instance because the stack of a caller ends there, and with it every locker would. Also loads what reports a
     * failure on a background thread: by then the class loader of a stopped application may have been closed.
     */
    static void initialize() {
        try {
            for (Class<?> type : NEEDED) {
                MethodHandles.lookup().ensureInitialized(type);
            }
        } catch (IllegalAccessException e) {
            throw new ExceptionInInitializerError(e);
        }
        WaitEvent.initialize();
    }

    /** The handle of a field of the class that looks it up. */
    static VarHandle handle(MethodHandles.Lookup lookup, String field, Class<?> type) {
        try {
            return lookup.findVarHandle(lookup.lookupClass(), field, type);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }
}
