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
 * What most states begin with: a locker, and a key that is held by a permit that no thread owns. The locker needs no scan,
 * as there are millions of states.
 */
class Scene {

    static final String KEY = "k";

    final KeyedLocker<Object> locker;

    final Permit held;

    /** Actors that take unequally long meet here, so that what they do next does collide. */
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

    /** What a blocking call returns that nobody interrupts; actors must not throw what is checked. */
    static <T> T uninterrupted(Callable<T> blocking) {
        try {
            return blocking.call();
        } catch (RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    /** 1 if a permit of the key is free now, which is taken; never re-enters, whatever thread asks. */
    int isFree() {
        return has(locker.acquireAsync(KEY, Duration.ZERO));
    }

    /** 1 if a future has a permit, 0 if it failed or was cancelled, -1 if it is pending. */
    static int has(CompletableFuture<Permit> future) {
        return !future.isDone() ? -1 : future.isCompletedExceptionally() ? 0 : 1;
    }
}
