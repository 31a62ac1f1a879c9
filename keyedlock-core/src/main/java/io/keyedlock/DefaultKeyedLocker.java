// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.Lock;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The engine. Implements the methods of a locker; the comment inside names the parts and states the invariants. */
final class DefaultKeyedLocker<K> implements KeyedLocker<K> {

    /*
     * STRUCTURES
     * Stripes         The table of a locker: a fixed number of stripes, selected by the high bits of the spread hash code and
     *                 created on demand.
     * Stripe          A spin lock, one entry beside it, and a small chained hash table of further entries, which grows and
     *                 shrinks.
     * Entry           The lock of one key. It is also the hold of the caller that created it, and that hold is the permit.
     * ContendedState  The part of an entry that only a contended key needs, as in an inflated lock [4]: further holds
     *                 (ExtraHold), the queue, pins, the key's limit.
     * Limits          The limits of the locker and of its keys. It states when a limit is known and how it changes.
     * BackendKey      The additional state of a key whose permits come from a backend. A BackendRequest is one request to
     *                 it. BackendKey states their invariants, transitions and races.
     * Hold            One permit while it is held. Reentrant acquisitions of its owner (Reentry) are handles that keep it
     *                 open.
     * Waiter          One node of the queue: a thread or a future, with the hold that it will be granted.
     *
     *   Stripe: lock, counts
     *     |
     *     +-- Entry (key, first hold) -- Entry -- ...       in the table of the stripe
     *           |
     *         ContendedState
     *           |  latestHold --> ExtraHold <--> ExtraHold <--> ...       with the entry's own, as many as the limit admits
     *           |
     *           |  head                                      tail
     *           |    |                                         |
     *           |    v        next               next          v
     *           |  +--------+ -------> +--------+ -------> +--------+
     *           +- | thread |          | future |          | thread |     newcomers are appended at the tail
     *              +--------+ <------- +--------+ <------- +--------+
     *                         previous           previous
     *
     * The queue is a doubly linked list. As in the CLH variant of AbstractQueuedSynchronizer [1, 2], nodes are first-in,
     * first-out, a waiter that cancels unlinks its own node, and a release wakes the head only, which then competes with
     * newcomers. As with MCS locks [3], each waiter watches its own node, and a permit can be handed directly to the next node:
     * always to a future and with fair locks, otherwise to a head that newcomers have overtaken for too long. Unlike all of
     * these, the list is not lock-free: the stripe's lock guards it, because the table needs that lock anyway.
     *
     * LOCKING
     * All state of a key is written under the lock of its stripe. Acquiring and releasing take a few dozen instructions
     * and the key's own equals. Inspecting, scanning, resizing and closing visit all entries of a stripe. No critical section
     * parks, completes a future or calls a listener. Stripe.handOffAndUnlock carries out what a section decides for others
     * after it has unlocked the stripe. Only the idle watch locks two stripes: it locks the growth lock first and then all
     * stripes in the order of their index.
     *
     * INVARIANTS, whenever a stripe is unlocked
     * I1  A key has an entry in the table if and only if it is held, awaited or pinned, and then exactly one.
     * I2  A hold is granted only while its entry has fewer holds than the limit that applies then (see Limits). A hold
     *     is in its entry from its grant until its last handle is closed, even if the limit changes.
     * I3  The queue contains exactly the waiters without a result, in the order of their arrival.
     * I4  Without a backend: if a permit is free and the queue is not empty, the head is a thread that has been signalled and
     *     will check for a permit under the lock before it parks again. With fair locks this never happens. BackendKey states
     *     what replaces I4 for a locker with a backend.
     * I5  A stripe's counts of entries, holds and waiters are those of its table.
     * I6  While an idle watch is set, its count is the number of entries in all tables.
     *
     * TRANSITIONS
     * Entry   absent -> present (acquireNew, pin) -> absent (the last hold, waiter or pin leaves). A removed entry never
     *         returns, so closing an old handle late affects its own ended hold and nothing else.
     * Hold    held -> ended, when its last handle is closed. A handle closes once; its flag is guarded by the stripe's lock.
     * Waiter  no result -> its hold, or a RejectReason; once, under the lock and in one step with leaving the queue.
     * State   open <-> DRAINING, either -> CLOSED.
     *
     * RACES: WHO WINS, AND WHAT THE LOSER MUST DO
     * Grant against time-out, interrupt, cancellation, close or deadlock search: the one that sets the result wins. If the
     * grant loses, nothing was granted, and the permit went to the next waiter. If it wins, the thread returns with the permit
     * and its interrupt flag stays set; a canceller completes the future with the permit, because the granting thread may
     * not have done so yet, and returns false.
     * Signalled head against a newcomer, for a free permit: the first to lock the stripe wins. If the head loses, it
     * spins a little longer while it is awake, and then clears its signal under the lock, so that the next release signals
     * again. If it has been head for BYPASS_NANOS by then, that release hands off the permit instead. A head that was
     * signalled but is not scheduled is handed the permit after BYPASS_OF_SIGNALLED_NANOS, which is checked after every
     * PASSES_UNTIMED newcomers.
     * A head that leaves the queue calls handOffAndUnlock, which restores I4 for the next head, so no signal is lost.
     * Close against an acquisition: an acquisition reads the state under the lock. close() sets the state first and then
     * locks every stripe, so it finds every caller that has read the old state. A stripe created later reads the new one.
     * Stopping the scan against an acquisition: the same argument; see LockerScan.
     * Changing a limit against an acquisition or a release: the same argument; see Limits. Raising hands the free permits to
     * the waiters in the section that finds them, in order and even to threads that are not due, so no signal is needed.
     * Lowering ends no hold: releases hand off nothing until there are fewer holds than the limit. A head that was signalled
     * before finds no permit, and clears its signal as if a newcomer had come first.
     * Idle moment: entries are added and removed under locks that the watch once held all at the same time, so its count is
     * exact from the start, and the caller that takes it to zero announces the idle moment.
     *
     * FAILURES
     * Everything but a release may fail: a caller that runs out of memory or stack, or whose listener throws an error, fails
     * and leaves nothing behind. In a critical section, all that may fail comes before the first change: allocations, the
     * key's equals, and the check that the stack has room for the rest (Headroom). A release needs no memory: the hold of a
     * waiter is created when it is enqueued. A release fails only if the stack has no room, before anything has changed; the
     * permit is still open then and can be closed again. Once a caller is in the queue or holds a permit, anything thrown
     * ends in Waiter.abandon or in closing the permit. Unlocking a stripe needs no call that could fail (SpinLock.unlock).
     * No thread relies on an unpark across foreign code; see Waiter.
     *
     * THREADS
     * The thread that closes a permit first unparks threads, then notifies the backend, then completes the futures that it
     * granted, through Trampoline so that chains do not nest, and finally notifies the listeners of the release. None of
     * these futures waits for a callback that parks.
     * Futures whose wait a backend's thread ends are completed on the engine's callback threads; see Background.
     * Timed futures leave the queue on the timer thread. Their listeners are called, and they are completed, on the callback
     * threads, or by a caller blocked in get or join if those are late. The scan reports on the callback threads, too. Other
     * listeners run on the thread of the event. The scanning thread runs no foreign code and searches for deadlocks.
     *
     * REFERENCES
     * [1] D. Lea: The java.util.concurrent Synchronizer Framework. Science of Computer Programming 58(3), 2005.
     * [2] T. S. Craig: Building FIFO and priority-queuing spin locks from atomic swap. TR 93-02-02, University of Washington,
     *     1993; and P. Magnusson, A. Landin, E. Hagersten: Queue locks on cache coherent multiprocessors. IPPS 1994 (CLH).
     * [3] J. M. Mellor-Crummey, M. L. Scott: Algorithms for scalable synchronization on shared-memory multiprocessors. ACM
     *     Transactions on Computer Systems 9(1), 1991 (MCS).
     * [4] D. F. Bacon, R. Konuru, C. Murthy, M. Serrano: Thin locks: featherweight synchronization for Java. PLDI 1998.
     */

