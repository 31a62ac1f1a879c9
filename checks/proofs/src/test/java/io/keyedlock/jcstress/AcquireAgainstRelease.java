// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jcstress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.Permit;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.Lock;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;

/** Concurrent acquisitions and releases of one key. */
public final class AcquireAgainstRelease {

    private AcquireAgainstRelease() {}

    /** The section is a plain increment, so it also checks that the second caller sees the write of the first one. */
    @JCStressTest
    @Outcome(id = "1, 2", expect = ACCEPTABLE, desc = "the first actor was first")
    @Outcome(id = "2, 1", expect = ACCEPTABLE, desc = "the second actor was first")
    @Outcome(expect = FORBIDDEN, desc = "both held the key, or the second did not see the write of the first")
    @State
    public static class Exclusion {

        private final KeyedLocker<Object> locker = Scene.locker(KeyedLockerSettings.defaults());

        private int inside;

        @Actor
        public void first(II_Result r) {
            Permit permit = Scene.uninterrupted(() -> locker.acquire(Scene.KEY));
            r.r1 = ++inside;
            permit.close();
        }

        @Actor
        public void second(II_Result r) {
            Permit permit = Scene.uninterrupted(() -> locker.acquire(Scene.KEY));
            r.r2 = ++inside;
            permit.close();
        }
    }

    @JCStressTest
    @Outcome(id = "1, 2", expect = ACCEPTABLE, desc = "the first actor was first")
    @Outcome(id = "2, 1", expect = ACCEPTABLE, desc = "the second actor was first")
    @Outcome(expect = FORBIDDEN, desc = "a view and a permit held the key at the same time")
    @State
    public static class ViewAgainstPermit {

        private final KeyedLocker<Object> locker =
                Scene.locker(KeyedLockerSettings.defaults().withFair(true));

        private int inside;

        @Actor
        public void first(II_Result r) {
            Lock lock = locker.asLock(Scene.KEY);
            lock.lock();
            try {
                r.r1 = ++inside;
            } finally {
                lock.unlock();
            }
        }

        @Actor
        public void second(II_Result r) {
            Permit permit = Scene.uninterrupted(() -> locker.acquire(Scene.KEY));
            r.r2 = ++inside;
            permit.close();
        }
    }

    /** Keys of equal hash in opposite order: neither a deadlock, which times the test out, nor two holders. */
    @JCStressTest
    @Outcome(id = "1, 2", expect = ACCEPTABLE, desc = "the first actor was first")
    @Outcome(id = "2, 1", expect = ACCEPTABLE, desc = "the second actor was first")
    @Outcome(expect = FORBIDDEN, desc = "both held the same keys")
    @State
    public static class SeveralKeys {

        private record Key(int id) {
            @Override
            public int hashCode() {
                return 7;
            }
        }

        private final KeyedLocker<Object> locker = Scene.locker(KeyedLockerSettings.defaults());

        private int inside;

        @Actor
        public void first(II_Result r) {
            Permit permit = Scene.uninterrupted(() -> locker.acquireAll(List.of(new Key(1), new Key(2))));
            r.r1 = ++inside;
            permit.close();
        }

        @Actor
        public void second(II_Result r) {
            Permit permit = Scene.uninterrupted(() -> locker.acquireAll(List.of(new Key(2), new Key(1))));
            r.r2 = ++inside;
            permit.close();
        }
    }

    @JCStressTest
    @Outcome(id = "1, 0, 0", expect = ACCEPTABLE, desc = "the first actor has the last permit")
    @Outcome(id = "0, 1, 0", expect = ACCEPTABLE, desc = "the second actor has the last permit")
    @Outcome(expect = FORBIDDEN, desc = "the last of two permits was granted to both, or to neither")
    @State
    public static class LastPermitOfTwo extends Scene {

        public LastPermitOfTwo() {
            super(KeyedLockerSettings.defaults().withLimit(2));
        }

        @Actor
        public void first(III_Result r) {
            r.r1 = locker.tryAcquire(KEY).isPresent() ? 1 : 0;
        }

        @Actor
        public void second(III_Result r) {
            r.r2 = locker.tryAcquire(KEY).isPresent() ? 1 : 0;
        }

        @Arbiter
        public void after(III_Result r) {
            r.r3 = isFree();
        }
    }

    /** Two of two permits are released at once while three callers wait. */
    @JCStressTest
    @Outcome(id = "1, 1, -1", expect = ACCEPTABLE, desc = "the first two of the queue have the permits")
    @Outcome(expect = FORBIDDEN, desc = "a permit was lost or duplicated, or the order was violated")
    @State
    public static class TwoReleases extends Scene {

        private final Permit other = locker.acquireAsync(KEY).join();

        private final CompletableFuture<Permit> one = locker.acquireAsync(KEY);

        private final CompletableFuture<Permit> two = locker.acquireAsync(KEY);

        private final CompletableFuture<Permit> three = locker.acquireAsync(KEY);

        public TwoReleases() {
            super(KeyedLockerSettings.defaults().withLimit(2));
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
        public void after(III_Result r) {
            r.r1 = has(one);
            r.r2 = has(two);
            r.r3 = has(three);
        }
    }

    @JCStressTest
    @Outcome(id = "1, -1", expect = ACCEPTABLE, desc = "one close, one grant")
    @Outcome(expect = FORBIDDEN, desc = "the second close released the next holder's permit")
    @State
    public static class OnePermitClosedTwice extends Scene {

        private final CompletableFuture<Permit> one = locker.acquireAsync(KEY);

        private final CompletableFuture<Permit> two = locker.acquireAsync(KEY);

        @Actor
        public void first() {
            held.close();
        }

        @Actor
        public void second() {
            held.close();
        }

        @Arbiter
        public void after(II_Result r) {
            r.r1 = has(one);
            r.r2 = has(two);
        }
    }

    @JCStressTest
    @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "free after both handles were closed")
    @Outcome(expect = FORBIDDEN, desc = "free too early, or never")
    @State
    public static class HandlesOfOneHold {

        private final KeyedLocker<Object> locker = Scene.locker(KeyedLockerSettings.defaults());

        private final Permit outer = locker.tryAcquire(Scene.KEY).orElseThrow();

        private final Permit inner = locker.tryAcquire(Scene.KEY).orElseThrow();

        private final Permit innermost = locker.tryAcquire(Scene.KEY).orElseThrow();

        @Actor
        public void first() {
            outer.close();
        }

        @Actor
        public void second() {
            innermost.close();
        }

        @Arbiter
        public void after(II_Result r) {
            r.r1 = Scene.has(locker.acquireAsync(Scene.KEY, Duration.ZERO));
            inner.close();
            r.r2 = Scene.has(locker.acquireAsync(Scene.KEY, Duration.ZERO));
        }
    }
}
