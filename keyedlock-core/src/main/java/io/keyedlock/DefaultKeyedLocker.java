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

/** The engine; this file is what callers call, the parts are named in the comment below. */
final class DefaultKeyedLocker<K> implements KeyedLocker<K> {

    /*
     * STRUCTURES
     * Stripes   The table: a fixed number of stripes, chosen by the high bits of the spread hash, made on demand.
     * Stripe    A lock word, one entry beside it, and a small chained hash table of further ones, which grows and shrinks.
     * Entry     The lock of one key. Is itself the hold of the caller that made it, and that hold is the permit.
     * ContendedState     What an entry needs once a second caller has come: further holds (ExtraHold), the queue, pins.
     * BackendKey What a contended has besides where permits come from a backend; BackendRequest is one of them. Their invariants,
     *           transitions and races are told in BackendKey; I4 is that of a locker without a backend.
     * Hold      One permit while it is held. Reentrant acquisitions of its owner (Reentry) are handles that keep it open.
     * Waiter    One place in the queue, of a thread or of a future, with the hold that it is granted.
     *
     * LOCKING
     * Everything about a key is written under the word of its stripe. Acquiring and releasing are a few dozen instructions
     * and the key's own equals; looking, scanning, resizing and closing go through the stripe. No section parks,
     * completes a future or calls a listener. What it decides for others is carried out by Stripe.handOffAndUnlock once the
     * word is free. Nobody locks two stripes but the idle watch, which takes the growth lock first and then all
     * stripes in the order of their index.
     *
     * INVARIANTS, whenever a stripe's word is free
     * I1  A key has an entry in the table if and only if it is held, awaited or pinned, and then exactly one.
     * I2  An entry has at most limit holds; a hold is in its entry from its grant until its last handle is closed.
     * I3  The queue holds exactly the waiters without a result, in the order of their arrival.
     * I4  If a permit is free and the queue is not empty, the head is a thread that has been signalled and will look
     *     under the word before it parks again; with fair locks this never happens.
     * I5  A stripe's counts of entries, holds and waiters are those of its table.
     * I6  While an idle watch is set, its count is the number of entries in all tables.
     *
     * TRANSITIONS
     * Entry   absent -> present (begin, pin) -> absent (the last hold, waiter or pin leaves). An entry that was taken
     *         out never returns, so a handle that is closed late meets its own dead hold and nothing else.
     * Hold    held -> over, when its last handle is closed. A handle closes once; the flag is under the word.
     * Waiter  no result -> its hold, or a RejectReason; once, under the word and in one step with leaving the queue.
     * State   open <-> DRAINING, either -> CLOSED.
     *
     * WHO WINS, AND WHAT THE LOSER OWES
     * Grant against time-out, interrupt, cancellation, close or deadlock search: whoever sets the result. If the grant
     * loses, nothing was granted and the permit went to the next waiter. If it wins, the thread returns with the
     * permit (its interrupt flag stays set), and a canceller completes the future with the permit, as the granting
     * thread may not have come to that yet, and returns false.
     * A free permit between the signalled head and a newcomer: whoever locks the word first. The head, if it loses, spins
     * a little longer while it is awake anyway, and then clears its signal under the word, so that the next release
     * signals again; or, if it has been head for BYPASS_NANOS by then, hands over. A head that was signalled and does not
     * get to run is handed the permit after BYPASS_OF_SIGNALLED_NANOS, which is looked at every PASSES_UNTIMED newcomers.
     * A head that leaves is followed by handOffAndUnlock, which restores I4 for the next: no signal is lost with it.
     * Close against an acquisition: an acquisition reads the state under the word; close() sets it first and then locks
     * every stripe, so that it finds everybody who has read the old one. In a stripe made later the new one is read.
     * The scan's rest against an acquisition: see LockerScan; the same argument.
     * The idle moment: entries come and go under words that the watch has seen locked all at once, so its count is
     * exact from the first on, and whoever takes it to zero announces it.
     *
     * WHAT MAY FAIL
     * Everything but a release may: a caller that runs out of memory or stack, or whose listener throws an error, fails,
     * and leaves nothing behind. In a section all that may fail comes before the first change: allocations, the key's
     * equals, and a look whether the stack has room for the rest (Headroom). A release needs no memory: the hold of a waiter
     * is made when it lines up. It fails only where the stack has no room, before anything has changed; the permit
     * is open then and may be closed again. Once a caller has lined up or holds a permit, whatever is thrown ends
     * in Waiter.abandon or in closing the permit. Freeing the word needs no call that could fail (SpinLock.unlock).
     * No thread relies on an unpark across foreign code; see Waiter.
     *
     * WHO RUNS WHAT
     * The closer of a permit first wakes threads, then tells the backend, then completes the futures that it granted,
     * through Trampoline, so that chains do not nest, and last tells the listeners that it has released.
     * None of these futures waits for a callback that parks.
     * What a backend's thread grants or ends is completed on the engine's threads for callbacks; see Background.
     * Timed futures leave the queue on the timer's thread; their listeners are called, and they are completed, on the
     * threads for callbacks, or by a caller blocked in get or join if these are late. What the scan has to report goes to the
     * threads for callbacks, too. Other listeners run on the thread of the event. The scanning thread runs no foreign code and
     * searches for deadlocks.
     */

