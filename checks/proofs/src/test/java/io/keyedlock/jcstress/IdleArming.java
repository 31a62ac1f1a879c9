// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jcstress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.keyedlock.Permit;
import java.util.concurrent.CompletableFuture;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.I_Result;

/** A caller begins to wait for the idle moment during acquisitions and releases. */
public final class IdleArming {

    private IdleArming() {}

    /** The scene with a second key of another stripe, which its first caller creates. */
    public static class TwoKeys extends Scene {

        static final String OTHER = "other";

        CompletableFuture<Void> idle = new CompletableFuture<>();

        final int isIdle() {
            return idle.isDone() ? 1 : 0;
        }
    }

    @JCStressTest
    @Outcome(id = "1", expect = ACCEPTABLE, desc = "the idle moment was seen")
    @Outcome(id = "0", expect = FORBIDDEN, desc = "waits forever in an idle locker")
    @State
    public static class AgainstRemove extends TwoKeys {

        @Actor
        public void closer() {
            held.close();
        }

        @Actor
        public void armer() {
            idle = locker.whenIdle();
        }

        @Arbiter
        public void after(I_Result r) {
            r.r1 = isIdle();
        }
    }

    /** The other key is acquired before the first one is released: there is no idle moment. */
    @JCStressTest
    @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "idle once the other key is released, too")
    @Outcome(id = "1, 1", expect = FORBIDDEN, desc = "an idle moment that did not exist")
    @Outcome(expect = FORBIDDEN, desc = "waits forever in an idle locker")
    @State
    public static class AgainstInsert extends TwoKeys {

        private Permit other;

        @Actor
        public void worker() {
            other = locker.acquireAsync(OTHER).join();
            held.close();
        }

        @Actor
        public void armer() {
            idle = locker.whenIdle();
        }

        @Arbiter
        public void after(II_Result r) {
            r.r1 = isIdle();
            other.close();
            r.r2 = isIdle();
        }
    }

    /** There is an idle moment in between, which counts if it was waited for. */
    @JCStressTest
    @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "the moment in between was seen")
    @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "began to wait after it, and saw the next one")
    @Outcome(expect = FORBIDDEN, desc = "waits forever in an idle locker")
    @State
    public static class AgainstRemoveAndInsert extends TwoKeys {

        private Permit other;

        @Actor
        public void worker() {
            held.close();
            other = locker.acquireAsync(OTHER).join();
        }

        @Actor
        public void armer() {
            idle = locker.whenIdle();
        }

        @Arbiter
        public void after(II_Result r) {
            r.r1 = isIdle();
            other.close();
            r.r2 = isIdle();
        }
    }

    /** Two keys are released at once while a caller waits for idle and another has just cancelled its wait. */
    @JCStressTest
    @Outcome(id = "1", expect = ACCEPTABLE, desc = "the idle moment was seen")
    @Outcome(id = "0", expect = FORBIDDEN, desc = "two releases, and neither was the last")
    @State
    public static class TwoRemoves extends TwoKeys {

        private final Permit other = locker.acquireAsync(OTHER).join();

        public TwoRemoves() {
            CompletableFuture<Void> impatient = locker.whenIdle();
            idle = locker.whenIdle();
            impatient.cancel(false);
        }

        @Actor
        public void first() {
            held.close();
        }

        @Actor
        public void second() {
            other.close();
        }

        @Arbiter
        public void after(I_Result r) {
            r.r1 = isIdle();
        }
    }

    /** One caller cancels its wait while another begins. */
    @JCStressTest
    @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "idle once the key is released")
    @Outcome(expect = FORBIDDEN, desc = "too early, or never")
    @State
    public static class AgainstDisarming extends TwoKeys {

        private final CompletableFuture<Void> impatient = locker.whenIdle();

        @Actor
        public void armer() {
            idle = locker.whenIdle();
        }

        @Actor
        public void leaver() {
            impatient.cancel(false);
        }

        @Arbiter
        public void after(II_Result r) {
            r.r1 = isIdle();
            held.close();
            r.r2 = isIdle();
        }
    }
}
