// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lincheck;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.KeyedLockerSettings.DeadlockDetection;
import io.keyedlock.Permit;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Options;
import org.jetbrains.lincheck.datastructures.Param;
import org.jetbrains.lincheck.datastructures.StressOptions;
import org.jetbrains.lincheck.datastructures.ThreadIdGen;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Concurrent calls of a locker that do not wait are linearizable: each has the result that it would have if the calls had
 * run sequentially, in an order that agrees with that of each thread.
 */
@Tag("stress")
class LinearizabilityTests {

    private static final boolean LONG = "long".equals(System.getProperty("proofs.length"));

    /** A change of the limit visits each of these. Lincheck treats more iterations of a loop as a livelock. */
    private static final int MOST_STRIPES = 256;

    /** Explores the interleavings of the threads' steps. */
    @ParameterizedTest
    @ValueSource(classes = {OnePermit.class, TwoPermits.class, OneEntry.class, ChangingLimit.class})
    void everyExploredInterleavingIsLinearizable(Class<?> locker) {
        check(
                new ModelCheckingOptions()
                        .loopBound(MOST_STRIPES + 1)
                        .iterations(LONG ? 100 : 6)
                        .invocationsPerIteration(LONG ? 10_000 : 300),
                locker);
    }

    /** Runs real threads concurrently. */
    @ParameterizedTest
    @ValueSource(classes = {OnePermit.class, TwoPermits.class, OneEntry.class, ChangingLimit.class})
    void stressRunsAreLinearizable(Class<?> locker) {
        check(new StressOptions().iterations(LONG ? 100 : 10).invocationsPerIteration(LONG ? 20_000 : 2_000), locker);
    }

    private static void check(Options<?, ?> options, Class<?> locker) {
        options.threads(3)
                .actorsPerThread(3)
                .actorsBefore(0)
                .actorsAfter(0)
                .sequentialSpecification(specificationOf(locker))
                .check(locker);
    }

    private static Class<?> specificationOf(Class<?> locker) {
        return Map.of(
                        OnePermit.class, OnePermitInSequence.class,
                        TwoPermits.class, TwoPermitsInSequence.class,
                        OneEntry.class, OneEntryInSequence.class,
                        ChangingLimit.class, ChangingLimitInSequence.class)
                .get(locker);
    }

    /** A key whose hash code equals that of all others. */
    private record Key(int id) {
        @Override
        public int hashCode() {
            return 7;
        }
    }

    /** The operations on colliding keys. Each thread closes its permits, the latest first. */
    abstract static class Locker {

        final KeyedLocker<Object> locker;

        private final Map<List<Integer>, Deque<Permit>> permits = new HashMap<>();

        Locker(KeyedLockerSettings settings) {
            locker = KeyedLocker.create(
                    settings.withDeadlockDetection(DeadlockDetection.OFF).withLongHold(Duration.ZERO));
            for (int thread = 0; thread < 5; thread++) {
                for (int key = 1; key <= 2; key++) {
                    permits.put(List.of(thread, key), new ArrayDeque<>());
                }
            }
        }

        private Deque<Permit> permitsOf(int thread, int key) {
            return permits.get(List.of(thread, key));
        }

        @Operation
        public boolean tryAcquire(
                @Param(gen = ThreadIdGen.class) int thread, @Param(gen = IntGen.class, conf = "1:2") int key) {
            Optional<Permit> permit = locker.tryAcquire(new Key(key));
            permit.ifPresent(permitsOf(thread, key)::push);
            return permit.isPresent();
        }

        @Operation
        public boolean close(
                @Param(gen = ThreadIdGen.class) int thread, @Param(gen = IntGen.class, conf = "1:2") int key) {
            Permit permit = permitsOf(thread, key).poll();
            if (permit == null) {
                return false;
            }
            permit.close();
            return true;
        }

        @Operation
        public boolean isActive(@Param(gen = IntGen.class, conf = "1:2") int key) {
            return locker.isActive(new Key(key));
        }
    }

    public static class OnePermit extends Locker {
        public OnePermit() {
            super(KeyedLockerSettings.defaults());
        }
    }

    public static class TwoPermits extends Locker {
        public TwoPermits() {
            super(KeyedLockerSettings.defaults().withLimit(2));
        }
    }

    public static class OneEntry extends Locker {
        public OneEntry() {
            super(KeyedLockerSettings.defaults().withReentrant(false));
        }
    }

    /** Adds changes of the limit to the operations. */
    public static class ChangingLimit extends Locker {
        public ChangingLimit() {
            super(KeyedLockerSettings.defaults());
        }

        @Operation
        public void setLimit(@Param(gen = IntGen.class, conf = "1:3") int limit) {
            locker.setLimit(limit);
        }

        @Operation
        public int limit() {
            return locker.limit();
        }
    }

    /** The sequential specification. */
    abstract static class InSequence {

        int limit;

        private final boolean reentrant;

        /** The holders of a key, each thread once per permit. */
        private final Map<Integer, List<Integer>> holders = new HashMap<>();

        InSequence(int limit, boolean reentrant) {
            this.limit = limit;
            this.reentrant = reentrant;
        }

        private List<Integer> holdersOf(int key) {
            return holders.computeIfAbsent(key, k -> new ArrayList<>());
        }

        public boolean tryAcquire(int thread, int key) {
            List<Integer> now = holdersOf(key);
            boolean admitted =
                    now.contains(thread) ? reentrant : now.stream().distinct().count() < limit;
            if (admitted) {
                now.add(thread);
            }
            return admitted;
        }

        public boolean close(int thread, int key) {
            return holdersOf(key).remove(Integer.valueOf(thread));
        }

        public boolean isActive(int key) {
            return !holdersOf(key).isEmpty();
        }
    }

    public static class OnePermitInSequence extends InSequence {
        public OnePermitInSequence() {
            super(1, true);
        }
    }

    public static class TwoPermitsInSequence extends InSequence {
        public TwoPermitsInSequence() {
            super(2, true);
        }
    }

    public static class OneEntryInSequence extends InSequence {
        public OneEntryInSequence() {
            super(1, false);
        }
    }

    public static class ChangingLimitInSequence extends InSequence {
        public ChangingLimitInSequence() {
            super(1, true);
        }

        public void setLimit(int changed) {
            limit = changed;
        }

        public int limit() {
            return limit;
        }
    }
}
