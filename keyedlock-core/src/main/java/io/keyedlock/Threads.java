// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import org.jspecify.annotations.Nullable;

/** Thread properties of newer JDKs, callable from Java 17 bytecode. */
final class Threads {

    /** {@code Thread.isVirtual()}, or null on a JDK without virtual threads. */
    private static final @Nullable MethodHandle IS_VIRTUAL = findIsVirtual();

    private Threads() {}

    static boolean isVirtual(Thread thread) {
        if (IS_VIRTUAL == null) {
            return false;
        }
        try {
            return (boolean) IS_VIRTUAL.invokeExact(thread);
        } catch (Throwable e) {
            throw new IllegalStateException("Thread.isVirtual failed", e);
        }
    }

    @SuppressWarnings("deprecation") // threadId() came with Java 19
    static long idOf(Thread thread) {
        return thread.getId();
    }

    private static @Nullable MethodHandle findIsVirtual() {
        try {
            return MethodHandles.publicLookup()
                    .findVirtual(Thread.class, "isVirtual", MethodType.methodType(boolean.class));
        } catch (NoSuchMethodException | IllegalAccessException e) {
            return null;
        }
    }
}