    private static final VarHandle STATE = Statics.handle(MethodHandles.lookup(), "state", int.class);

    private static final VarHandle LISTENERS =
            Statics.handle(MethodHandles.lookup(), "listeners", CompositeListener.class);

    static {
        Statics.initialize();
        // The compiler keeps the table behind the switches of this class in another class. This initialises it.
        switch (RejectReason.CLOSED) {
            case CLOSED -> {}
            default -> throw new AssertionError();
        }
    }

    /** Set in {@link #state} while new callers are rejected. */
    private static final int DRAINING = 1;

    /** Set in {@link #state} for good by {@link #close()}. */
    private static final int CLOSED = 2;

    /** Set in {@link #state} while the scan is stopped, so that the next caller must start it. */
    private static final int SCAN_STOPPED = 4;

    /** Set in {@link #state} for good once a listener needs the time for which permits are held. */
    private static final int TIMES_HOLDS = 8;

    final Clock clock;

    final Limits limits;

    final boolean fair;

    /** The listeners, or null without any. Changed by compare-and-set; listeners are never removed. */
    private volatile @Nullable CompositeListener listeners;

    /** The backend that grants permits across processes, or null. */
    final @Nullable KeyedLockerBackend backend;

    final Stripes stripes = new Stripes(this);

    private final KeyedLockerSettings settings;

