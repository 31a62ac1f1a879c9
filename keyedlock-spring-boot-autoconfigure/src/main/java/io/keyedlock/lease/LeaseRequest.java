// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

import io.keyedlock.KeyedLockerBackend;
import java.util.OptionalLong;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

/**
 * One request for a lease, and the lease that it acquires.
 *
 * <pre>
 * OPEN -> HELD -> RELEASED      the usual way
 *         HELD -> LOST -> RELEASED
 * OPEN -> OVER                  rejected, failed, or cancelled
 * </pre>
 *
 * <p>The thread that sets the state notifies the receiver. The store may still process an earlier call; {@link Leases}
 * describes how the result is undone.
 *
 * <p>At most one acquire call to the store is pending. {@link #callReasons} counts the reasons for a call, and the thread that
 * raises it from zero makes the call. If the count has grown when the answer arrives, the call is repeated.
 */
final class LeaseRequest implements KeyedLockerBackend.Request, KeyedLockerBackend.Lease {

    private static final long NEVER = Long.MAX_VALUE;

    private enum State {
        OPEN,
        HELD,
        LOST,
        RELEASED,
        OVER
    }

    final LeaseBackend backend;
    final LeaseStore.Claim claim;

    private final LeaseTimer timer;
    private final KeyedLockerBackend.Receiver receiver;

    private final AtomicReference<State> state = new AtomicReference<>(State.OPEN);
    private final AtomicInteger callReasons = new AtomicInteger();

    /** Written before the state becomes HELD. */
    private volatile long token;

    /** Written before the state becomes HELD. */
    private volatile long grantedAt;

    /** When the lease ends according to its last renewal, measured from before the call. Only moves forward. */
    private final AtomicLong endsAt = new AtomicLong();

    /** When the next heartbeat is due. Written before this waits or is held, by the timer's thread, and after a failure. */
    private volatile long heartbeatAt;

    /** When the store was last called to queue, grant or renew this. Has a meaning only if {@link #asked} is true. */
    private volatile long askedAt;

    private volatile boolean asked;

    /** When the store last answered a call about this. Written by the thread that receives the answer. */
    private volatile long answeredAt;

    /** Whether the store has answered an acquire call. Written by the one pending acquire call. */
    private volatile boolean answered;

    /** Whether the store has queued this. Written by the one pending acquire call. */
    private volatile boolean queued;

    /** When acquire calls of a queued request began to fail, or 0. Written by the one pending acquire call. */
    private volatile long failingSince;

    /** Cancels the timeout of the first answer. Written before the store is called. */
    private volatile Runnable cancelTimer = () -> {};

    LeaseRequest(LeaseBackend backend, LeaseStore.Claim claim, KeyedLockerBackend.Receiver receiver) {
        this.backend = backend;
        this.claim = claim;
        this.timer = backend.leases.timer;
        this.receiver = receiver;
    }

    private boolean isOpen() {
        return state.get() == State.OPEN;
    }

    private boolean isHeld() {
        return state.get() == State.HELD;
    }

    // ---- acquire calls

    void ask() {
        if (isOpen() && callReasons.getAndIncrement() == 0) {
            callStore();
        }
    }

    /** Repeats the acquire call if one was made before, because a notification may have been missed. */
    void askAgain() {
        if (asked) {
            ask();
        }
    }

    private void callStore() {
        int seen = callReasons.get();
        long now = timer.nanoTime();
        askedAt = now;
        asked = true;
        backend.call(() -> backend.leases.store.acquire(claim), (grant, failure) -> {
            if (grant == null || failure != null) {
                failed(now, seen, failure == null ? new IllegalStateException("no answer") : failure);
                return;
            }
            failingSince = 0;
            answered = true;
            cancelTimer.run();
            answeredAt = timer.nanoTime();
            backend.sawLimit(claim.requester().limit(), grant.otherLimit());
            switch (grant.outcome()) {
                case GRANTED -> granted(now, grant.token());
                case QUEUED -> queued(seen);
                case TAKEN -> taken();
            }
        });
    }

    /**
     * Processes the failure of an acquire call. A queued request keeps its place until calls have failed for the backend
     * timeout, because a server that restarts or fails over rejects calls for a moment. Its heartbeats repeat the call.
     */
    private void failed(long askedAt, int seen, Throwable failure) {
        if (queued && isOpen()) {
            if (failingSince == 0) {
                failingSince = askedAt;
            }
            if (timer.nanoTime() - failingSince < backend.timeoutNanos) {
                if (!callReasons.compareAndSet(seen, 0)) {
                    callStore();
                }
                return;
            }
        }
        fail(failure);
        // Also if the request was over before: the store may have processed this call after the release.
        backend.leases.repeatReleaseLater(this);
    }

    private void granted(long askedAt, long grantedToken) {
        long now = timer.nanoTime();
        token = grantedToken;
        grantedAt = now;
        endsAt.set(askedAt + backend.leaseNanos);
        heartbeatAt = askedAt + backend.renewalNanos;
        if (endsAt.get() - now <= 0) {
            fail(new TimeoutException("the lease had ended before its grant arrived"));
        } else if (state.compareAndSet(State.OPEN, State.HELD)) {
            backend.leases.renewBy(heartbeatAt);
            receiver.granted(this);
            return;
        }
        backend.release(this, false);
    }

