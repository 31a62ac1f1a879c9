// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jcstress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.Permit;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;

/** A permit is released at the moment at which its waiter is interrupted or cancelled. */
public final class InterruptAndCancel {

    private InterruptAndCancel() {}

    /** A waiting thread is interrupted and granted a permit at once. */
    public static class Interrupted extends Scene {

        private volatile Thread waiting;

        private volatile boolean interrupted;

        Interrupted(boolean fair) {
            super(KeyedLockerSettings.defaults().withFair(fair));
        }

        final void interrupt() {
            waiting.interrupt();
            interrupted = true;
        }

        final int waitsForPermit() {
            waiting = Thread.currentThread();
            isReady();
            try {
                locker.acquire(KEY);
                return 1;
            } catch (InterruptedException e) {
                return 0;
            } finally {
                while (!interrupted) {
                    Thread.onSpinWait();
                }
                Thread.interrupted();
            }
        }
    }

    @JCStressTest
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "granted")
    @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "interrupted, and the permit is free")
    @Outcome(id = "0, 0", expect = FORBIDDEN, desc = "the permit is lost")
    @Outcome(id = "1, 1", expect = FORBIDDEN, desc = "two permits")
    @State
    public static class InterruptThenGrant extends Interrupted {

        public InterruptThenGrant() {
            super(false);
        }

        @Actor
        public void closer() {
            awaitReady();
            interrupt();
            held.close();
        }

        @Actor
        public void waiter(II_Result r) {
            r.r1 = waitsForPermit();
        }

        @Arbiter
        public void after(II_Result r) {
            r.r2 = isFree();
        }
    }

    @JCStressTest
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "granted")
    @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "interrupted, and the permit is free")
    @Outcome(id = "0, 0", expect = FORBIDDEN, desc = "the permit is lost")
    @Outcome(id = "1, 1", expect = FORBIDDEN, desc = "two permits")
    @State
    public static class HandOffThenInterrupt extends Interrupted {

        public HandOffThenInterrupt() {
            super(true);
        }

        @Actor
        public void closer() {
            awaitReady();
            held.close();
            interrupt();
        }

        @Actor
        public void waiter(II_Result r) {
            r.r1 = waitsForPermit();
        }

        @Arbiter
        public void after(II_Result r) {
            r.r2 = isFree();
        }
    }

    @JCStressTest
    @Outcome(id = "1, 0, 1", expect = ACCEPTABLE, desc = "cancelled, and the permit is free")
    @Outcome(id = "0, 1, 0", expect = ACCEPTABLE, desc = "not cancelled, and the permit is in the future")
    @Outcome(expect = FORBIDDEN, desc = "cancelled with a permit, or the permit has no holder")
    @State
    public static class Cancel extends Scene {

        private final CompletableFuture<Permit> waiting = locker.acquireAsync(KEY);

        @Actor
        public void closer() {
            held.close();
        }

        /** Checks at once: if cancel returned false, the future must have the permit. */
        @Actor
        public void canceller(III_Result r) {
            r.r1 = waiting.cancel(false) ? 1 : 0;
            r.r2 = has(waiting);
        }

        @Arbiter
        public void after(III_Result r) {
            r.r3 = isFree();
        }
    }

    @JCStressTest
    @Outcome(id = "1, 1, 0", expect = ACCEPTABLE, desc = "cancelled, and the next one has the permit")
    @Outcome(id = "0, -1, 0", expect = ACCEPTABLE, desc = "not cancelled, and the next one keeps waiting")
    @Outcome(expect = FORBIDDEN, desc = "a permit was lost or duplicated")
    @State
    public static class CancelOfHeadWithNext extends Scene {

        private final CompletableFuture<Permit> head = locker.acquireAsync(KEY);

        private final CompletableFuture<Permit> next = locker.acquireAsync(KEY);

        @Actor
        public void closer() {
            held.close();
        }

        @Actor
        public void canceller(III_Result r) {
            r.r1 = head.cancel(false) ? 1 : 0;
        }

        @Arbiter
        public void after(III_Result r) {
            r.r2 = has(next);
            r.r3 = isFree();
        }
    }

    /** Two keys are free at once; the cancelled acquisition must hold none of them. */
    @JCStressTest
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "cancelled, and nothing is active")
    @Outcome(id = "0, 2", expect = ACCEPTABLE, desc = "not cancelled, and both keys are held")
    @Outcome(expect = FORBIDDEN, desc = "a key is still held, or missing")
    @State
    public static class CancelOfSeveral extends Scene {

        private final CompletableFuture<Permit> waiting =
                locker.acquireAllAsync(List.of(KEY, "l"), KeyedLockerSettings.FOREVER);

        @Actor
        public void closer() {
            held.close();
        }

        @Actor
        public void canceller(II_Result r) {
            r.r1 = waiting.cancel(false) ? 1 : 0;
        }

        @Arbiter
        public void after(II_Result r) {
            r.r2 = locker.activeKeyCount();
        }
    }
}
