// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jcstress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.Permit;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;

/** A newcomer against the head of the queue. */
public final class BargingAgainstHandOff {

    private BargingAgainstHandOff() {}

    /** A future at the head is handed the permit in the step that releases it. */
    @JCStressTest
    @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "the future has the permit")
    @Outcome(expect = FORBIDDEN, desc = "a thread overtook a future, or both have the permit")
    @State
    public static class PastFuture extends Scene {

        private final CompletableFuture<Permit> waiting = locker.acquireAsync(KEY);

        @Actor
        public void closer() {
            held.close();
        }

        @Actor
        public void newcomer(II_Result r) {
            r.r1 = locker.tryAcquire(KEY).isPresent() ? 1 : 0;
        }

        @Arbiter
        public void after(II_Result r) {
            r.r2 = has(waiting);
        }
    }

    /** Two futures that are enqueued while the permit is released: the first one has it. */
    @JCStressTest
    @Outcome(id = "1, -1", expect = ACCEPTABLE, desc = "the first future has the permit")
    @Outcome(expect = FORBIDDEN, desc = "the second overtook the first, or a permit was lost or duplicated")
    @State
    public static class FutureBehindFuture extends Scene {

        private CompletableFuture<Permit> one = new CompletableFuture<>();

        private CompletableFuture<Permit> two = new CompletableFuture<>();

        @Actor
        public void closer() {
            held.close();
        }

        @Actor
        public void newcomer() {
            one = locker.acquireAsync(KEY);
            two = locker.acquireAsync(KEY);
        }

        @Arbiter
        public void after(II_Result r) {
            r.r1 = has(one);
            r.r2 = has(two);
        }
    }

    /** The permit is free for a thread at the head, and the closing thread may acquire it again first. */
    @JCStressTest
    @Outcome(id = "0, 1, 1", expect = ACCEPTABLE, desc = "the waiting thread was first")
    @Outcome(id = "1, 1, 1", expect = ACCEPTABLE, desc = "the newcomer was first, and then the waiting thread")
    @Outcome(expect = FORBIDDEN, desc = "both held the key, or a permit was lost")
    @State
    public static class PastThread extends Scene {

        private int inside;

        @Actor
        public void closer(III_Result r) {
            awaitReady();
            held.close();
            Optional<Permit> again = locker.tryAcquire(KEY);
            if (again.isPresent()) {
                r.r1 = ++inside == 1 ? 1 : -1;
                inside--;
                again.get().close();
            }
        }

        @Actor
        public void waiter(III_Result r) {
            isReady();
            Permit permit = uninterrupted(() -> locker.acquire(KEY));
            r.r2 = ++inside == 1 ? 1 : -1;
            inside--;
            permit.close();
        }

        @Arbiter
        public void after(III_Result r) {
            r.r3 = isFree();
        }
    }

    /** With fair locks the permit is handed off, and no newcomer overtakes a waiting thread. */
    @JCStressTest
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "the thread that waited was handed the permit")
    @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "it came after the newcomer")
    @Outcome(expect = FORBIDDEN, desc = "a waiting thread was overtaken")
    @State
    public static class PastThreadWhenFair extends Scene {

        public PastThreadWhenFair() {
            super(KeyedLockerSettings.defaults().withFair(true));
        }

        @Actor
        public void closer(II_Result r) {
            awaitReady();
            boolean waits = waits();
            held.close();
            Optional<Permit> taken = locker.tryAcquire(KEY);
            r.r2 = taken.isEmpty() ? 0 : waits && waits() ? -1 : 1;
            taken.ifPresent(Permit::close);
        }

        /** A thread that waits before the close and after the try has waited in between. */
        private boolean waits() {
            return !locker.snapshot(KEY).orElseThrow().waiters().isEmpty();
        }

        @Actor
        public void waiter(II_Result r) {
            isReady();
            Permit permit = uninterrupted(() -> locker.acquire(KEY));
            r.r1 = 1;
            permit.close();
        }
    }

    /** A future never overtakes a thread that waits. */
    @JCStressTest
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "the future came first, or after the thread")
    @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "the future waits behind the thread")
    @Outcome(expect = FORBIDDEN, desc = "a future overtook the waiting thread")
    @State
    public static class FuturePastThread extends Scene {

        @Actor
        public void closer(II_Result r) {
            awaitReady();
            boolean waits = waits();
            held.close();
            CompletableFuture<Permit> newcomer = locker.acquireAsync(KEY);
            r.r2 = !newcomer.isDone() ? 1 : waits && waits() ? -1 : 0;
            newcomer.thenAccept(Permit::close);
        }

        private boolean waits() {
            return locker.snapshot(KEY)
                    .filter(s -> s.waiters().stream().anyMatch(w -> w.threadId() >= 0))
                    .isPresent();
        }

        @Actor
        public void waiter(II_Result r) {
            isReady();
            Permit permit = uninterrupted(() -> locker.acquire(KEY));
            r.r1 = 1;
            permit.close();
        }
    }
}
