// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.KeyedLockerBackend;
import io.keyedlock.KeyedLockerSettings;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

/** The calls and reports of {@link Leases}, under a clock that the test advances. */
@ExtendWith(OutputCaptureExtension.class)
class LeasesTests {

    private static final AtomicInteger STORES = new AtomicInteger();

    private final ManualTimer timer = new ManualTimer();
    private final RecordingStore store = new RecordingStore();
    private final Leases leases = new Leases(store, "test", timer, "p", Math::max);

    private LeaseBackend backend(String lock, LeaseSettings settings) {
        return leases.backend(KeyedLockerSettings.defaults().withName(lock), settings);
    }

    private LeaseBackend backend() {
        return backend("orders", LeaseSettings.defaults());
    }

    @Test
    void onlyAPingIsSentWhileNothingIsHeld() {
        for (int i = 0; i < 50; i++) {
            backend("lock-" + i, LeaseSettings.defaults());
        }
        timer.pass(Duration.ofMinutes(5));
        assertThat(store.calls).hasSizeBetween(9, 10).containsOnly("ping");
    }

    @Test
    void oneHeartbeatRenewsWhatAllLockersHold() {
        for (int i = 0; i < 50; i++) {
            backend("lock-" + i, LeaseSettings.defaults()).acquire("k", 1, true, new Recorder());
        }
        store.calls.clear();
        timer.pass(Duration.ofSeconds(100));
        assertThat(store.calls).hasSize(10).containsOnly("heartbeat of 50");
    }

    @Test
    void answeredRequestsShareOneTimeoutThatEndsWithoutThem() {
        LeaseBackend backend = backend();
        for (int i = 0; i < 20; i++) {
            Recorder holder = new Recorder();
            backend.acquire("k", 1, true, holder);
            holder.lease.release();
        }
        assertThat(timer.tasks).as("heartbeats and timeouts").hasSize(2);
        timer.pass(LeaseSettings.defaults().backendTimeout());
        assertThat(timer.tasks).as("heartbeats").hasSize(1);
        assertThat(leases.releasing).isEmpty();
    }

    @Test
    void eachUnansweredCallFailsWhenItsOwnTimeIsOver() {
        store.answers = false;
        Recorder first = new Recorder();
        Recorder second = new Recorder();
        backend().acquire("k", 1, true, first);
        timer.pass(Duration.ofSeconds(1));
        LeaseSettings impatient = LeaseSettings.defaults().withBackendTimeout(Duration.ofSeconds(1));
        backend("impatient", impatient).acquire("k", 1, true, second);
        timer.pass(Duration.ofMillis(999));
        assertThat(second.failure).isNull();
        timer.pass(Duration.ofMillis(1));
        assertThat(second.failure).hasMessageContaining("did not answer within 1000 ms");
        timer.pass(Duration.ofMillis(999));
        assertThat(first.failure).isNull();
        timer.pass(Duration.ofMillis(1));
        assertThat(first.failure).hasMessageContaining("did not answer within 3000 ms");
    }

    @Test
    void threadThatCannotBeStartedFailsOneCallAndNoLaterOne() {
        LeaseBackend backend = backend();
        timer.refuses = true;
        Recorder refused = new Recorder();
        backend.acquire("k", 1, true, refused);
        assertThat(refused.failure).isInstanceOf(OutOfMemoryError.class);
        timer.refuses = false;
        store.answers = false;
        Recorder late = new Recorder();
        backend.acquire("other", 1, true, late);
        timer.pass(LeaseSettings.defaults().backendTimeout());
        assertThat(late.failure).hasMessageContaining("did not answer");
    }

    @Test
    void aSingleLateAnswerChangesNothingAndIsCounted(CapturedOutput output) {
        LeaseBackend backend = backend();
        Recorder unlucky = new Recorder();
        store.answers = false;
        backend.acquire("k", 1, true, unlucky);
        timer.pass(Duration.ofSeconds(1));
        store.answers = true;
        Recorder lucky = new Recorder();
        backend.acquire("other", 1, true, lucky);
        timer.pass(Duration.ofSeconds(3));
        assertThat(unlucky.failure).hasMessage(store.name() + " did not answer within 3000 ms");
        assertThat(backend.isAvailable()).isTrue();
        assertThat(backend.timeouts()).isEqualTo(1);
        assertThat(output).doesNotContain(store.name() + " cannot be reached");
    }

    @Test
    void anOutageIsLoggedOnceWithItsReason(CapturedOutput output) {
        LeaseBackend backend = backend();
        store.failure = new IllegalStateException("READONLY You can't write against a read only replica.");
        for (int i = 0; i < 1_000; i++) {
            backend.acquire("k" + i, 1, true, new Recorder());
        }
        assertThat(backend.isAvailable()).as("not yet").isTrue();
        timer.pass(Duration.ofSeconds(10));
        assertThat(backend.isAvailable()).isFalse();
        store.failure = null;
        backend.acquire("k", 1, true, new Recorder());
        assertThat(backend.isAvailable()).isTrue();
        Awaitility.await().until(() -> output.toString().contains(store.name() + " can be reached again"));
        assertThat(output.toString().split(store.name() + " cannot be reached: READONLY", -1))
                .hasSize(2);
    }

