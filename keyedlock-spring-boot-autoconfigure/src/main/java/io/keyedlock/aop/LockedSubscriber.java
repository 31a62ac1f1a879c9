// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.KeyedLocker;
import io.keyedlock.Permit;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;
import reactor.core.Exceptions;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Operators;
import reactor.core.scheduler.Schedulers;
import reactor.util.context.Context;

/**
 * One subscription to a locked call: first a place in the queue, then a subscriber of what the method returned, which passes
 * signals and demand on as they come.
 */
final class LockedSubscriber implements CoreSubscriber<Object>, Subscription {

    /*
     * COURSE
     * start     Downstream gets its subscription at once, so that it can cancel a wait; demand is kept for the source.
     * acquire   A free permit: the body runs right here. Otherwise on another thread, once the acquisition has ended.
     * run       The method is called and its publisher subscribed, with what is held in the context.
     * end       The permit goes back before downstream hears of completion or error, so that what it does next finds
     *           the key free. The value of a Mono waits for that too, as many take it for the end.
     *
     * WHO WINS, AND WHAT THE LOSER OWES
     * Cancellation against the grant: cancel() marks the source as cancelled and then looks for the acquisition and for what
     * is held; the other side stores what it has and then looks for the mark. One of them sees the other, and both may
     * try to give back: who takes held out of its field does. The granting thread stores held itself, before another thread has
     * time for the body.
     * Cancellation against the call: a method that is on its way to its publisher, and a coroutine until it has ended, keep the
     * key though nobody wants their result any more. run() writes running and then looks for the mark, cancel() sets
     * the mark and then looks at running. So either the method is not called at all, or cancel() leaves the key to
     * run(), which looks for the mark again when it is through. After a cancellation the body's end has been asked for by
     * one of them, or by both.
     * Cancellation against the end: whichever takes held out gives back. Signals of the source after a cancellation pass,
     * as everywhere.
     * An inner call against the end of the outer one: see ChainPermits.
     */

    private static final AtomicReferenceFieldUpdater<LockedSubscriber, Subscription> SOURCE =
            AtomicReferenceFieldUpdater.newUpdater(LockedSubscriber.class, Subscription.class, "source");

    private static final AtomicLongFieldUpdater<LockedSubscriber> REQUESTED =
            AtomicLongFieldUpdater.newUpdater(LockedSubscriber.class, "requested");

    private static final VarHandle HELD;

