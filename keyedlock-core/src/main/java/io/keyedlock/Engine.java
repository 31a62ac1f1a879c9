// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The state of a locker, and the attempts to acquire permits of its keys. The comment inside names the parts of the engine and
 * states their invariants. A superclass and not a part of the locker, so that an uncontended acquisition reads one object.
 */
abstract sealed class Engine permits DefaultKeyedLocker {

    /*
     * STRUCTURES
     * Engine          The state of a locker, and attempts to acquire. DefaultKeyedLocker adds the public methods: it waits, and
     *                 returns or throws what an attempt has brought.
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
    }

    /** Set in {@link #state} while new callers are rejected. */
    private static final int DRAINING = 1;

    /** Set in {@link #state} for good once the locker is closed. */
    private static final int CLOSED = 2;

    /** Set in {@link #state} while the scan is stopped, so that the next caller must start it. */
    private static final int SCAN_STOPPED = 4;

    /** Set in {@link #state} for good once a listener needs the time for which permits are held. */
    private static final int TIMES_HOLDS = 8;

    final Clock clock;

    final Limits limits;

    final boolean fair;

    /** The listeners, or null without any. Changed by compare-and-set; listeners are never removed. */
    volatile @Nullable CompositeListener listeners;

    /** The backend that grants permits across processes, or null. */
    final @Nullable KeyedLockerBackend backend;

    final Stripes stripes = new Stripes(this);

    final KeyedLockerSettings settings;

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

    Engine(
            KeyedLockerSettings settings,
            @Nullable KeyedLockerListener listener,
            @Nullable KeyedLockerBackend backend,
            Clock clock) {
        this.backend = backend;
        this.settings = settings;
        this.clock = clock;
        this.limits = new Limits(this, settings);
        this.fair = settings.fair();
        this.listeners = listener == null ? null : new CompositeListener(null, listener, settings);
        this.scan = LockerScan.of(this);
        if (scan == null) {
            initializeWaitEvent();
        }
        this.state =
                (scan == null ? 0 : SCAN_STOPPED) | (listeners != null && listeners.timesHolds() ? TIMES_HOLDS : 0);
    }

    /** Initialises the event of waits as the first scan would, on the scanner's thread. */
    private static void initializeWaitEvent() {
        try {
            Background.SCANNER.execute(WaitEvent::initialize);
        } catch (Throwable e) {
            // No thread can be started. Waits are not recorded until another locker is scanned.
        }
    }

    /** Adds a listener, unless it is registered already. */
    void add(KeyedLockerListener listener) {
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
                    : BackendKey.attempt(this, backend, key, hash, owner, nanos, future, admitted, answer);
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
        if (result != null && (unusual & SCAN_STOPPED) != 0) {
            startScan(result);
        }
        return result;
    }

    /** Attempts to acquire a permit for the current thread. While draining, a thread that holds a key is admitted. */
    AcquireResult attempt(Object key, int hash, long nanos) {
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

    /** Notifies the listeners of a caller that was rejected at once. */
    void reportRejected(Object key, RejectReason reason) {
        CompositeListener notified = listeners;
        if (notified != null) {
            notified.notAcquired(key, reason.outcome);
        }
    }

    /** Starts the scan if it is stopped. If that fails, undoes the attempt of the caller. */
    void startScanIfStopped(AcquireResult result) {
        if ((state & SCAN_STOPPED) != 0) {
            startScan(result);
        }
    }

    private void startScan(AcquireResult result) {
        try {
            Objects.requireNonNull(scan, "scan").start();
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

    /** Returns why a new caller is rejected now, or null if it is admitted. */
    @Nullable
    RejectReason rejection(boolean admitted) {
        return rejection(state, admitted);
    }

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

    // ---- draining and closing

    /** Rejects new callers, except threads that hold a key of this or one of the given lockers. */
    void startDraining(List<KeyedLocker<?>> together) {
        drainedTogether = together;
        DrainedHolders gathered = new DrainedHolders();
        drainedHolders = gathered;
        STATE.getAndBitwiseOr(this, DRAINING);
        gathered.gather(stripes);
    }

    void stopDraining() {
        drainedHolders = null;
        STATE.getAndBitwiseAnd(this, ~DRAINING);
    }

    /** Returns whether a thread holds a key. */
    boolean holds(Thread thread) {
        DrainedHolders holders = drainedHolders;
        return (holders == null || holders.mayInclude(thread)) && Inspection.isHeldBy(stripes, thread);
    }

    /** Returns whether a thread is admitted although new callers are rejected, and records it as a holder if so. */
    boolean holdsSomething(Thread thread) {
        boolean holds = holds(thread) || drainedTogether.stream().anyMatch(locker -> locker.isHeldBy(thread));
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

    /** Rejects all callers for good. Returns false if that was done before. */
    boolean markClosed() {
        return ((int) STATE.getAndBitwiseOr(this, CLOSED) & CLOSED) == 0;
    }
}
