// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jcstress;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.KeyedLockerSettings.DeadlockDetection;
import io.keyedlock.Permit;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;

/**
 * The initial state of most tests: a locker, and a key that is held by a permit without an owner. The locker has no scan,
 * as there are millions of states.
 */
class Scene {

    static final String KEY = "k";

    final KeyedLocker<Object> locker;

    final Permit held;

    /** A barrier for actors of different speed, so that their next actions collide. */
    private volatile boolean ready;

    Scene() {
        this(KeyedLockerSettings.defaults());
    }

    Scene(KeyedLockerSettings settings) {
        locker = locker(settings);
        held = locker.acquireAsync(KEY).join();
    }

    static KeyedLocker<Object> locker(KeyedLockerSettings settings) {
        return KeyedLocker.create(
                settings.withDeadlockDetection(DeadlockDetection.OFF).withLongHold(Duration.ZERO));
    }

    void isReady() {
        ready = true;
    }

    void awaitReady() {
        while (!ready) {
            Thread.onSpinWait();
        }
    }

    /** Returns the result of a blocking call that is never interrupted, as actors must not throw checked exceptions. */
    static <T> T uninterrupted(Callable<T> blocking) {
        try {
            return blocking.call();
        } catch (RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    /** Acquires a permit of the key without reentering. Returns 1 if one was free. */
    int isFree() {
        return has(locker.acquireAsync(KEY, Duration.ZERO));
    }

    /** Returns 1 if a future has a permit, 0 if it failed or was cancelled, -1 if it is pending. */
    static int has(CompletableFuture<Permit> future) {
        return !future.isDone() ? -1 : future.isCompletedExceptionally() ? 0 : 1;
    }
}