    static {
        try {
            HELD = MethodHandles.lookup().findVarHandle(LockedSubscriber.class, "held", ChainPermits.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final CoreSubscriber<? super Object> actual;

    private final ReactiveCall call;

    private final ReactiveBody body;

    /** Whether the source is to give one value at most. */
    private final boolean single;

    /** What {@link #actual} has, with {@link #held} once that is there. */
    private Context context;

    /** The subscription of what the method returned once that is there; that of {@link Operators} for cancelled ones. */
    private volatile @Nullable Subscription source;

    /** What downstream has asked for and the source has not been told. */
    private volatile long requested;

    /** Written by the subscribing thread, if it has to wait. */
    private volatile @Nullable CompletableFuture<Permit> acquisition;

    /** Written before the method is called; null again once it is given back, by whoever takes it out. */
    private volatile @Nullable ChainPermits held;

    /** Whether {@link #held} has been written, whatever has become of it. */
    private volatile boolean acquired;

    /** Whether a call of the method is under way of whose end the body does not tell. */
    private volatile boolean running;

    /** Whether the thread that resumes has got to the rest of the call. */
    private boolean resumed;

    /** The value of a Mono until it completes. This and the next are used by the source's signals only. */
    private @Nullable Object value;

    private boolean done;

    LockedSubscriber(CoreSubscriber<? super Object> actual, ReactiveCall call, boolean single) {
        this.actual = actual;
        this.call = call;
        this.body = call.bodies().get();
        this.single = single;
        this.context = actual.currentContext();
    }

    void start() {
        actual.onSubscribe(this);
        if (isCancelled()) {
            return;
        }
        LockedMethod method = call.method();
        try {
            if (method.applies(call.context())) {
                acquire(method, method.locker().get(), AsyncPermits.keysOf(method, call.context()));
                return;
            }
        } catch (Throwable e) {
            // A condition or key that fails, a key whose own code throws, no locker: nothing is held.
            Exceptions.throwIfFatal(e);
            onError(e);
            return;
        }
        run();
    }

    // ---- acquiring

    private void acquire(LockedMethod method, KeyedLocker<Object> locker, Object keys) {
        ChainPermits outer = context.getOrDefault(ChainPermits.class, null);
        List<ChainPermits> inner = new ArrayList<>(0);
        CompletableFuture<Permit> asked = ask(method, locker, keys, outer, inner);
        if (asked.isDone()) {
            Throwable failure = AsyncPermits.failureOf(asked, method);
            if (failure == null) {
                hold(locker, keys, asked.join(), outer, inner);
                run();
            } else {
                inner.forEach(ChainPermits::leave);
                notAcquired(locker, keys, failure);
            }
            return;
        }
        CallerContext caller;
        try {
            caller = CallerContext.capture(context);
        } catch (Throwable e) {
            AsyncPermits.cancel(asked);
            inner.forEach(ChainPermits::leave);
            throw e;
        }
        acquisition = asked;
        // A body that may block where it was subscribed may still block where it is resumed.
        boolean mayBlock = !Schedulers.isInNonBlockingThread();
        asked.whenComplete((permit, failed) -> {
            Throwable failure = AsyncPermits.failureOf(asked, method);
            if (failure == null) {
                // At once, as it may take long until the other thread has time, and a cancellation frees the key.
                hold(locker, keys, permit, outer, inner);
            } else {
                inner.forEach(ChainPermits::leave);
            }
            if (isCancelled()) {
                release();
                return;
            }
            Runnable goOn = failure == null ? this::run : () -> notAcquired(locker, keys, failure);
            try {
                // Never here: this is the thread of who gave the permit back, or of a timer.
                Runnable resumption = () -> resume(caller, goOn);
                if (mayBlock) {
                    call.executor().get().execute(resumption);
                } else {
                    Schedulers.parallel().schedule(resumption);
                }
            } catch (Throwable e) {
                release();
                onError(e);
            }
        });
        if (isCancelled()) {
            cancelWait(asked);
        }
    }

    /** Asks on behalf of the subscriber: listeners hear of a wait on this thread, and look there for what it belongs to. */
    @SuppressWarnings("try") // the scope is there while it is open
    private CompletableFuture<Permit> ask(
            LockedMethod method,
            KeyedLocker<Object> locker,
            Object keys,
            @Nullable ChainPermits outer,
            List<ChainPermits> entered) {
        CompletableFuture<Permit> asked = null;
        try (CallerContext.Scope scope = CallerContext.enter(context)) {
            asked = outer == null
                    ? AsyncPermits.of(method, locker, keys)
                    : AsyncPermits.inside(method, locker, keys, outer, entered);
            return asked;
        } catch (Throwable e) {
            // Nothing was asked for, or this thread cannot have its own context back.
            if (asked != null) {
                AsyncPermits.cancel(asked);
            }
            entered.forEach(ChainPermits::leave);
            throw e;
        }
    }

    /** Goes on in the context of whoever has subscribed. */
    private void resume(CallerContext caller, Runnable goOn) {
        try {
            caller.run(() -> {
                resumed = true;
                goOn.run();
            });
        } catch (Throwable e) {
            // The context cannot be brought here; or not be undone, after all has gone on.
            if (resumed) {
                throw e;
            }
            release();
            onError(e);
        }
    }

    /**
     * Gives up a wait, or a permit that was granted meanwhile. Only after a cancellation: then either the permit has become what
     * is held, and is the business of those who use it, or who grants it will see the mark and run nothing.
     */
    private void cancelWait(CompletableFuture<Permit> waiting) {
        if (!acquired) {
            AsyncPermits.cancel(waiting);
        }
    }

    /** Takes note of what has been acquired, together with what the chain held already. */
    private void hold(
            KeyedLocker<Object> locker,
            Object keys,
            Permit own,
            @Nullable ChainPermits outer,
            List<ChainPermits> entered) {
        ChainPermits mine = ChainPermits.of(locker, keys, call.method(), own, outer, entered);
        context = context.put(ChainPermits.class, mine);
        held = mine;
        acquired = true;
    }

    private void notAcquired(KeyedLocker<Object> locker, Object keys, Throwable failure) {
        if (isCancelled()) {
            return;
        }
        if (AsyncPermits.isSkipped(call.method(), failure)) {
            onComplete();
        } else {
            onError(AsyncPermits.explained(call.method(), locker, keys, failure));
        }
    }

    private void run() {
        running = true;
        try {
            if (!isCancelled()) {
                Publisher<Object> publisher = call.proceed(body);
                running = body.beginsInSubscribe();
                CoreSubscriber<Object> me = this;
                if (single) {
                    Mono.fromDirect(publisher).subscribe(me);
                } else {
                    Flux.from(publisher).subscribe(me);
                }
            }
        } catch (Throwable e) {
            release();
            Exceptions.throwIfFatal(e);
            onError(e);
        } finally {
            running = false;
            if (isCancelled()) {
                body.whenEnded(this::release);
            }
        }
    }

    /** Why this must end with an error; see {@link CurrentPermit#outcome}. */
    private @Nullable Throwable outcome(@Nullable Throwable failure) {
        ChainPermits mine = held;
        return mine == null ? failure : CurrentPermit.outcome(call.method(), mine.permit(), failure);
    }

    /** Gives back what is held, once. */
    private void release() {
        if (held != null && HELD.getAndSet(this, null) instanceof ChainPermits mine) {
            mine.leave();
        }
    }

    // ---- what downstream says

    @Override
    public void request(long n) {
        Subscription told = source;
        if (told != null) {
            told.request(n);
        } else if (Operators.validate(n)) {
            // Whoever comes second, this or the source's subscription, sees the other and tells.
            Operators.addCap(REQUESTED, this, n);
            told = source;
            if (told != null) {
                tellRequested(told);
            }
        }
    }

    private void tellRequested(Subscription subscription) {
        long kept = requested == 0 ? 0 : REQUESTED.getAndSet(this, 0);
        if (kept != 0) {
            subscription.request(kept);
        }
    }

    private boolean isCancelled() {
        return source == Operators.cancelledSubscription();
    }

    @Override
    public void cancel() {
        Subscription told = SOURCE.getAndSet(this, Operators.cancelledSubscription());
        if (told != null) {
            told.cancel();
        }
        CompletableFuture<Permit> waiting = acquisition;
        if (waiting != null) {
            cancelWait(waiting);
        }
        if (!running) {
            body.whenEnded(this::release);
        }
    }

    // ---- what the source says

    @Override
    public Context currentContext() {
        return context;
    }

    @Override
    public void onSubscribe(Subscription subscription) {
        if (SOURCE.compareAndSet(this, null, subscription)) {
            tellRequested(subscription);
        } else {
            // Cancelled meanwhile, or a second one, which a source must not give.
            subscription.cancel();
        }
    }

    @Override
    public void onNext(Object next) {
        if (done) {
            Operators.onNextDropped(next, context);
        } else if (single) {
            value = next;
        } else {
            actual.onNext(next);
        }
    }

    @Override
    public void onError(Throwable failure) {
        if (done) {
            Operators.onErrorDropped(failure, context);
            return;
        }
        done = true;
        Operators.onDiscard(value, context);
        value = null;
        Throwable outcome = outcome(failure);
        release();
        actual.onError(outcome == null ? failure : outcome);
    }

    @Override
    public void onComplete() {
        if (done) {
            return;
        }
        done = true;
        Object last = value;
        value = null;
        Throwable lost = outcome(null);
        release();
        if (lost != null) {
            Operators.onDiscard(last, context);
            actual.onError(lost);
            return;
        }
        if (last != null) {
            if (isCancelled()) {
                Operators.onDiscard(last, context);
                return;
            }
            actual.onNext(last);
        }
        actual.onComplete();
    }
}
