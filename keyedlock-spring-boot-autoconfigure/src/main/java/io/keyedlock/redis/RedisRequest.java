// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import io.keyedlock.KeyedLockerBackend;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/**
 * One request for a permit in Redis, and the lease that comes of it.
 *
 * <pre>
 * OPEN -> HELD -> RELEASED      the usual way
 *         HELD -> LOST -> RELEASED
 * OPEN -> OVER                  refused, failed, or withdrawn
 * </pre>
 *
 * <p>Who sets the state tells the receiver. Redis may still do what was asked before: whoever sees an answer that came too
 * late leaves in Redis whatever it granted, and what nobody sees ends with its lease.
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

    /** Whether Redis has answered anything. Written by the one question that is under way. */
    private volatile boolean answered;

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
        backend.acquire(this, waits, (answer, failure) -> {
            answered |= failure == null;
            if (failure != null) {
                fail(failure);
            } else if (answer.get(0) == 1) {
                granted(asked, answer.get(1));
            } else if (answer.get(0) == 0) {
                notGranted(heard, listened);
            } else {
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
            if (state.compareAndSet(State.OPEN, State.OVER)) {
                backend.forget(this);
                receiver.refused();
            }
            return;
        }
        if (!isOpen()) {
            // Withdrawn meanwhile, perhaps before Redis had put this in line.
            backend.leave(this, false);
            return;
        }
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

    /** Ends the request if it is still open. */
    void fail(Throwable failure) {
        if (state.compareAndSet(State.OPEN, State.OVER)) {
            backend.forget(this);
            receiver.failed(failure);
        }
    }

    /** Ends the request if Redis has not answered it. */
    void failUnanswered(Throwable failure) {
        if (!answered) {
            fail(failure);
        }
    }

    @Override
    public void withdraw() {
        if (state.compareAndSet(State.OPEN, State.OVER)) {
            backend.forget(this);
            backend.leave(this, false);
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
}
