// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jcstress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.Permit;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;

/** A permit is released at the moment at which its waiter times out. */
public final class GrantAgainstTimeout {

    private GrantAgainstTimeout() {}

    @JCStressTest
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "granted")
    @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "timed out, and the permit is free")
    @Outcome(id = "0, 0", expect = FORBIDDEN, desc = "the permit is lost")
    @Outcome(id = "1, 1", expect = FORBIDDEN, desc = "two permits")
    @State
    public static class OfThread extends Scene {

        @Actor
        public void closer() {
            awaitReady();
            held.close();
        }

        @Actor
        public void waiter(II_Result r) {
            isReady();
            r.r1 = uninterrupted(() -> locker.tryAcquire(KEY, Duration.ofNanos(500)))
                            .isPresent()
                    ? 1
                    : 0;
        }

        @Arbiter
        public void after(II_Result r) {
            r.r2 = isFree();
        }
    }

    /** With fair locks the permit is handed off to a thread that times out. */
    @JCStressTest
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "granted")
    @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "timed out, and the permit is free")
    @Outcome(id = "0, 0", expect = FORBIDDEN, desc = "the permit is lost")
    @Outcome(id = "1, 1", expect = FORBIDDEN, desc = "two permits")
    @State
    public static class OfThreadWhenFair extends Scene {

        public OfThreadWhenFair() {
            super(KeyedLockerSettings.defaults().withFair(true));
        }

        @Actor
        public void closer() {
            awaitReady();
            held.close();
        }

        @Actor
        public void waiter(II_Result r) {
            isReady();
            r.r1 = uninterrupted(() -> locker.tryAcquire(KEY, Duration.ofNanos(500)))
                            .isPresent()
                    ? 1
                    : 0;
        }

        @Arbiter
        public void after(II_Result r) {
            r.r2 = isFree();
        }
    }

    /** Another waiter follows the one that times out. */
    @JCStressTest
    @Outcome(id = "1, -1, 0", expect = ACCEPTABLE, desc = "granted to the head, and the next one keeps waiting")
    @Outcome(id = "0, 1, 0", expect = ACCEPTABLE, desc = "the head timed out, and the next one has the permit")
    @Outcome(expect = FORBIDDEN, desc = "a permit was lost or duplicated")
    @State
    public static class OfHeadWithNext extends Scene {

        private CompletableFuture<Permit> next = new CompletableFuture<>();

        private final CompletableFuture<Permit> head = locker.acquireAsync(KEY, Duration.ofNanos(20_000));

        public OfHeadWithNext() {
            next = locker.acquireAsync(KEY);
        }

        @Actor
        public void closer() {
            held.close();
        }

        @Actor
        public void waiter(III_Result r) {
            try {
                head.join();
                r.r1 = 1;
            } catch (CompletionException e) {
                r.r1 = 0;
            }
        }

        @Arbiter
        public void after(III_Result r) {
            r.r2 = has(next);
            r.r3 = isFree();
        }
    }
}
