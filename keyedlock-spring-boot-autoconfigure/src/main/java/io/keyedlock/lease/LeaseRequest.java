// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

import io.keyedlock.KeyedLockerBackend;
import java.util.OptionalLong;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

/**
 * One request for a lease, and the lease that comes of it.
 *
 * <pre>
 * OPEN -> HELD -> RELEASED      the usual way
 *         HELD -> LOST -> RELEASED
 * OPEN -> OVER                  refused, failed, or cancelled
 * </pre>
 *
 * <p>The thread that sets the state notifies the receiver. The store may still do what it was asked before; {@link Leases}
 * says how that is undone.
 *
 * <p>At most one question is pending: {@link #wishes} counts the reasons to ask, and the thread that raises it from zero asks.
 * If it has grown by the time of the answer, the question is repeated.
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
    private final AtomicInteger wishes = new AtomicInteger();

    /** Written before the state becomes HELD. */
    private volatile long token;

    /** Written before the state becomes HELD. */
    private volatile long grantedAt;

    /** When the lease ends as far as it was renewed, counted from before the store was asked. Moves forward only. */
    private final AtomicLong endsAt = new AtomicLong();

    /** When the next heartbeat is due. Written before this waits or is held, by the timer's thread, and when one has failed. */
    private volatile long heartbeatAt;

    /** When the store was last asked to queue, grant or renew this; see {@link #asked}. */
    private volatile long askedAt;

    private volatile boolean asked;

    /** When the store last answered something about this. Written by the thread that receives an answer. */
    private volatile long heardAt;

    /** Whether the store has answered anything. Written by the one question that is under way. */
    private volatile boolean answered;

    /** Whether the store has queued this. Written by the one question that is under way. */
    private volatile boolean queued;

    /** When questions of a queued request began to fail, or 0. Written by the one question that is under way. */
    private volatile long failingSince;

    /** Cancels the timer of the first answer. Written before the store is asked. */
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

    // ---- asking

    void ask() {
        if (isOpen() && wishes.getAndIncrement() == 0) {
            question();
        }
    }

    /** Asks again if the store was asked before, since a notification may have been missed. */
    void askAgain() {
        if (asked) {
            ask();
        }
    }

    private void question() {
        int seen = wishes.get();
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
            heardAt = timer.nanoTime();
            backend.sawLimit(claim.requester().limit(), grant.otherLimit());
            switch (grant.outcome()) {
                case GRANTED -> granted(now, grant.token());
                case QUEUED -> queued(seen);
                case TAKEN -> taken();
            }
        });
    }

    /**
     * Processes the failure of a question. A request in the queue keeps its place for a timeout, because a server that restarts
     * or fails over refuses calls for a moment; its heartbeats ask again.
     */
    private void failed(long askedAt, int seen, Throwable failure) {
        if (queued && isOpen()) {
            if (failingSince == 0) {
                failingSince = askedAt;
            }
            if (timer.nanoTime() - failingSince < backend.timeoutNanos) {
                if (!wishes.compareAndSet(seen, 0)) {
                    question();
                }
                return;
            }
        }
        fail(failure);
        // Even if it was over before: the store may have done it after it was asked to release it.
        backend.leases.owe(this);
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
            // Cancelled meanwhile, perhaps before the store had queued this.
            backend.release(this, false);
            return;
        }
        if (!queued) {
            heartbeatAt = heardAt + backend.heartbeatNanos;
            queued = true;
            backend.leases.renewBy(heartbeatAt);
            receiver.queued();
        }
        if (!wishes.compareAndSet(seen, 0)) {
            question();
        }
    }

    private void taken() {
        if (claim.waits()) {
            fail(new IllegalStateException("the request was released before it arrived"));
        } else if (end()) {
            receiver.refused();
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

    /** Ends the request if it is still open, and releases later what the store may have of it. */
    private void fail(Throwable failure) {
        if (end()) {
            backend.leases.owe(this);
            receiver.failed(failure);
        }
    }

    /** Has the request fail unless the store answers it in time; it may not have been asked until then. */
    void failUnlessAnswered(long nanos) {
        cancelTimer = timer.schedule(
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

    /** Returns how long from now a heartbeat is due, or a very long time if there will be none. */
    long untilHeartbeat(long now) {
        boolean renews = isHeld() ? now - grantedAt < backend.maxHoldNanos : queued && isOpen();
        return renews ? heartbeatAt - now : NEVER;
    }

    /** Returns how long from now the lease ends, if one is held. Reports it as lost if it has ended. */
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
        heardAt = timer.nanoTime();
        long end = sent + backend.leaseNanos;
        if (isOpen()) {
            if (answer != LeaseStore.Heartbeat.WAITING) {
                ask();
            }
        } else if (answer == LeaseStore.Heartbeat.RENEWED) {
            endsAt.accumulateAndGet(end, backend.leases.renewal);
        } else if (sent - grantedAt > 0 && end - endsAt.get() >= 0) {
            // Not a late answer: it is about the lease, and newer than the last renewal.
            lost();
        }
    }

    /** Repeats the renewal of a lease soon. Ends a wait if nothing was heard of it for as long as an answer may take. */
    void heartbeatFailed(Throwable failure) {
        if (isHeld()) {
            heartbeatAt = timer.nanoTime() + backend.heartbeatNanos;
            backend.leases.renewBy(heartbeatAt);
        } else if (queued && isOpen() && timer.nanoTime() - heardAt >= backend.timeoutNanos) {
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

    /** True while the hand-off window is open and a third of the lease is left. */
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
            // It may still be there, if the answers of the store did not arrive.
            backend.release(this, false);
        }
    }

    /** Returns whether the store may have a lease or a place of this, if it did in time what it was asked. */
    boolean mayBeKnown(long now) {
        return asked && now - askedAt < backend.rememberedNanos;
    }
}
