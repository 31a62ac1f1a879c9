// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.util.stream.BaseStream;
import org.jspecify.annotations.Nullable;

/** For methods whose declared type could hide a result that finishes later: that is refused when it is seen. */
final class UndeclaredResultStrategy extends PlainResultStrategy {

    @Override
    @Nullable
    Object finish(@Nullable Object result, LockedMethod method) {
        if (result instanceof BaseStream<?, ?>) {
            throw new IllegalStateException("@KeyedLock on " + method.place()
                    + ": it returned a Stream, which is read after" + " the lock is given back. Return a List.");
        }
        if (result != null && LateResult.isRunning(result.getClass())) {
            throw new IllegalStateException("@KeyedLock on " + method.place() + ": it returned a "
                    + result.getClass().getName()
                    + ", which finishes after the lock is given back. Declare such a result, "
                    + "or take the lock with KeyedLocker.acquireAsync.");
        }
        return result;
    }
}