    @Test
    void aLeaseHeldTooLongIsNoLongerRenewedAndIsLost() {
        LeaseBackend backend = backend("orders", LeaseSettings.defaults().withMaxHold(Duration.ofSeconds(60)));
        Recorder holder = new Recorder();
        backend.acquire("k", 1, true, holder);
        timer.pass(Duration.ofSeconds(75));
        assertThat(holder.lost).isZero();
        assertThat(holder.lease.isValid()).isTrue();
        timer.pass(Duration.ofSeconds(15));
        assertThat(holder.lost).isEqualTo(1);
        assertThat(holder.lease.isValid()).isFalse();
        holder.lease.release();
        Recorder next = new Recorder();
        backend.acquire("k", 1, true, next);
        assertThat(next.lease).isNotNull();
    }

    @Test
    void aLeaseOutlivesAnOutageThatIsShorterThanItself() {
        LeaseBackend backend = backend();
        Recorder holder = new Recorder();
        backend.acquire("k", 1, true, holder);
        store.answers = false;
        timer.pass(Duration.ofSeconds(25));
        store.answers = true;
        timer.pass(Duration.ofSeconds(60));
        assertThat(holder.lost).isZero();
    }

    @Test
    void anUnreachablePartOfTheStoreLosesOnlyItsOwnLeases() {
        store.isPartitioned = true;
        Recorder near = new Recorder();
        backend("near", LeaseSettings.defaults()).acquire("k", 1, true, near);
        Recorder far = new Recorder();
        backend("far", LeaseSettings.defaults()).acquire("k", 1, true, far);
        store.unreachable = "far";
        timer.pass(Duration.ofMinutes(2));
        assertThat(near.lost).isZero();
        assertThat(far.lost).isEqualTo(1);
    }

    @Test
    void lateHeartbeatsAreCounted() {
        LeaseBackend backend = backend();
        backend.acquire("k", 1, true, new Recorder());
        store.answers = false;
        timer.pass(Duration.ofSeconds(14));
        assertThat(backend.timeouts()).isEqualTo(1);
    }

    @Test
    void aHeartbeatWithoutAnAnswerForEachClaimRenewsAndLosesNothing() {
        Recorder holder = new Recorder();
        backend().acquire("k", 1, true, holder);
        store.loseAnswers = true;
        timer.pass(Duration.ofSeconds(25));
        assertThat(holder.lost).isZero();
        timer.pass(Duration.ofSeconds(10));
        assertThat(holder.lost).as("it has ended").isEqualTo(1);
    }

    @Test
    void aKeyThatTheStoreCannotRenewLosesOnlyItsOwnLease() {
        LeaseBackend backend = backend();
        Recorder locked = new Recorder();
        backend.acquire("locked", 1, true, locked);
        Recorder free = new Recorder();
        backend.acquire("free", 1, true, free);
        store.unknownKey = "locked";
        timer.pass(Duration.ofMinutes(2));
        assertThat(locked.lost).isEqualTo(1);
        assertThat(free.lost).isZero();
    }

    @Test
    void aWaiterKeepsItsPlaceWhileTheServerRestarts() {
        Recorder holder = new Recorder();
        backend().acquire("k", 1, true, holder);
        Recorder waiter = new Recorder();
        backend().acquire("k", 1, true, waiter);
        store.acquireFailure = new IllegalStateException("LOADING Redis is loading the dataset in memory");
        holder.lease.release();
        timer.pass(Duration.ofSeconds(4));
        assertThat(waiter.failure).isNull();
        store.acquireFailure = null;
        timer.pass(Duration.ofSeconds(2));
        assertThat(waiter.lease).isNotNull();
    }

    @Test
    void aWaiterWhoseTurnIsRejectedForLongFailsWithTheReason() {
        Recorder holder = new Recorder();
        backend().acquire("k", 1, true, holder);
        Recorder waiter = new Recorder();
        backend().acquire("k", 1, true, waiter);
        store.acquireFailure = new IllegalStateException("OOM command not allowed");
        holder.lease.release();
        timer.pass(Duration.ofSeconds(20));
        assertThat(waiter.failure).isSameAs(store.acquireFailure);
        Recorder next = new Recorder();
        store.acquireFailure = null;
        timer.pass(Duration.ofSeconds(20));
        backend().acquire("k", 1, true, next);
        assertThat(next.lease).as("the waiter was removed").isNotNull();
    }