    private static final VarHandle STATE = Statics.handle(MethodHandles.lookup(), "state", int.class);

    private static final VarHandle EVENTS = Statics.handle(MethodHandles.lookup(), "events", CompositeListener.class);

    static {
        Statics.initialize();
        // The compiler keeps the table behind the switches of this class in another class, which this initialises.
        switch (RejectReason.CLOSED) {
            case CLOSED -> {}
            default -> throw new AssertionError();
        }
    }

    /** Set in {@link #state} while new callers are refused. */
    private static final int DRAINING = 1;

    /** Set in {@link #state} for good by {@link #close()}. */
    private static final int CLOSED = 2;

    /** Set in {@link #state} while the scan has nothing to look at, so that the next caller must start it. */
    private static final int SCAN_RESTS = 4;

    /** Set in {@link #state} for good once a listener wants to know how long permits are held. */
    private static final int TIMES_HOLDS = 8;

    final Clock clock;

    final int limit;

    final boolean fair;

    /** Those who listen, null as long as nobody does. Changed by compare-and-set; listeners come and never go. */
    private volatile @Nullable CompositeListener events;

    /** Where permits come from beyond this process, or null. */
    final @Nullable KeyedLockerBackend backend;

    final Stripes stripes = new Stripes(this);

    private final KeyedLockerSettings settings;

    private final long waitNanos;

    final @Nullable LockerScan scan;

    /**
     * {@link #DRAINING}, {@link #CLOSED}, {@link #SCAN_RESTS} and {@link #TIMES_HOLDS} in one word, which is zero as a rule: one
     * look tells an acquisition that nothing unusual is to be done. The bits are set and cleared one by one, atomically.
     */
    private volatile int state;

    /** While draining, threads that hold something in one of these are let in. Written before {@link #DRAINING} is set. */
    private volatile List<KeyedLocker<?>> drainedTogether = List.of();

    /** The threads that may hold something, while draining; null otherwise. Written before {@link #DRAINING} is set. */
    private volatile @Nullable DrainedHolders drainedHolders;

