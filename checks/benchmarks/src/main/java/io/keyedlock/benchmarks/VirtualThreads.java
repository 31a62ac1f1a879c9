// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/** Starts virtual threads from Java 17 bytecode. */
final class VirtualThreads {

    /** The first Java version with virtual threads. */
    static final int SINCE = 21;

    private static final MethodHandle START = find();

    private VirtualThreads() {}

    static void start(Runnable task) {
        try {
            Object thread = (Thread) START.invokeExact(task);
            if (thread == null) {
                throw new AssertionError("no thread");
            }
        } catch (Throwable e) {
            throw new IllegalStateException("Thread.startVirtualThread failed", e);
        }
    }

    private static MethodHandle find() {
        try {
            return MethodHandles.publicLookup()
                    .findStatic(
                            Thread.class, "startVirtualThread", MethodType.methodType(Thread.class, Runnable.class));
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("Virtual threads need JDK " + SINCE + " or later", e);
        }
    }
}