    private void queued(int seen) {
        if (!isOpen()) {
            // Cancelled meanwhile, possibly before the store queued this.
            backend.release(this, false);
            return;
        }
        if (!queued) {
            heartbeatAt = answeredAt + backend.heartbeatNanos;
            queued = true;
            backend.leases.renewBy(heartbeatAt);
            receiver.queued();
        }
        if (!callReasons.compareAndSet(seen, 0)) {
            callStore();
        }
    }

    private void taken() {
        if (claim.waits()) {
            fail(new IllegalStateException("the request was released before it arrived"));
        } else if (end()) {
            receiver.rejected();
        }
    }

    private boolean end() {
        boolean mine = state.compareAndSet(State.OPEN, State.OVER);
        if (mine) {
            cancelTimer.run();
            backend.leases.ended(this);
        }
        return mine;
    }

    /** Ends the request if it is still open. The lease or place that the store may have for it is released later. */
    private void fail(Throwable failure) {
        if (end()) {
            backend.leases.repeatReleaseLater(this);
            receiver.failed(failure);
        }
    }

    /** Fails the request unless the store answers in time. The store may not have been called by then. */
    void failUnlessAnswered(long nanos) {
        cancelTimer = backend.leases
                .calls
                .timeouts()
                .schedule(
                        () -> {
                            if (!answered) {
                                fail(backend.leases.calls.noAnswer(nanos));
                            }
                        },
                        nanos);
    }

    @Override
    public void cancel() {
        if (end()) {
            backend.release(this, false);
        }
    }

    // ---- heartbeats

    /** Returns the time until the next heartbeat is due, or {@link #NEVER} if there will be none. */
    long untilHeartbeat(long now) {
        boolean renews = isHeld() ? now - grantedAt < backend.maxHoldNanos : queued && isOpen();
        return renews ? heartbeatAt - now : NEVER;
    }

    /** Returns the time until the lease ends, or {@link #NEVER} if none is held. Reports a lease that has ended as lost. */
    long untilEnd(long now) {
        if (!isHeld()) {
            return NEVER;
        }
        long left = endsAt.get() - now;
        if (left <= 0) {
            lost();
            return NEVER;
        }
        return left;
    }

    void heartbeatSent(long now) {
        askedAt = now;
        heartbeatAt = now + (isHeld() ? backend.renewalNanos : backend.heartbeatNanos);
    }

    void heartbeatAnswered(long sent, LeaseStore.Heartbeat answer) {
        answeredAt = timer.nanoTime();
        long end = sent + backend.leaseNanos;
        if (isOpen()) {
            if (answer == LeaseStore.Heartbeat.WAITING) {
                failingSince = 0;
            } else {
                ask();
            }
        } else if (answer == LeaseStore.Heartbeat.RENEWED) {
            endsAt.accumulateAndGet(end, backend.leases.renewal);
        } else if (sent - grantedAt > 0 && end - endsAt.get() >= 0) {
            // The heartbeat was sent after the grant and not before the last renewal, so its answer is not outdated.
            lost();
        }
    }

    /** Repeats the renewal of a lease soon. Fails a waiting request that had no answer for the backend timeout. */
    void heartbeatFailed(Throwable failure) {
        if (isHeld()) {
            heartbeatAt = timer.nanoTime() + backend.heartbeatNanos;
            backend.leases.renewBy(heartbeatAt);
        } else if (queued && isOpen() && timer.nanoTime() - answeredAt >= backend.timeoutNanos) {
            fail(failure);
        }
    }

    // ---- the lease

    private void lost() {
        if (state.compareAndSet(State.HELD, State.LOST)) {
            backend.leases.ended(this);
            receiver.lost();
        }
    }

    /** Reports that the store did not have the lease when it was released. */
    void wasLost() {
        receiver.lost();
    }

    @Override
    public OptionalLong fencingToken() {
        return OptionalLong.of(token);
    }

    @Override
    public boolean isValid() {
        return isHeld() && endsAt.get() - timer.nanoTime() > 0;
    }

    /** Returns whether the hand-off window is open, the maximum hold is not reached, and a third of the lease is left. */
    @Override
    public boolean mayHandOff() {
        long now = timer.nanoTime();
        long age = now - grantedAt;
        return isHeld()
                && age < backend.handoffNanos
                && age < backend.maxHoldNanos
                && endsAt.get() - now > backend.leaseNanos / 3;
    }

    @Override
    public void release() {
        State before = state.getAndSet(State.RELEASED);
        if (before == State.HELD) {
            backend.leases.ended(this);
            backend.release(this, true);
        } else if (before == State.LOST) {
            // The store may still have the lease if its answers did not arrive.
            backend.release(this, false);
        }
    }

    /** Returns whether the store may have a lease or a place for this, provided it processed the last call in time. */
    boolean mayBeKnown(long now) {
        return asked && now - askedAt < backend.rememberedNanos;
    }
}
