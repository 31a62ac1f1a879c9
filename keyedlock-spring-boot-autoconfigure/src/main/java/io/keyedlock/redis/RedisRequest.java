// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import io.keyedlock.KeyedLockerBackend;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.Future;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * One request for a permit in Redis, and the lease that comes of it.
 *
 * <pre>
 * OPEN -> HELD -> RELEASED      the usual way
 *         HELD -> LOST -> RELEASED
 * OPEN -> OVER                  refused, failed, or withdrawn
 * </pre>
 *
 * <p>Who sets the state tells the receiver. Redis may still do what was asked before; who sees to it that nothing of this
 * stays there is told in {@link RedisBackend}.
 *
 * <p>At most one question is under way: {@link #wishes} counts the reasons to ask, and whoever raises it from zero asks. If
 * it has grown by the time of the answer, there is reason to ask again.
 */
final class RedisRequest implements KeyedLockerBackend.Request, KeyedLockerBackend.Lease {

    private enum State {
        OPEN,
        HELD,
        LOST,
        RELEASED,
        OVER
    }

    final String id;
    final String keyName;
    final List<String> keys;

    private final RedisBackend backend;
    private final boolean waits;
    private final KeyedLockerBackend.Receiver receiver;

    private final AtomicReference<State> state = new AtomicReference<>(State.OPEN);
    private final AtomicInteger wishes = new AtomicInteger();

    /** Written before the state becomes HELD. */
    private volatile long token;

    /** Written before the state becomes HELD. */
    private volatile long grantedAt;

    /** When the lease ends as far as it was renewed, counted from before Redis was asked. */
    private volatile long endsAt;

    /** When Redis was last asked to put this in line, to grant it or to renew it; 0 if it was not. */
    private volatile long askedAt;

    /** When Redis was last seen to know this. Written while it is in line, by whoever hears the answer. */
    private volatile long heardAt;

    /** Whether Redis has answered anything. Written by the one question that is under way. */
    private volatile boolean answered;

    /** Ends this if there is no first answer. Written before Redis is asked. */
    private volatile @Nullable Future<?> timer;

    /** Whether Redis has put this in line. Written by the one question that is under way. */
    private volatile boolean inLine;

    RedisRequest(RedisBackend backend, String id, String keyName, boolean waits, KeyedLockerBackend.Receiver receiver) {
        this.backend = backend;
        this.id = id;
        this.keyName = keyName;
        this.keys = backend.names.of(keyName);
        this.waits = waits;
        this.receiver = receiver;
    }

    boolean isOpen() {
        return state.get() == State.OPEN;
    }

    boolean isInLine() {
        return inLine && isOpen();
    }

    boolean isHeld() {
        return state.get() == State.HELD;
    }

    boolean isOver() {
        return state.get() == State.OVER;
    }

    long endsAt() {
        return endsAt;
    }

    // ---- asking

    void ask() {
        if (isOpen() && wishes.getAndIncrement() == 0) {
            question();
        }
    }

    private void question() {
        int heard = wishes.get();
        boolean listened = backend.isListening();
        long asked = System.nanoTime();
        askedAt = asked;
        backend.acquire(this, waits, (answer, failure) -> {
            if (failure == null) {
                answered = true;
                stopTimer();
            }
            if (failure != null) {
                fail(failure);
                // Whoever ended it before: Redis may have done it after it was told to leave it.
                backend.owe(this);
            } else if (answer.get(0) == 1) {
                granted(asked, answer.get(1));
            } else if (answer.get(0) == 0) {
                notGranted(heard, listened);
            } else {
                if (!inLine) {
                    // It was the first question, and nothing was done.
                    askedAt = 0;
                }
                fail(new IllegalStateException(backend.limitMismatch(answer.get(1))));
            }
        });
    }

    private void granted(long asked, long grantedToken) {
        token = grantedToken;
        grantedAt = System.nanoTime();
        endsAt = asked + backend.leaseNanos;
        if (endsAt - grantedAt <= 0) {
            fail(new TimeoutException("the lease was over before its grant was seen"));
        } else if (state.compareAndSet(State.OPEN, State.HELD)) {
            backend.holds(this);
            receiver.granted(this);
            return;
        }
        backend.leave(this, false);
    }

    private void notGranted(int heard, boolean listened) {
        if (!waits) {
            if (end()) {
                receiver.refused();
            }
            return;
        }
        if (!isOpen()) {
            // Withdrawn meanwhile, perhaps before Redis had put this in line.
            backend.leave(this, false);
            return;
        }
        heardAt = System.nanoTime();
        if (!inLine) {
            inLine = true;
            receiver.queued();
            backend.subscribe();
            if (!listened) {
                // It may have been its turn before anybody listened, and no later look could tell.
                backend.onceListening(this::ask);
            }
        }
        if (!wishes.compareAndSet(heard, 0)) {
            question();
        }
    }

    private boolean end() {
        boolean mine = state.compareAndSet(State.OPEN, State.OVER);
        if (mine) {
            stopTimer();
            backend.forget(this);
        }
        return mine;
    }

    /** Ends the request if it is still open. Redis does not answer, so that it is told when it does. */
    void fail(Throwable failure) {
        if (end()) {
            backend.owe(this);
            receiver.failed(failure);
        }
    }

    /** Has the request fail if Redis does not answer it in time, and perhaps is not asked until then. */
    void awaitFirstAnswer(long nanos) {
        timer = backend.schedule(() -> failUnanswered(RedisCalls.noAnswer(nanos)), nanos);
    }

    private void stopTimer() {
        Future<?> running = timer;
        if (running != null) {
            running.cancel(false);
            timer = null;
        }
    }

    private void failUnanswered(Throwable failure) {
        if (!answered) {
            fail(failure);
        }
    }

    @Override
    public void withdraw() {
        if (end()) {
            backend.leave(this, false);
        }
    }

    // ---- the beats

    /** Redis is about to be asked to renew the lease, or the place in line. */
    void beats(long now) {
        askedAt = now;
    }

    /** Redis has renewed the place in line, or said that there is none. */
    void heard() {
        heardAt = System.nanoTime();
    }

    /** Ends the request if Redis has said nothing of it for as long as an answer is awaited. */
    void failUnheard(Throwable failure, long patience) {
        if (isInLine() && System.nanoTime() - heardAt >= patience) {
            fail(failure);
        }
    }

    // ---- the lease

    void renewed(long asked) {
        endsAt = asked + backend.leaseNanos;
    }

    /** The lease is gone in Redis, or must be by now. */
    void lost() {
        if (state.compareAndSet(State.HELD, State.LOST)) {
            backend.forget(this);
            receiver.lost();
        }
    }

    /** Redis did not know the lease any more as it was given back, which nobody had seen before. */
    void wasLost() {
        receiver.lost();
    }

    @Override
    public OptionalLong fencingToken() {
        return OptionalLong.of(token);
    }

    @Override
    public boolean mayPassOn() {
        return mayPassOn(System.nanoTime());
    }

    /** As long as its turn is not over and a third of its lease is left. */
    boolean mayPassOn(long now) {
        return isHeld() && now - grantedAt < backend.maxTurnNanos && endsAt - now > backend.leaseNanos / 3;
    }

    @Override
    public void release() {
        State before = state.getAndSet(State.RELEASED);
        if (before == State.HELD) {
            backend.forget(this);
            backend.leave(this, true);
        } else if (before == State.LOST) {
            // It may still be there, if the answers of Redis did not come through.
            backend.leave(this, false);
        }
    }

    /** Whether Redis may still have the lease. */
    boolean mayBeHeld(long now) {
        return endsAt != 0 && endsAt - now > 0;
    }

    /** Whether Redis may have a lease or a place of this, if it has done in time what it was asked for. */
    boolean mayBeKnown(long now) {
        return askedAt != 0 && now - askedAt < backend.rememberedNanos;
    }
}
