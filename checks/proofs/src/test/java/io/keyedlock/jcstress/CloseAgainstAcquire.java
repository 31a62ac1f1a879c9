// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jcstress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerClosedException;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.Permit;
import java.util.concurrent.CompletableFuture;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.I_Result;

/** A locker is closed during an acquisition, a wait or a release. */
public final class CloseAgainstAcquire {

    private CloseAgainstAcquire() {}

    @JCStressTest
    @Outcome(id = "0", expect = ACCEPTABLE, desc = "rejected, or failed by close")
    @Outcome(id = "-1", expect = FORBIDDEN, desc = "waits forever in a closed locker")
    @Outcome(id = "1", expect = FORBIDDEN, desc = "a permit of a key that is held")
    @State
    public static class LiningUp extends Scene {

        private CompletableFuture<Permit> waiting = new CompletableFuture<>();

        @Actor
        public void closer() {
            locker.close();
        }

        @Actor
        public void newcomer() {
            waiting = locker.acquireAsync(KEY);
        }

        @Arbiter
        public void after(I_Result r) {
            r.r1 = has(waiting);
        }
    }

    /** The locker is new: the stripe of the key is created while close visits the stripes. */
    @JCStressTest
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "held, and the waiter was failed")
    @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "rejected")
    @Outcome(expect = FORBIDDEN, desc = "waits forever in a closed locker")
    @State
    public static class LiningUpInNewStripe {

        private final KeyedLocker<Object> locker = Scene.locker(KeyedLockerSettings.defaults());

        private CompletableFuture<Permit> holding = new CompletableFuture<>();

        private CompletableFuture<Permit> waiting = new CompletableFuture<>();

        @Actor
        public void closer() {
            locker.close();
        }

        @Actor
        public void newcomer() {
            holding = locker.acquireAsync(Scene.KEY);
            waiting = locker.acquireAsync(Scene.KEY);
        }

        @Arbiter
        public void after(II_Result r) {
            r.r1 = Scene.has(holding);
            r.r2 = Scene.has(waiting);
        }
    }

    @JCStressTest
    @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "granted, and the key is active")
    @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "failed by close, and the key is idle")
    @Outcome(expect = FORBIDDEN, desc = "waits forever, or a permit has no holder")
    @State
    public static class Grant extends Scene {

        private final CompletableFuture<Permit> waiting = locker.acquireAsync(KEY);

        @Actor
        public void closer() {
            locker.close();
        }

        @Actor
        public void holder() {
            held.close();
        }

        @Arbiter
        public void after(II_Result r) {
            r.r1 = has(waiting);
            r.r2 = locker.activeKeyCount();
        }
    }

    @JCStressTest
    @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "failed by close, and only the holder is left")
    @Outcome(expect = FORBIDDEN, desc = "admitted, or not removed from the queue")
    @State
    public static class WaitingThread extends Scene {

        @Actor
        public void closer() {
            awaitReady();
            locker.close();
        }

        @Actor
        public void waiter(II_Result r) {
            isReady();
            try {
                uninterrupted(() -> locker.acquire(KEY));
                r.r1 = 1;
            } catch (KeyedLockerClosedException e) {
                r.r1 = 0;
            }
        }

        @Arbiter
        public void after(II_Result r) {
            r.r2 = locker.activeKeyCount()
                    + locker.snapshot(KEY).orElseThrow().waiters().size();
        }
    }
}