    private final long waitNanos;

    final @Nullable LockerScan scan;

    /**
     * {@link #DRAINING}, {@link #CLOSED}, {@link #SCAN_STOPPED} and {@link #TIMES_HOLDS} in one field. Usually zero, so that an
     * acquisition needs one read to see that nothing unusual is to be done. Each bit is set and cleared atomically.
     */
    private volatile int state;

    /** While draining, threads that hold a key in one of these are admitted. Written before {@link #DRAINING} is set. */
    private volatile List<KeyedLocker<?>> drainedTogether = List.of();

    /** The threads that may hold a key while draining; null otherwise. Written before {@link #DRAINING} is set. */
    private volatile @Nullable DrainedHolders drainedHolders;

    private DefaultKeyedLocker(
            KeyedLockerSettings settings,
            @Nullable KeyedLockerListener listener,
            @Nullable KeyedLockerBackend backend,
            Clock clock) {
        this.backend = backend;
        this.settings = settings;
        this.clock = clock;
        this.limits = new Limits(this, settings);
        this.fair = settings.fair();
        this.waitNanos = nanos(settings.waitTime());
        this.listeners = listener == null ? null : new CompositeListener(null, listener, settings);
        this.scan = LockerScan.of(this);
        if (scan == null) {
            WaitEvent.initialize();
        }
        this.state =
                (scan == null ? 0 : SCAN_STOPPED) | (listeners != null && listeners.timesHolds() ? TIMES_HOLDS : 0);
    }

    static <K> DefaultKeyedLocker<K> create(KeyedLockerSettings settings, @Nullable KeyedLockerListener listener) {
        return create(settings, listener, Clock.SYSTEM);
    }

    static <K> DefaultKeyedLocker<K> create(
            KeyedLockerSettings settings, @Nullable KeyedLockerListener listener, Clock clock) {
        return create(settings, listener, null, clock);
    }

    static <K> DefaultKeyedLocker<K> create(
            KeyedLockerSettings settings,
            @Nullable KeyedLockerListener listener,
            @Nullable KeyedLockerBackend backend,
            Clock clock) {
        return new DefaultKeyedLocker<>(Objects.requireNonNull(settings, "settings"), listener, backend, clock);
    }

    @Override
    public Optional<KeyedLockerBackend> backend() {
        return Optional.ofNullable(backend);
    }

    @Override
    public String name() {
        return settings.name();
    }

    @Override
    public KeyedLockerSettings settings() {
        return settings;
    }

    @Override
    public int limit() {
        return limits.ofLocker();
    }

    @Override
    public void setLimit(int limit) {
        limits.setOfLocker(limit);
    }

    @Override
    public void refreshLimits() {
        limits.refresh();
    }

    @Override
    public void addListener(KeyedLockerListener listener) {
        Objects.requireNonNull(listener, "listener");
        CompositeListener before = listeners;
        if (before != null && before.has(listener)) {
            return;
        }
        while (!LISTENERS.compareAndSet(this, before, new CompositeListener(before, listener, settings))) {
            before = listeners;
            if (before != null && before.has(listener)) {
                return;
            }
        }
        if (Objects.requireNonNull(listeners).timesHolds()) {
            STATE.getAndBitwiseOr(this, TIMES_HOLDS);
        }
    }

    @Nullable
    CompositeListener listeners() {
        return listeners;
    }

    /** Marks the scan as stopped. */
    void markScanStopped() {
        STATE.getAndBitwiseOr(this, SCAN_STOPPED);
    }

    /** Marks the scan as running. */
    void markScanRunning() {
        STATE.getAndBitwiseAnd(this, ~SCAN_STOPPED);
    }

    // ---- acquiring

