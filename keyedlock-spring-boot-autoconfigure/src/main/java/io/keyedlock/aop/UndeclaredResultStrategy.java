// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.util.stream.BaseStream;
import org.jspecify.annotations.Nullable;

/**
 * The strategy for methods whose declared type may hide a result that completes later. Such a result is rejected after
 * the method has returned it.
 */
final class UndeclaredResultStrategy extends PlainResultStrategy {

    @Override
    @Nullable
    Object finish(@Nullable Object result, LockedMethod method) {
        if (result instanceof BaseStream<?, ?>) {
            throw new IllegalStateException("@KeyedLock on " + method.place()
                    + ": it returned a Stream, which is read after the lock is released. Return a List.");
        }
        if (result != null && LateResult.isRunning(result.getClass())) {
            throw new IllegalStateException("@KeyedLock on " + method.place() + ": it returned a "
                    + result.getClass().getName()
                    + ", which finishes after the lock is released. Declare such a result, "
                    + "or acquire the lock with KeyedLocker.acquireAsync.");
        }
        return result;
    }
}
