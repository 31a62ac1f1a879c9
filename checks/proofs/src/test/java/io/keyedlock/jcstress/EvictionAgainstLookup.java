// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jcstress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.keyedlock.KeySnapshot;
import io.keyedlock.Permit;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;

/** The entry of a key is removed from the table during a lookup. */
public final class EvictionAgainstLookup {

    private EvictionAgainstLookup() {}

    @JCStressTest
    @Outcome(id = "1, 1, 0", expect = ACCEPTABLE, desc = "acquired later, and holds a new entry")
    @Outcome(id = "0, 0, 1", expect = ACCEPTABLE, desc = "acquired earlier, and was removed")
    @Outcome(expect = FORBIDDEN, desc = "holds a removed entry, or keeps one without a holder")
    @State
    public static class ByTry extends Scene {

        private CompletableFuture<Permit> asked = new CompletableFuture<>();

        @Actor
        public void closer() {
            held.close();
        }

        @Actor
        public void newcomer() {
            asked = locker.acquireAsync(KEY, Duration.ZERO);
        }

        @Arbiter
        public void after(III_Result r) {
            r.r1 = has(asked);
            r.r2 = locker.activeKeyCount();
            r.r3 = isFree();
        }
    }

    @JCStressTest
    @Outcome(id = "1, 1, 0", expect = ACCEPTABLE, desc = "handed off, or a new entry")
    @Outcome(expect = FORBIDDEN, desc = "waits at a removed entry, or two locks of one key")
    @State
    public static class ByWaiter extends Scene {

        private CompletableFuture<Permit> asked = new CompletableFuture<>();

        @Actor
        public void closer() {
            held.close();
        }

        @Actor
        public void newcomer() {
            asked = locker.acquireAsync(KEY);
        }

        @Arbiter
        public void after(III_Result r) {
            r.r1 = has(asked);
            r.r2 = locker.activeKeyCount();
            r.r3 = isFree();
        }
    }

    @JCStressTest
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "found while it was held")
    @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "gone")
    @Outcome(expect = FORBIDDEN, desc = "found without a holder, or created by the lookup")
    @State
    public static class BySnapshot extends Scene {

        @Actor
        public void closer() {
            held.close();
        }

        @Actor
        public void onlooker(II_Result r) {
            Optional<KeySnapshot<Object>> seen = locker.snapshot(KEY);
            r.r1 = seen.map(s -> s.holders().size() == 1 && s.waiters().isEmpty() ? 1 : -1)
                    .orElse(0);
        }

        @Arbiter
        public void after(II_Result r) {
            r.r2 = locker.activeKeyCount();
        }
    }

    private record Key(int id) {
        @Override
        public int hashCode() {
            return 7;
        }
    }

    /** Pins three keys of equal hash, acquires and releases them. Returns 0 if one of them was held. */
    private static int takesAll(Scene scene) {
        Optional<Permit> all = scene.locker.tryAcquireAll(List.of(new Key(2), new Key(1), new Key(3)));
        all.ifPresent(Permit::close);
        return all.isPresent() ? 1 : 0;
    }

    /** Keys of equal hash: the only one of its stripe is removed while it is pinned with others, acquired and released. */
    @JCStressTest
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "all acquired, and no key is active")
    @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "one was held, and no key is active")
    @Outcome(expect = FORBIDDEN, desc = "a pin keeps an entry, or an entry is lost from its chain")
    @State
    public static class ByPin {

        private final Scene scene = new Scene();

        private final Permit held = scene.locker.acquireAsync(new Key(1)).join();

        public ByPin() {
            scene.held.close();
        }

        @Actor
        public void closer() {
            held.close();
        }

        @Actor
        public void newcomer(II_Result r) {
            r.r1 = takesAll(scene);
        }

        @Arbiter
        public void after(II_Result r) {
            r.r2 = scene.locker.activeKeyCount();
        }
    }

    /** As above, with another key of the stripe that stays held, so that the removed entry is in a chain. */
    @JCStressTest
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "all acquired, and no key is active")
    @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "one was held, and no key is active")
    @Outcome(expect = FORBIDDEN, desc = "a pin keeps an entry, or an entry is lost from its chain")
    @State
    public static class ByPinInAChain {

        private final Scene scene = new Scene();

        private final Permit stays = scene.locker.acquireAsync(new Key(0)).join();

        private final Permit held = scene.locker.acquireAsync(new Key(1)).join();

        public ByPinInAChain() {
            scene.held.close();
        }

        @Actor
        public void closer() {
            held.close();
        }

        @Actor
        public void newcomer(II_Result r) {
            r.r1 = takesAll(scene);
        }

        @Arbiter
        public void after(II_Result r) {
            stays.close();
            r.r2 = scene.locker.activeKeyCount();
        }
    }
}