    private DefaultKeyedLocker(
            KeyedLockerSettings settings,
            @Nullable KeyedLockerListener listener,
            @Nullable KeyedLockerBackend backend,
            Clock clock) {
        this.backend = backend;
        this.settings = settings;
        this.clock = clock;
        this.limit = settings.limit();
        this.fair = settings.fair();
        this.waitNanos = nanos(settings.waitTime());
        this.events = listener == null ? null : new CompositeListener(null, listener, settings);
        this.scan = LockerScan.of(this);
        this.state = (scan == null ? 0 : SCAN_RESTS) | (events != null && events.timesHolds ? TIMES_HOLDS : 0);
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
    public void addListener(KeyedLockerListener listener) {
        Objects.requireNonNull(listener, "listener");
        CompositeListener before = events;
        if (before != null && before.has(listener)) {
            return;
        }
        while (!EVENTS.compareAndSet(this, before, new CompositeListener(before, listener, settings))) {
            before = events;
            if (before != null && before.has(listener)) {
                return;
            }
        }
        if (Objects.requireNonNull(events).timesHolds) {
            STATE.getAndBitwiseOr(this, TIMES_HOLDS);
        }
    }

    @Nullable
    CompositeListener events() {
        return events;
    }

    /** Says that the scan rests from now on. */
    void scanRests() {
        STATE.getAndBitwiseOr(this, SCAN_RESTS);
    }

    /** Says that the scan rests no more. */
    void scanStarts() {
        STATE.getAndBitwiseAnd(this, ~SCAN_RESTS);
    }

    // ---- acquiring

    /**
     * Attempts to acquire a permit of a key. Nothing is counted if the key's own code throws, and nothing stays behind if anything
     * else does.
     *
     * @param owner the thread that would own the permit; null for one that no thread owns
     * @param nanos how long to wait if no permit is available, {@link Long#MAX_VALUE} without end
     * @param future the future that would wait, null if the owner would
     * @param admitted whether the caller may enter although new callers are rejected
     */
    AcquireResult attempt(
            Object key, int hash, @Nullable Thread owner, long nanos, @Nullable PermitFuture future, boolean admitted) {
        if (backend != null) {
            return attempt(backend, key, hash, owner, nanos, future, admitted);
        }
        Stripe stripe = stripes.of(hash);
        AcquireResult result;
        int unusual;
        stripe.lock();
        try {
            unusual = state;
            if (unusual == 0 && stripe.isEmpty()) {
                // The common case, for which the rest of this section would come to the same.
                return stripe.begin(key, hash, owner, 0);
            }
            RejectReason rejection = rejection(unusual, admitted);
            Entry entry = stripe.find(key, hash);
            if (entry != null) {
                result = stripe.join(entry, owner, nanos, future, rejection);
            } else if (rejection != null) {
                result = rejection;
            } else {
                result = stripe.begin(key, hash, owner, stampOfHold(unusual));
            }
        } finally {
            stripe.unlock();
        }
        if ((unusual & SCAN_RESTS) != 0 && scan != null) {
            startScan(scan, result);
        }
        return result;
    }

    /** As above, where a permit comes from the backend: a caller that does not reenter lines up. */
    private AcquireResult attempt(
            KeyedLockerBackend from,
            Object key,
            int hash,
            @Nullable Thread owner,
            long nanos,
            @Nullable PermitFuture future,
            boolean admitted) {
        String keyName = Objects.requireNonNull(from.keyName(key), "keyName");
        Stripe stripe = stripes.of(hash);
        AcquireResult result = RejectReason.CANCELLED;
        int unusual;
        boolean settles = false;
        Headroom.checkForWait();
        stripe.lock();
        try {
            unusual = state;
            RejectReason rejection = rejection(unusual, admitted);
            Entry entry = stripe.find(key, hash);
            if (entry == null && rejection != null) {
                result = rejection;
            } else if (entry == null) {
                result = stripe.enqueueForBackend(key, hash, from, keyName, owner, nanos, future);
            } else {
                result = entry.remote(from, keyName).join(entry, owner, nanos, future, rejection);
            }
            settles = result instanceof Waiter;
        } finally {
            if (!settles) {
                stripe.unlock();
            }
            if (result instanceof RejectReason) {
                // An entry may have been made and removed again.
                stripes.announceIfOver();
            }
        }
        try {
            if (result instanceof Waiter waiter) {
                stripe.handOffAndUnlock(waiter.entry, null, null, false);
            }
        } catch (Throwable e) {
            undo(result);
            throw e;
        }
        if ((unusual & SCAN_RESTS) != 0 && scan != null) {
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

    /** Gives back what an attempt has brought to a caller that fails now. */
    static void undo(@Nullable AcquireResult result) {
        if (result instanceof Waiter waiter) {
            waiter.abandon();
        } else if (result instanceof Permit permit) {
            permit.close();
        }
    }

    /** Why a newcomer is rejected in this state, null if it is not. */
    private static @Nullable RejectReason rejection(int state, boolean admitted) {
        if ((state & (DRAINING | CLOSED)) == 0) {
            return null;
        }
        if ((state & CLOSED) != 0) {
            return RejectReason.CLOSED;
        }
        return admitted ? null : RejectReason.DRAINING;
    }

    /** When a hold begins, or 0 if nobody wants to know. */
    long stampOfHold() {
        return stampOfHold(state);
    }

    private long stampOfHold(int unusual) {
        return (unusual & TIMES_HOLDS) == 0 ? 0 : clock.nanoTime();
    }

    /** The spread hash code of a key, which is asked for it here and nowhere else. */
    static int hash(Object key) {
        return Stripes.spread(Objects.requireNonNull(key, "key").hashCode());
    }

    static long nanos(Duration time) {
        if (Objects.requireNonNull(time, "waitTime").isNegative()) {
            throw new IllegalArgumentException("a time to wait must not be negative, but is " + time);
        }
        return time.toSeconds() >= Long.MAX_VALUE / 1_000_000_000 ? Long.MAX_VALUE : time.toNanos();
    }

    private void failIfInterrupted(Object key) throws InterruptedException {
        if (Thread.interrupted()) {
            CompositeListener heard = events;
            if (heard != null) {
                heard.notAcquired(key, KeyedLockerListener.Outcome.INTERRUPTED);
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
        Thread me = Thread.currentThread();
        AcquireResult result = attempt(key, hash, me, nanos, null, false);
        if (result instanceof Hold permit) {
            return granted(permit);
        }
        Permit permit = conclude(result, key, hash, me, nanos, waitTime, true, false);
        if (permit == null) {
            throw new AssertionError("an acquisition that is no try fails without a permit");
        }
        return permit;
    }

    /** Waits without end and ignores interrupts. */
    Permit acquireUninterruptibly(Object key, int hash) {
        Thread me = Thread.currentThread();
        AcquireResult result = attempt(key, hash, me, Long.MAX_VALUE, null, false);
        if (result instanceof Hold permit) {
            return granted(permit);
        }
        try {
            return Objects.requireNonNull(
                    conclude(result, key, hash, me, Long.MAX_VALUE, KeyedLockerSettings.FOREVER, false, false));
        } catch (InterruptedException e) {
            throw new AssertionError("interrupts are ignored", e);
        }
    }

    @Override
    public Optional<Permit> tryAcquire(K key) {
        return handOver(tryAcquire(key, hash(key)));
    }

    private static Optional<Permit> handOver(@Nullable Permit permit) {
        try {
            return Optional.ofNullable(permit);
        } catch (Throwable e) {
            // No memory for the optional: nobody has the permit.
            if (permit != null) {
                permit.close();
            }
            throw e;
        }
    }

    @Nullable
    Permit tryAcquire(Object key, int hash) {
        Thread me = Thread.currentThread();
        AcquireResult result = attempt(key, hash, me, 0, null, false);
        if (result instanceof Hold permit) {
            return granted(permit);
        }
        try {
            // A caller that does not wait awaits the backend's answer alone, which comes in any case.
            return conclude(result, key, hash, me, 0, null, false, true);
        } catch (InterruptedException e) {
            throw new AssertionError("an untimed try does not wait", e);
        }
    }

    @Override
    public Optional<Permit> tryAcquire(K key, Duration waitTime) throws InterruptedException {
        long nanos = nanos(waitTime);
        return handOver(tryAcquire(key, hash(key), nanos, waitTime));
    }

    @Nullable
    Permit tryAcquire(Object key, int hash, long nanos, Duration waitTime) throws InterruptedException {
        failIfInterrupted(key);
        Thread me = Thread.currentThread();
        AcquireResult result = attempt(key, hash, me, nanos, null, false);
        if (result instanceof Hold permit) {
            return granted(permit);
        }
        return conclude(result, key, hash, me, nanos, waitTime, nanos != 0, true);
    }

    /** Tells the listeners of a permit that was acquired without waiting. */
    Permit granted(Hold permit) {
        CompositeListener listeners = events;
        if (listeners != null) {
            try {
                listeners.acquired(permit.entry().key);
            } catch (Throwable e) {
                permit.close();
                throw e;
            }
        }
        return permit;
    }

    /**
     * Brings a thread from the result of its attempt, which is no fresh permit, to a permit, null or an exception.
     *
     * @param waitTime the time to wait as the caller gave it, or null for a try that does not wait
     * @param tries whether the caller gets null where there is no permit, and an exception only where the locker is at fault
     */
    private @Nullable Permit conclude(
            AcquireResult attempted,
            Object key,
            int hash,
            Thread me,
            long nanos,
            @Nullable Duration waitTime,
            boolean interruptible,
            boolean tries)
            throws InterruptedException {
        AcquireResult result = attempted;
        if (result == RejectReason.DRAINING && holdsSomething(me)) {
            result = attempt(key, hash, me, nanos, null, true);
            if (result instanceof Hold permit) {
                return granted(permit);
            }
        }
        if (result instanceof Reentry again) {
            return again;
        }
        Waiter waiter = null;
        if (result instanceof Waiter linedUp) {
            waiter = linedUp;
            result = await(linedUp, nanos, interruptible);
            if (result instanceof Hold permit) {
                return permit;
            }
        }
        RejectReason reason = ((RejectReason) result).within(waitTime);
        if (waiter != null) {
            waiter.ended(reason);
        } else {
            rejected(key, reason);
        }
        if (reason == RejectReason.INTERRUPTED) {
            Thread.interrupted();
            throw new InterruptedException();
        }
        if (tries && !reason.failsTries) {
            return null;
        }
        throw failure(reason, key, waitTime, waiter);
    }

    /** Waits in the queue. The listeners have been told of a permit, but not of a reason. */
    private static AcquireResult await(Waiter waiter, long nanos, boolean interruptible) {
        try {
            waiter.begins();
            AcquireResult end = waiter.await(waiter.ifRefused == null ? nanos : Long.MAX_VALUE, interruptible);
            if (end instanceof Hold) {
                waiter.entry.stripe.locker.noteHolder(Thread.currentThread());
                waiter.ended(null);
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

    /** Acquires a permit that no thread owns; without a wait time it is a try that does not wait. */
    PermitFuture acquireAsync(Object key, int hash, long nanos, @Nullable Duration waitTime, boolean admitted) {
        PermitFuture future = new PermitFuture(this, waitTime);
        AcquireResult result = attempt(key, hash, null, nanos, future, admitted);
        if (result == RejectReason.DRAINING && holdsSomething(Thread.currentThread())) {
            result = attempt(key, hash, null, nanos, future, true);
        }
        try {
            if (result instanceof Hold permit) {
                future.deliver(granted(permit));
            } else if (result instanceof RejectReason reason) {
                future.reject(null, key, reason);
            } else if (result instanceof Waiter waiter) {
                if (!admitted) {
                    noteAsker(waiter);
                }
                future.waits(waiter, nanos);
            }
        } catch (Throwable e) {
            undo(result);
            throw e;
        }
        return future;
    }

    /** For the search for deadlocks. A call for several keys asks for the later ones on threads that do not wait for them. */
    private static void noteAsker(Waiter waiter) {
        waiter.asker = Thread.currentThread();
        if (waiter.result != null) {
            waiter.asker = null;
        }
    }

    /** Tells the listeners that a caller was rejected at once. */
    void rejected(Object key, RejectReason reason) {
        CompositeListener listeners = events;
        if (listeners != null) {
            listeners.notAcquired(key, reason.outcome);
        }
    }

    /**
     * The exception for a caller that gets no permit.
     *
     * @param waitTime the time to wait as the caller gave it, or null for a try that does not wait
     * @param waiter the wait that has ended, or null if the caller was rejected at once
     */
    RuntimeException failure(RejectReason reason, Object key, @Nullable Duration waitTime, @Nullable Waiter waiter) {
        return switch (reason) {
            case UNAVAILABLE -> Messages.taken(settings, key);
            case TIMED_OUT -> Messages.timeout(settings, key, waitTime == null ? Duration.ZERO : waitTime);
            case QUEUE_FULL -> Messages.full(settings, key);
            case REENTRY -> Messages.reentry(settings, key);
            case DRAINING -> Messages.draining(settings, key);
            case CLOSED -> Messages.closed(settings, key);
            case DEADLOCK ->
                new LockDeadlockException(settings.name(), key, waiter == null ? "" : String.valueOf(waiter.deadlock));
            case BACKEND -> backendFailure(key, waiter == null ? null : waiter.backendFailure);
            case INTERRUPTED, CANCELLED -> new CancellationException(reason.name());
        };
    }

    /** The exception for a failure of the backend, or with null for its silence. */
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
            return handOver(MultiKeyPermit.tryAcquire(this, order));
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

    // ---- looking

    @Override
    public int activeKeyCount() {
        return stripes.activeCount();
    }

    @Override
    @SuppressWarnings("unchecked") // keys come in as K only
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
            throw new AssertionError("an idle moment does not fail", e);
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

    /** Whether a thread may enter although new callers are refused. If so, it is about to. */
    boolean holdsSomething(Thread thread) {
        boolean holds = isHeldBy(thread) || drainedTogether.stream().anyMatch(locker -> locker.isHeldBy(thread));
        if (holds) {
            noteHolder(thread);
        }
        return holds;
    }

    /** To be called for each thread that comes to own a hold although new callers may be refused. */
    void noteHolder(Thread thread) {
        DrainedHolders holders = drainedHolders;
        if (holders != null) {
            holders.add(thread);
        }
    }

    @Override
    public void close() {
        if (((int) STATE.getAndBitwiseOr(this, CLOSED) & CLOSED) == 0) {
            // A caller that read the old state under a stripe's lock is in that stripe by the time it is locked here.
            stripes.endAllWaits();
            if (backend != null) {
                backend.close();
            }
        }
    }
}