    /**
     * Attempts to acquire a permit of a key. If the key's own code throws, nothing is counted; if anything else throws, nothing
     * is left behind.
     *
     * @param owner the thread that would own the permit; null for an asynchronous permit
     * @param nanos how long to wait if no permit is available; {@link Long#MAX_VALUE} waits without limit
     * @param future the future that would wait; null if the owner would
     * @param admitted whether the caller is admitted even while new callers are rejected
     */
    AcquireResult attempt(
            Object key, int hash, @Nullable Thread owner, long nanos, @Nullable PermitFuture future, boolean admitted) {
        Limits.Answer answer = null;
        while (true) {
            AcquireResult result = backend == null
                    ? attemptHere(key, hash, owner, nanos, future, admitted, answer)
                    : attemptWithBackend(backend, key, hash, owner, nanos, future, admitted, answer);
            if (result != null) {
                return result;
            }
            answer = limits.ask(key, answer);
        }
    }

    /**
     * Attempts to acquire a permit that no backend grants.
     *
     * @param answer the limit of the key if the caller has asked for it, or null
     * @return the result, or null if the caller must ask for the limit and try again
     */
    private @Nullable AcquireResult attemptHere(
            Object key,
            int hash,
            @Nullable Thread owner,
            long nanos,
            @Nullable PermitFuture future,
            boolean admitted,
            Limits.@Nullable Answer answer) {
        Stripe stripe = stripes.of(hash);
        @Nullable AcquireResult result;
        int unusual;
        stripe.lock();
        try {
            unusual = state;
            if (unusual == 0 && stripe.isEmpty()) {
                // The common case. The rest of this section would have the same effect.
                return stripe.acquireNew(key, hash, owner, 0);
            }
            RejectReason rejection = rejection(unusual, admitted);
            Entry entry = stripe.find(key, hash);
            if (entry != null) {
                result = stripe.acquireExisting(entry, owner, nanos, future, rejection, answer);
            } else if (rejection != null) {
                result = rejection;
            } else {
                result = stripe.acquireNew(key, hash, owner, holdStart(unusual));
            }
        } finally {
            stripe.unlock();
        }
        if (result != null && (unusual & SCAN_STOPPED) != 0 && scan != null) {
            startScan(scan, result);
        }
        return result;
    }

    /**
     * Attempts to acquire a permit that the backend grants. Every caller that does not reenter is enqueued. Returns null as
     * {@link #attemptHere} does.
     */
    private @Nullable AcquireResult attemptWithBackend(
            KeyedLockerBackend on,
            Object key,
            int hash,
            @Nullable Thread owner,
            long nanos,
            @Nullable PermitFuture future,
            boolean admitted,
            Limits.@Nullable Answer answer) {
        String keyName = Objects.requireNonNull(on.keyName(key), "keyName");
        Stripe stripe = stripes.of(hash);
        @Nullable AcquireResult result = RejectReason.CANCELLED;
        int unusual;
        boolean handsOff = false;
        Headroom.checkForWait();
        stripe.lock();
        try {
            unusual = state;
            RejectReason rejection = rejection(unusual, admitted);
            Entry entry = stripe.find(key, hash);
            if (entry == null && rejection != null) {
                result = rejection;
            } else if (entry == null && limits.isMissing(answer)) {
                result = null;
            } else if (entry == null) {
                result = stripe.enqueueForBackend(key, hash, on, keyName, owner, nanos, future, answer);
            } else {
                result = entry.backendKey(on, keyName).acquire(entry, owner, nanos, future, rejection, answer);
            }
            handsOff = result instanceof Waiter;
        } finally {
            if (!handsOff) {
                stripe.unlock();
            }
            if (result instanceof RejectReason) {
                // An entry may have been added and removed again.
                stripes.announceIfOver();
            }
        }
        if (result == null) {
            return null;
        }
        try {
            if (result instanceof Waiter waiter) {
                stripe.handOffAndUnlock(waiter.entry, null, null, false);
            }
        } catch (Throwable e) {
            undo(result);
            throw e;
        }
        if ((unusual & SCAN_STOPPED) != 0 && scan != null) {
            startScan(scan, result);
        }
        return result;
    }

    private static void startScan(LockerScan scan, AcquireResult result) {
        try {
            scan.start();
        } catch (Throwable e) {
            undo(result);
            throw e;
        }
    }