    @Test
    @Timeout(60)
    void aDriverThatBlocksDoesNotBlockTheCaller() throws Exception {
        CountDownLatch called = new CountDownLatch(1);
        CountDownLatch goesOn = new CountDownLatch(1);
        store.beforeAnswer = () -> {
            called.countDown();
            try {
                goesOn.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        };
        Recorder unlucky = new Recorder();
        LeaseBackend backend = backend();
        Thread caller = new Thread(() -> backend.acquire("k", 1, true, unlucky));
        caller.start();
        called.await();
        store.beforeAnswer = () -> {};
        timer.pass(Duration.ofSeconds(4));
        assertThat(unlucky.failure).hasMessage(store.name() + " did not answer within 3000 ms");
        goesOn.countDown();
        caller.join();
    }

    @Test
    void closedLeasesStopWhenTheLastOneIsReleased() {
        LeaseBackend backend = backend();
        Recorder holder = new Recorder();
        backend.acquire("k", 1, true, holder);
        leases.close();
        timer.pass(Duration.ofMinutes(2));
        assertThat(holder.lost).isZero();
        assertThat(store.closed).isFalse();
        holder.lease.release();
        timer.pass(Duration.ofSeconds(2));
        assertThat(store.closed).isTrue();
    }

    /** Runs tasks when the test advances the clock. */
    private static final class ManualTimer implements LeaseTimer {
        private final List<Task> tasks = new ArrayList<>();
        private long now;
        private boolean refuses;

        private static final class Task {
            private final long time;
            private final Runnable action;

            Task(long time, Runnable action) {
                this.time = time;
                this.action = action;
            }
        }

        @Override
        public long nanoTime() {
            return now;
        }

        @Override
        public Runnable schedule(Runnable action, long nanos) {
            if (refuses) {
                throw new OutOfMemoryError("no further thread");
            }
            Task task = new Task(now + nanos, action);
            tasks.add(task);
            return () -> tasks.remove(task);
        }

        @Override
        public void shutdown() {
            tasks.clear();
        }

        void pass(Duration duration) {
            long end = now + duration.toNanos();
            while (true) {
                Task next = tasks.stream()
                        .filter(task -> task.time <= end)
                        .min(Comparator.comparingLong(task -> task.time))
                        .orElse(null);
                if (next == null) {
                    break;
                }
                tasks.remove(next);
                now = next.time;
                next.action.run();
            }
            now = end;
        }
    }

    /** A store that answers at once, late, or with a failure, by the clock of the timer. */
    private final class RecordingStore implements LeaseStore {
        /** A separate name for each test, so that late log messages of one are not attributed to another. */
        private final String name = "store-" + STORES.incrementAndGet();

        private final StoreModel model = new StoreModel(claim -> {}, (claim, token) -> {});
        private final List<String> calls = new ArrayList<>();
        private boolean answers = true;
        private RuntimeException failure;
        private RuntimeException acquireFailure;
        private Runnable beforeAnswer = () -> {};
        private boolean isPartitioned;
        private String unreachable = "";
        private boolean loseAnswers;
        private String unknownKey = "";
        private boolean closed;

        private <T> CompletionStage<T> answer(String call, java.util.function.LongFunction<T> operation) {
            calls.add(call);
            beforeAnswer.run();
            if (failure != null) {
                return CompletableFuture.failedFuture(failure);
            }
            return answers
                    ? CompletableFuture.completedFuture(operation.apply(1_000_000 + timer.now / 1_000))
                    : new CompletableFuture<>();
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public CompletionStage<Grant> acquire(Claim claim) {
            return acquireFailure == null
                    ? answer("acquire", time -> model.acquire(claim, time))
                    : CompletableFuture.failedFuture(acquireFailure);
        }

        @Override
        public CompletionStage<Boolean> release(Claim claim) {
            return answer("release", time -> model.release(claim, time));
        }

        @Override
        public Object partition(Requester requester) {
            return isPartitioned ? requester.lock() : "";
        }

        @Override
        public CompletionStage<List<Heartbeat>> heartbeat(List<Claim> claims) {
            if (claims.stream().anyMatch(claim -> claim.requester().lock().equals(unreachable))) {
                return new CompletableFuture<>();
            }
            return answer(
                    "heartbeat of " + claims.size(),
                    time -> claims.stream()
                            .limit(loseAnswers ? claims.size() - 1 : claims.size())
                            .map(claim -> claim.key().equals("s:" + unknownKey)
                                            || claim.key().equals(unknownKey)
                                    ? Heartbeat.UNKNOWN
                                    : model.heartbeat(claim, time))
                            .toList());
        }

        @Override
        public CompletionStage<List<Holder>> holders(String lock, String key) {
            return answer("holders", time -> model.holders(lock, key, time));
        }

        @Override
        public CompletionStage<Void> ping() {
            return answer("ping", time -> null);
        }

        @Override
        public void listen(String process, TurnListener listener) {}

        @Override
        public void close() {
            closed = true;
        }
    }

    private static final class Recorder implements KeyedLockerBackend.Receiver {
        private KeyedLockerBackend.Lease lease;
        private Throwable failure;
        private int lost;

        @Override
        public void queued() {}

        @Override
        public void granted(KeyedLockerBackend.Lease granted) {
            lease = granted;
        }

        @Override
        public void rejected() {}

        @Override
        public void failed(Throwable cause) {
            failure = cause;
        }

        @Override
        public void lost() {
            lost++;
        }
    }
}
