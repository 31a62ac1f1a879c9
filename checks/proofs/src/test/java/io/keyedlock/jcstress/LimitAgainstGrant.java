// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jcstress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.Permit;
import java.util.concurrent.CompletableFuture;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.I_Result;

/** A limit changes during an acquisition, a wait or a release. */
public final class LimitAgainstGrant {

    private LimitAgainstGrant() {}

    @JCStressTest
    @Outcome(id = "1", expect = ACCEPTABLE, desc = "granted by the new limit")
    @Outcome(id = "-1", expect = FORBIDDEN, desc = "waits beside a free permit")
    @State
    public static class RaiseAgainstNewcomer extends Scene {

        private CompletableFuture<Permit> newcomer = new CompletableFuture<>();

        @Actor
        public void setter() {
            locker.setLimit(2);
        }

        @Actor
        public void newcomer() {
            newcomer = locker.acquireAsync(KEY);
        }

        @Arbiter
        public void after(I_Result r) {
            r.r1 = has(newcomer);
        }
    }

    /** The locker is new: the stripe of the key is created while the change visits the stripes. */
    @JCStressTest
    @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "both granted by the new limit")
    @Outcome(expect = FORBIDDEN, desc = "waits beside a free permit")
    @State
    public static class RaiseAgainstNewStripe {

        private final KeyedLocker<Object> locker = Scene.locker(KeyedLockerSettings.defaults());

        private CompletableFuture<Permit> first = new CompletableFuture<>();

        private CompletableFuture<Permit> second = new CompletableFuture<>();

        @Actor
        public void setter() {
            locker.setLimit(2);
        }

        @Actor
        public void newcomer() {
            first = locker.acquireAsync(Scene.KEY);
            second = locker.acquireAsync(Scene.KEY);
        }

        @Arbiter
        public void after(II_Result r) {
            r.r1 = Scene.has(first);
            r.r2 = Scene.has(second);
        }
    }

    @JCStressTest
    @Outcome(id = "1, 1, 0", expect = ACCEPTABLE, desc = "both granted, one by the release and one by the new limit")
    @Outcome(expect = FORBIDDEN, desc = "a permit is lost or duplicated")
    @State
    public static class RaiseAgainstRelease extends Scene {

        private final CompletableFuture<Permit> first = locker.acquireAsync(KEY);

        private final CompletableFuture<Permit> second = locker.acquireAsync(KEY);

        @Actor
        public void setter() {
            locker.setLimit(2);
        }

        @Actor
        public void closer() {
            held.close();
        }

        @Arbiter
        public void after(III_Result r) {
            r.r1 = has(first);
            r.r2 = has(second);
            r.r3 = isFree();
        }
    }

    @JCStressTest
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "granted by the new limit, or by the release")
    @Outcome(expect = FORBIDDEN, desc = "the thread is not woken, or two permits")
    @State
    public static class RaiseAgainstWaitingThread extends Scene {

        @Actor
        public void setter() {
            awaitReady();
            locker.setLimit(2);
        }

        @Actor
        public void waiter(II_Result r) {
            isReady();
            uninterrupted(() -> locker.acquire(KEY));
            r.r1 = 1;
        }

        @Arbiter
        public void after(II_Result r) {
            r.r2 = isFree();
        }
    }

    @JCStressTest
    @Outcome(
            id = "1, 0",
            expect = ACCEPTABLE,
            desc = "released before, or granted by the old limit: one holder is left")
    @Outcome(id = "-1, 0", expect = FORBIDDEN, desc = "waits although there is only one holder")
    @Outcome(expect = FORBIDDEN, desc = "a permit above the new limit")
    @State
    public static class LowerAgainstRelease extends Scene {

        private final Permit other = locker.acquireAsync(KEY).join();

        private final CompletableFuture<Permit> waiting = locker.acquireAsync(KEY);

        public LowerAgainstRelease() {
            super(KeyedLockerSettings.defaults().withLimit(2));
        }

        @Actor
        public void setter() {
            locker.setLimit(1);
        }

        @Actor
        public void closer() {
            held.close();
            other.close();
        }

        @Arbiter
        public void after(II_Result r) {
            r.r1 = has(waiting);
            r.r2 = isFree();
        }
    }

    @JCStressTest
    @Outcome(id = "2, 1", expect = ACCEPTABLE, desc = "the limit that was set last applies")
    @Outcome(id = "3, 2", expect = ACCEPTABLE, desc = "the limit that was set last applies")
    @Outcome(id = "2, 2", expect = ACCEPTABLE, desc = "raised to 3 and then lowered, and holders keep their permits")
    @Outcome(expect = FORBIDDEN, desc = "a waiter beside a free permit")
    @State
    public static class RaiseAgainstRaise extends Scene {

        private final CompletableFuture<Permit> first = locker.acquireAsync(KEY);

        private final CompletableFuture<Permit> second = locker.acquireAsync(KEY);

        @Actor
        public void two() {
            locker.setLimit(2);
        }

        @Actor
        public void three() {
            locker.setLimit(3);
        }

        @Arbiter
        public void after(II_Result r) {
            r.r1 = locker.limit();
            r.r2 = Math.max(0, has(first)) + Math.max(0, has(second));
        }
    }

    /** The limit of the key is asked for while the data behind it changes. */
    @JCStressTest
    @Outcome(id = "1", expect = ACCEPTABLE, desc = "granted by the new limit of the key")
    @Outcome(id = "-1", expect = FORBIDDEN, desc = "an outdated limit of the key applies")
    @State
    public static class RefreshAgainstFirstQuestion {

        private volatile int data = 1;

        private final KeyedLocker<Object> locker =
                Scene.locker(KeyedLockerSettings.defaults().withKeyLimits(key -> data));

        private final Permit held = locker.acquireAsync(Scene.KEY).join();

        private CompletableFuture<Permit> newcomer = new CompletableFuture<>();

        @Actor
        public void refresher() {
            data = 2;
            locker.refreshLimits();
        }

        @Actor
        public void newcomer() {
            newcomer = locker.acquireAsync(Scene.KEY);
        }

        @Arbiter
        public void after(I_Result r) {
            r.r1 = held.isValid() ? Scene.has(newcomer) : 0;
        }
    }
}