    /** Undoes an attempt whose caller fails: leaves the queue or closes the permit. */
    static void undo(@Nullable AcquireResult result) {
        if (result instanceof Waiter waiter) {
            waiter.abandon();
        } else if (result instanceof Permit permit) {
            permit.close();
        }
    }

    /** Returns why a new caller is rejected in a state, or null if it is admitted. */
    private static @Nullable RejectReason rejection(int state, boolean admitted) {
        if ((state & (DRAINING | CLOSED)) == 0) {
            return null;
        }
        if ((state & CLOSED) != 0) {
            return RejectReason.CLOSED;
        }
        return admitted ? null : RejectReason.DRAINING;
    }

    /** Returns the current time for a hold that begins now, or 0 if no listener times holds. */
    long holdStart() {
        return holdStart(state);
    }

    private long holdStart(int unusual) {
        return (unusual & TIMES_HOLDS) == 0 ? 0 : clock.nanoTime();
    }

    /** Returns the spread hash code of a key. The key's {@code hashCode} is called nowhere else. */
    static int hash(Object key) {
        return Stripes.spread(Objects.requireNonNull(key, "key").hashCode());
    }

    static long nanos(Duration time) {
        if (Objects.requireNonNull(time, "waitTime").isNegative()) {
            throw new IllegalArgumentException("waitTime must not be negative, but is " + time);
        }
        return time.toSeconds() >= Long.MAX_VALUE / 1_000_000_000 ? Long.MAX_VALUE : time.toNanos();
    }

    private void failIfInterrupted(Object key) throws InterruptedException {
        if (Thread.interrupted()) {
            CompositeListener notified = listeners;
            if (notified != null) {
                notified.notAcquired(key, KeyedLockerListener.Outcome.INTERRUPTED);
            }
            throw new InterruptedException();
        }
    }

    // ---- threads

    @Override
    public Permit acquire(K key) throws InterruptedException {
        return acquire(key, hash(key), waitNanos, settings.waitTime());
    }

    @Override
    public Permit acquire(K key, Duration waitTime) throws InterruptedException {
        return acquire(key, hash(key), nanos(waitTime), waitTime);
    }

    Permit acquire(Object key, int hash, long nanos, Duration waitTime) throws InterruptedException {
        failIfInterrupted(key);
        AcquireResult attempted = attempt(key, hash, nanos);
        if (attempted instanceof Hold permit) {
            return acquiredAtOnce(permit);
        }
        return permitOrThrow(conclude(attempted, key, nanos, waitTime, true), attempted, key, waitTime);
    }

    /** Acquires a permit, waiting without limit and ignoring interrupts. */
    Permit acquireUninterruptibly(Object key, int hash) {
        AcquireResult attempted = attempt(key, hash, Long.MAX_VALUE);
        if (attempted instanceof Hold permit) {
            return acquiredAtOnce(permit);
        }
        Duration forever = KeyedLockerSettings.FOREVER;
        try {
            return permitOrThrow(conclude(attempted, key, Long.MAX_VALUE, forever, false), attempted, key, forever);
        } catch (InterruptedException e) {
            throw new AssertionError("interrupts are ignored", e);
        }
    }

    @Override
    public Optional<Permit> tryAcquire(K key) {
        return toOptional(tryAcquire(key, hash(key)));
    }

    private static Optional<Permit> toOptional(@Nullable Permit permit) {
        try {
            return Optional.ofNullable(permit);
        } catch (Throwable e) {
            // There is no memory for the optional, so nobody else can close the permit.
            if (permit != null) {
                permit.close();
            }
            throw e;
        }
    }

    @Nullable
    Permit tryAcquire(Object key, int hash) {
        AcquireResult attempted = attempt(key, hash, 0);
        if (attempted instanceof Hold permit) {
            return acquiredAtOnce(permit);
        }
        try {
            // A caller that does not wait still waits for the backend's answer, which always arrives.
            return permitOrNull(conclude(attempted, key, 0, null, false), attempted, key, null);
        } catch (InterruptedException e) {
            throw new AssertionError("interrupts are ignored", e);
        }
    }

    @Override
    public Optional<Permit> tryAcquire(K key, Duration waitTime) throws InterruptedException {
        long nanos = nanos(waitTime);
        return toOptional(tryAcquire(key, hash(key), nanos, waitTime));
    }

    @Nullable
    Permit tryAcquire(Object key, int hash, long nanos, Duration waitTime) throws InterruptedException {
        failIfInterrupted(key);
        AcquireResult attempted = attempt(key, hash, nanos);
        if (attempted instanceof Hold permit) {
            return acquiredAtOnce(permit);
        }
        return permitOrNull(conclude(attempted, key, nanos, waitTime, nanos != 0), attempted, key, waitTime);
    }

    /** Attempts to acquire a permit for the current thread. While draining, a thread that holds a key is admitted. */
    private AcquireResult attempt(Object key, int hash, long nanos) {
        Thread me = Thread.currentThread();
        AcquireResult result = attempt(key, hash, me, nanos, null, false);
        return result == RejectReason.DRAINING && holdsSomething(me)
                ? attempt(key, hash, me, nanos, null, true)
                : result;
    }

    /** Notifies the listeners of a permit that was acquired without waiting. */
    Permit acquiredAtOnce(Hold permit) {
        CompositeListener notified = listeners;
        if (notified != null) {
            try {
                notified.acquired(permit.entry().key);
            } catch (Throwable e) {
                permit.close();
                throw e;
            }
        }
        return permit;
    }

    /**
     * Concludes an attempt that did not bring a new hold: waits if the caller was enqueued, and notifies the listeners of the
     * end.
     *
     * @param waitTime the wait time that the caller specified, or null for a call that does not wait
     * @return the permit, or the reason why there is none
     */
    private AcquireResult conclude(
            AcquireResult attempted, Object key, long nanos, @Nullable Duration waitTime, boolean interruptible)
            throws InterruptedException {
        Waiter waiter = attempted instanceof Waiter enqueued ? enqueued : null;
        AcquireResult end = waiter == null ? attempted : await(waiter, nanos, interruptible);
        if (!(end instanceof RejectReason rejection)) {
            return end;
        }
        RejectReason reason = rejection.within(waitTime);
        if (waiter != null) {
            waiter.reportEnd(reason);
        } else {
            reportRejected(key, reason);
        }
        if (reason == RejectReason.INTERRUPTED) {
            Thread.interrupted();
            throw new InterruptedException();
        }
        return reason;
    }

    /** Returns the permit of a concluded attempt, or throws the exception for the reason. */
    private Permit permitOrThrow(AcquireResult end, AcquireResult attempted, Object key, @Nullable Duration waitTime) {
        if (end instanceof RejectReason reason) {
            throw failure(reason, key, waitTime, attempted instanceof Waiter waiter ? waiter : null);
        }
        return (Permit) end;
    }

    /** As {@link #permitOrThrow}, but returns null if no permit was available. */
    private @Nullable Permit permitOrNull(
            AcquireResult end, AcquireResult attempted, Object key, @Nullable Duration waitTime) {
        return end instanceof RejectReason reason && !reason.failsTries
                ? null
                : permitOrThrow(end, attempted, key, waitTime);
    }

    /** Waits in the queue. Notifies the listeners if a permit was granted, but not of a reason. */
    private static AcquireResult await(Waiter waiter, long nanos, boolean interruptible) {
        try {
            waiter.reportBegin();
            AcquireResult end = waiter.await(waiter.ifRefused == null ? nanos : Long.MAX_VALUE, interruptible);
            if (end instanceof Hold) {
                waiter.entry.stripe.locker.noteHolder(Thread.currentThread());
                waiter.reportEnd(null);
            }
            return end;
        } catch (Throwable e) {
            waiter.abandon();
            throw e;
        }
    }

    @Override
    public Lock asLock(K key) {
        return new LockView<>(this, key, hash(key));
    }

    // ---- futures

    @Override
    public CompletableFuture<Permit> acquireAsync(K key) {
        return acquireAsync(key, hash(key), waitNanos, settings.waitTime(), false);
    }

    @Override
    public CompletableFuture<Permit> acquireAsync(K key, Duration waitTime) {
        return acquireAsync(key, hash(key), nanos(waitTime), waitTime, false);
    }

    @Override
    public CompletableFuture<Permit> tryAcquireAsync(K key) {
        return acquireAsync(key, hash(key), 0, null, false);
    }

    /** Acquires a permit that no thread owns. Without a wait time, the call does not wait. */
    PermitFuture acquireAsync(Object key, int hash, long nanos, @Nullable Duration waitTime, boolean admitted) {
        PermitFuture future = new PermitFuture(this, waitTime);
        AcquireResult result = attempt(key, hash, null, nanos, future, admitted);
        if (result == RejectReason.DRAINING && holdsSomething(Thread.currentThread())) {
            result = attempt(key, hash, null, nanos, future, true);
        }
        try {
            if (result instanceof Hold permit) {
                future.deliver(acquiredAtOnce(permit));
            } else if (result instanceof RejectReason reason) {
                future.reject(null, key, reason);
            } else if (result instanceof Waiter waiter) {
                if (!admitted) {
                    recordRequester(waiter);
                }
                future.startWaiting(waiter, nanos);
            }
        } catch (Throwable e) {
            undo(result);
            throw e;
        }
        return future;
    }

    /**
     * Records the requesting thread for the deadlock search. Not called for the later keys of a multi-key call: they are
     * acquired on threads that do not wait for them.
     */
    private static void recordRequester(Waiter waiter) {
        waiter.requester = Thread.currentThread();
        if (waiter.result != null) {
            waiter.requester = null;
        }
    }

    /** Notifies the listeners of a caller that was rejected at once. */
    void reportRejected(Object key, RejectReason reason) {
        CompositeListener notified = listeners;
        if (notified != null) {
            notified.notAcquired(key, reason.outcome);
        }
    }

    /**
     * Creates the exception for a caller that gets no permit.
     *
     * @param waitTime the wait time that the caller specified, or null for a call that does not wait
     * @param waiter the wait that has ended, or null if the caller was rejected at once
     */
    RuntimeException failure(RejectReason reason, Object key, @Nullable Duration waitTime, @Nullable Waiter waiter) {
        return switch (reason) {
            case UNAVAILABLE -> Messages.unavailable(settings, contention(key, waiter));
            case TIMED_OUT ->
                Messages.timeout(settings, contention(key, waiter), waitTime == null ? Duration.ZERO : waitTime);
            case QUEUE_FULL -> Messages.queueFull(settings, contention(key, waiter));
            case REENTRY -> Messages.reentry(settings, key);
            case DRAINING -> Messages.draining(settings, key);
            case CLOSED -> Messages.closed(settings, key);
            case DEADLOCK ->
                new LockDeadlockException(settings.name(), key, waiter == null ? "" : String.valueOf(waiter.deadlock));
            case BACKEND -> backendFailure(key, waiter == null ? null : waiter.backendFailure);
            case INTERRUPTED, CANCELLED -> new CancellationException(reason.name());
        };
    }

    private Messages.Contention contention(Object key, @Nullable Waiter ended) {
        Messages.Contention found =
                ended != null ? Inspection.contention(ended.entry) : Inspection.contention(stripes, key, hash(key));
        return found == null ? new Messages.Contention(key, limit(), 0) : found;
    }

    /** Creates the exception for a failure of the backend; without a cause, the backend did not answer in time. */
    private RuntimeException backendFailure(Object key, @Nullable Throwable cause) {
        return Messages.backend(Objects.requireNonNull(backend, "backend"), settings, key, cause);
    }

    @Override
    public <T> CompletableFuture<T> supplyAsync(K key, Supplier<T> task, Executor executor) {
        Objects.requireNonNull(task, "task");
        Objects.requireNonNull(executor, "executor");
        return new KeyedTask<>(task, executor)
                .start(() -> acquireAsync(key, hash(key), waitNanos, settings.waitTime(), false));
    }

    // ---- several keys

    @Override
    public Permit acquireAll(Collection<? extends K> keys) throws InterruptedException {
        return acquireAll(keys, settings.waitTime());
    }

    @Override
    public Permit acquireAll(Collection<? extends K> keys, Duration waitTime) throws InterruptedException {
        long nanos = nanos(waitTime);
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
        try (KeyOrder order = new KeyOrder(stripes, backend, keys)) {
            return MultiKeyPermit.acquire(this, order, nanos, waitTime);
        }
    }

    @Override
    public Optional<Permit> tryAcquireAll(Collection<? extends K> keys) {
        try (KeyOrder order = new KeyOrder(stripes, backend, keys)) {
            return toOptional(MultiKeyPermit.tryAcquire(this, order));
        }
    }

    @Override
    public CompletableFuture<Permit> acquireAllAsync(Collection<? extends K> keys, Duration waitTime) {
        long nanos = nanos(waitTime);
        MultiKeyFuture future = new MultiKeyFuture(this, new KeyOrder(stripes, backend, keys), nanos, waitTime);
        future.start();
        return future;
    }

    @Override
    public CompletableFuture<Permit> tryAcquireAllAsync(Collection<? extends K> keys) {
        MultiKeyFuture future = new MultiKeyFuture(this, new KeyOrder(stripes, backend, keys), 0, null);
        future.start();
        return future;
    }

    // ---- inspecting

    @Override
    public int activeKeyCount() {
        return stripes.activeCount();
    }

    @Override
    @SuppressWarnings("unchecked") // all keys are of type K
    public Set<K> activeKeys() {
        return (Set<K>) Inspection.activeKeys(stripes);
    }

    @Override
    @SuppressWarnings("unchecked")
    public Optional<K> findActiveKey(Predicate<? super K> test) {
        return Optional.ofNullable(
                (K) Inspection.find(stripes, (Predicate<Object>) Objects.requireNonNull(test, "test")));
    }

    @Override
    public boolean isActive(K key) {
        return Inspection.isActive(stripes, key, hash(key));
    }

    @Override
    @SuppressWarnings("unchecked")
    public Optional<KeySnapshot<K>> snapshot(K key) {
        return Optional.ofNullable((KeySnapshot<K>) Inspection.snapshot(this, key, hash(key)));
    }

    @Override
    @SuppressWarnings("unchecked")
    public List<KeySnapshot<K>> snapshot() {
        return (List<KeySnapshot<K>>) (List<?>) Inspection.snapshot(this);
    }

    @Override
    @SuppressWarnings("unchecked")
    public LockerOverview<K> overview(int keys) {
        if (keys < 0) {
            throw new IllegalArgumentException("keys must not be negative, but is " + keys);
        }
        return (LockerOverview<K>) new MostContended(this, keys).overview();
    }

    @Override
    public String toString() {
        return "KeyedLocker[" + settings.name() + ", " + activeKeyCount() + " active keys]";
    }

    // ---- idle and closed

    @Override
    public void awaitIdle() throws InterruptedException {
        awaitIdle(KeyedLockerSettings.FOREVER);
    }

    @Override
    public boolean awaitIdle(Duration atMost) throws InterruptedException {
        long nanos = nanos(atMost);
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
        CompletableFuture<Void> idle = stripes.whenIdle();
        try {
            idle.get(nanos, TimeUnit.NANOSECONDS);
            return true;
        } catch (TimeoutException e) {
            return !idle.cancel(false);
        } catch (ExecutionException e) {
            throw new AssertionError("the future of the idle moment does not fail", e);
        } finally {
            idle.cancel(false);
        }
    }

    @Override
    public CompletableFuture<Void> whenIdle() {
        return stripes.whenIdle();
    }

    @Override
    public void refuseNewCallers(Collection<? extends KeyedLocker<?>> together) {
        drainedTogether = List.copyOf(together);
        DrainedHolders gathered = new DrainedHolders();
        drainedHolders = gathered;
        STATE.getAndBitwiseOr(this, DRAINING);
        gathered.gather(stripes);
    }

    @Override
    public void acceptNewCallers() {
        drainedHolders = null;
        STATE.getAndBitwiseAnd(this, ~DRAINING);
    }

    @Override
    public boolean isHeldBy(Thread thread) {
        Objects.requireNonNull(thread, "thread");
        DrainedHolders holders = drainedHolders;
        return (holders == null || holders.mayInclude(thread)) && Inspection.isHeldBy(stripes, thread);
    }

    /** Returns whether a thread is admitted although new callers are rejected, and records it as a holder if so. */
    boolean holdsSomething(Thread thread) {
        boolean holds = isHeldBy(thread) || drainedTogether.stream().anyMatch(locker -> locker.isHeldBy(thread));
        if (holds) {
            noteHolder(thread);
        }
        return holds;
    }

    /** Records a thread that becomes the owner of a hold, in case the locker is draining. */
    void noteHolder(Thread thread) {
        DrainedHolders holders = drainedHolders;
        if (holders != null) {
            holders.add(thread);
        }
    }

    @Override
    public void close() {
        if (((int) STATE.getAndBitwiseOr(this, CLOSED) & CLOSED) == 0) {
            // A caller that read the old state under a stripe's lock is in that stripe when it is locked here.
            stripes.endAllWaits();
            if (backend != null) {
                backend.close();
            }
        }
    }
}
