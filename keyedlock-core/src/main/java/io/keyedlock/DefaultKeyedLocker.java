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
     * Entry     The lock of one key. Is itself the hold of the caller who made it, and that hold is the permit.
     * Crowd     What an entry needs once a second caller has come: further holds (ExtraHold), the queue, pins.
     * RemoteKey What a crowd has besides where permits come from a backend; RemotePermit is one of them. Their invariants,
     *           transitions and races are told in RemoteKey; I4 is that of a locker without a backend.
     * Hold      One permit while it is held. Re-entries of its owner (Reentry) are handles that keep it open.
     * Waiter    One place in the queue, of a thread or of a future.
     *
     * LOCKING
     * Everything about a key is written under the word of its stripe. Asking and leaving are a few dozen instructions
     * and the key's own equals; looking, scanning, resizing and closing go through the stripe. No section parks,
     * completes a future or calls a listener. What it decides for others comes out as an Aftermath and is carried out
     * once the word is free. Nobody locks two stripes but the idle watch, which takes the growth lock first and then all
     * stripes in the order of their index.
     *
     * INVARIANTS, whenever a stripe's word is free
     * I1  A key has an entry in the table if and only if it is held, awaited or pinned, and then exactly one.
     * I2  An entry has at most limit holds; a hold is in its entry from its grant until its last handle is closed.
     * I3  The queue holds exactly the waiters whose status is WAITING, in the order of their arrival.
     * I4  If a permit is free and the queue is not empty, the head is a thread that has been signalled and will look
     *     under the word before it parks again; with fair locks this never happens.
     * I5  A stripe's counts of entries, holds and waiters are those of its table.
     * I6  While an idle watch is set, its count is the number of entries in all tables.
     *
     * TRANSITIONS
     * Entry   absent -> present (begin, pin) -> absent (the last hold, waiter or pin leaves). An entry that was taken
     *         out never returns, so a handle that is closed late meets its own dead hold and nothing else.
     * Hold    held -> over, when its last handle is closed. A handle closes once; the flag is under the word.
     * Waiter  WAITING -> GRANTED | WITHDRAWN | CLOSED | DEADLOCK | BACKEND | REFUSED, once, under the word and in one
     *         step with leaving the queue. The grant makes the hold in that step too.
     * State   open <-> DRAINING, either -> CLOSED.
     *
     * WHO WINS, AND WHAT THE LOSER OWES
     * Grant against time-out, interrupt, cancellation, close or deadlock search: whoever sets the status. If the grant
     * loses, nothing was granted and the permit went to the next waiter. If it wins, the thread returns with the
     * permit (its interrupt flag stays set), and a canceller completes the future with the permit, as the granting
     * thread may not have come to that yet, and is told false.
     * A free permit between the signalled head and a newcomer: whoever locks the word first. The head, if it loses, looks
     * out a little longer while it is awake anyway, and then clears its signal under the word, so that the next release
     * signals again; or, if it has been head for BYPASS_NANOS by then, hands over. A head that leaves is followed by
     * settle(), which restores I4 for the next: no signal is lost with it.
     * Close against an acquisition: an acquisition reads the state under the word; close() sets it first and then locks
     * every stripe, so that it finds everybody who has read the old one. In a stripe made later the new one is read.
     * The scan's rest against an acquisition: see LockerScan; the same argument.
     * The idle moment: entries come and go under words that the watch has seen locked all at once, so its count is
     * exact from the first on, and whoever takes it to zero tells.
     *
     * WHO RUNS WHAT
     * The closer of a permit completes the futures that it granted, through Deliveries, so that chains do not nest.
     * What a backend's thread grants or ends is completed on the default executor of futures.
     * Timed futures are withdrawn by the timer thread; their listeners are told, and they are completed, on the default
     * executor of futures. Other listeners run on the thread of the event; longHold on the scanning thread, which also
     * searches for deadlocks.
     */

    private static final VarHandle STATE;

    private static final VarHandle EVENTS;

    static {
        try {
            STATE = MethodHandles.lookup().findVarHandle(DefaultKeyedLocker.class, "state", int.class);
            EVENTS = MethodHandles.lookup().findVarHandle(DefaultKeyedLocker.class, "events", ListenerCalls.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
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
    private volatile @Nullable ListenerCalls events;

    /** Where permits come from beyond this process, or null. */
    final @Nullable KeyedLockerBackend backend;

    final Stripes stripes = new Stripes(this);

    private final KeyedLockerSettings settings;

    private final long waitNanos;

    private final @Nullable LockerScan scan;

    /**
     * {@link #DRAINING}, {@link #CLOSED}, {@link #SCAN_RESTS} and {@link #TIMES_HOLDS} in one word, which is zero as a rule: one
     * look tells an acquisition that nothing unusual is to be done. The bits are set and cleared one by one, atomically.
     */
    private volatile int state;

    /** While draining, threads that hold something in one of these are let in. Written before {@link #DRAINING} is set. */
    private volatile List<KeyedLocker<?>> drainedTogether = List.of();

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
        this.events = listener == null
                ? null
                : new ListenerCalls(null, listener, listener.forLocker(settings.name()), settings, clock);
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
        ListenerCalls before = events;
        if (before != null && before.has(listener)) {
            return;
        }
        KeyedLockerListener ours = listener.forLocker(settings.name());
        while (!EVENTS.compareAndSet(this, before, new ListenerCalls(before, listener, ours, settings, clock))) {
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
    ListenerCalls events() {
        return events;
    }

    /** Says that the scan rests from now on. */
    void scanRests() {
        STATE.getAndBitwiseOr(this, SCAN_RESTS);
    }

    /** Says that the scan rests no more; returns false if it did not rest. */
    boolean scanStarts() {
        return ((int) STATE.getAndBitwiseAnd(this, ~SCAN_RESTS) & SCAN_RESTS) != 0;
    }

    // ---- asking

    /**
     * Asks for a permit of a key. Nothing is counted if the key's own code throws.
     *
     * @param owner whose permit it would be; null for one that no thread owns
     * @param nanos how long to line up if no permit is free, {@link Long#MAX_VALUE} without end
     * @param future who lines up if not the owner
     * @param admitted whether the caller may enter although new callers are refused
     */
    Answer ask(
            Object key, int hash, @Nullable Thread owner, long nanos, @Nullable PermitFuture future, boolean admitted) {
        if (backend != null) {
            return ask(backend, key, hash, owner, nanos, future, admitted);
        }
        Stripe stripe = stripes.of(hash);
        Answer answer;
        int unusual;
        stripe.lock();
        try {
            unusual = state;
            if (unusual == 0 && stripe.isEmpty()) {
                // The common case, for which the rest of this section would come to the same.
                return stripe.begin(key, hash, owner, 0);
            }
            Answer.Refusal refusal = refusal(unusual, admitted);
            Entry entry = stripe.find(key, hash);
            if (entry != null) {
                answer = stripe.join(entry, owner, nanos, future, refusal);
            } else if (refusal != null) {
                answer = refusal;
            } else {
                answer = stripe.begin(key, hash, owner, stampOfHold(unusual));
            }
        } finally {
            stripe.unlock();
        }
        if ((unusual & SCAN_RESTS) != 0 && scan != null) {
            scan.start();
        }
        return answer;
    }

    /** As above, where a permit comes with one of a backend: whoever does not re-enter lines up. */
    private Answer ask(
            KeyedLockerBackend from,
            Object key,
            int hash,
            @Nullable Thread owner,
            long nanos,
            @Nullable PermitFuture future,
            boolean admitted) {
        String keyName = Objects.requireNonNull(from.keyName(key), "keyName");
        Stripe stripe = stripes.of(hash);
        Answer answer;
        Stripe.Aftermath aftermath = null;
        int unusual;
        stripe.lock();
        try {
            unusual = state;
            Answer.Refusal refusal = refusal(unusual, admitted);
            Entry entry = stripe.find(key, hash);
            if (entry == null && refusal != null) {
                answer = refusal;
            } else {
                if (entry == null) {
                    entry = stripe.insert(key, hash);
                }
                RemoteKey remote = entry.remote(from, keyName);
                answer = remote.lineUp(entry, owner, nanos, future, refusal);
                if (answer instanceof Waiter) {
                    aftermath = remote.settle(entry, entry.crowd(), null);
                }
            }
        } finally {
            stripe.unlock();
        }
        if ((unusual & SCAN_RESTS) != 0 && scan != null) {
            scan.start();
        }
        if (aftermath != null) {
            aftermath.carryOut();
        }
        return answer;
    }

    /** How a newcomer is refused in this state, null if it is not. */
    private static Answer.@Nullable Refusal refusal(int state, boolean admitted) {
        if ((state & (DRAINING | CLOSED)) == 0) {
            return null;
        }
        if ((state & CLOSED) != 0) {
            return Answer.Refusal.CLOSED;
        }
        return admitted ? null : Answer.Refusal.DRAINING;
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
            ListenerCalls heard = events;
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
        Answer answer = ask(key, hash, me, nanos, null, false);
        if (answer instanceof Hold permit) {
            return granted(permit);
        }
        return new Conclusion(this, key, hash, me, nanos).permitOrFailure(answer, waitTime, true);
    }

    /** Waits without end and ignores interrupts. */
    Permit acquireUninterruptibly(Object key, int hash) {
        Thread me = Thread.currentThread();
        Answer answer = ask(key, hash, me, Long.MAX_VALUE, null, false);
        if (answer instanceof Hold permit) {
            return granted(permit);
        }
        try {
            return new Conclusion(this, key, hash, me, Long.MAX_VALUE)
                    .permitOrFailure(answer, KeyedLockerSettings.FOREVER, false);
        } catch (InterruptedException e) {
            throw new AssertionError("interrupts are ignored", e);
        }
    }

    @Override
    public Optional<Permit> tryAcquire(K key) {
        return Optional.ofNullable(tryAcquire(key, hash(key)));
    }

    @Nullable
    Permit tryAcquire(Object key, int hash) {
        Thread me = Thread.currentThread();
        Answer answer = ask(key, hash, me, 0, null, false);
        if (answer instanceof Hold permit) {
            return granted(permit);
        }
        try {
            return new Conclusion(this, key, hash, me, 0).permitOrNull(answer, KeyedLockerListener.Outcome.REJECTED);
        } catch (InterruptedException e) {
            throw new AssertionError("an untimed try does not wait", e);
        }
    }

    @Override
    public Optional<Permit> tryAcquire(K key, Duration waitTime) throws InterruptedException {
        return Optional.ofNullable(tryAcquire(key, hash(key), nanos(waitTime)));
    }

    @Nullable
    Permit tryAcquire(Object key, int hash, long nanos) throws InterruptedException {
        failIfInterrupted(key);
        Thread me = Thread.currentThread();
        Answer answer = ask(key, hash, me, nanos, null, false);
        if (answer instanceof Hold permit) {
            return granted(permit);
        }
        return new Conclusion(this, key, hash, me, nanos).permitOrNull(answer, KeyedLockerListener.Outcome.TIMEOUT);
    }

    Permit granted(Hold permit) {
        ListenerCalls heard = events;
        if (heard != null) {
            heard.acquired(permit.entry().key);
        }
        return permit;
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

    /** Asks for a permit that no thread owns; without a wait time it is a try, whose failure is a refusal and no time-out. */
    PermitFuture acquireAsync(Object key, int hash, long nanos, @Nullable Duration waitTime, boolean admitted) {
        PermitFuture future = new PermitFuture(this, waitTime);
        Answer answer = ask(key, hash, null, nanos, future, admitted);
        if (answer == Answer.Refusal.DRAINING && holdsSomething(Thread.currentThread())) {
            answer = ask(key, hash, null, nanos, future, true);
        }
        if (answer instanceof Hold permit) {
            future.deliver(granted(permit));
        } else if (answer instanceof Answer.Refusal refusal) {
            tellRefused(
                    refusal,
                    key,
                    waitTime == null ? KeyedLockerListener.Outcome.REJECTED : KeyedLockerListener.Outcome.TIMEOUT);
            future.fail(failureOf(refusal, key, waitTime));
        } else if (answer instanceof Waiter waiter) {
            future.waits(waiter, nanos);
        }
        return future;
    }

    /** Tells the listeners of a refusal. */
    void tellRefused(Answer.Refusal refusal, Object key, KeyedLockerListener.Outcome whenTaken) {
        KeyedLockerListener.Outcome outcome = switch (refusal) {
            case TAKEN -> whenTaken;
            case FULL, REENTRY -> KeyedLockerListener.Outcome.REJECTED;
            case DRAINING, CLOSED -> KeyedLockerListener.Outcome.CLOSED;
        };
        ListenerCalls heard = events;
        if (heard != null) {
            heard.notAcquired(key, outcome);
        }
    }

    /** The exception that tells a caller of a refusal; without a wait time it was an untimed try. */
    RuntimeException failureOf(Answer.Refusal refusal, Object key, @Nullable Duration waitTime) {
        return switch (refusal) {
            case TAKEN -> waitTime == null ? Messages.taken(settings, key) : Messages.timeout(settings, key, waitTime);
            case FULL -> Messages.full(settings, key);
            case REENTRY -> Messages.reentry(settings, key);
            case DRAINING -> Messages.draining(settings, key);
            case CLOSED -> Messages.closed(settings, key);
        };
    }

    /** The exception that tells a caller of a failure of the backend, or with null of its silence. */
    RuntimeException backendFailure(Object key, @Nullable Throwable cause) {
        return Messages.backend(Objects.requireNonNull(backend, "backend"), settings, key, cause);
    }

    @Override
    public <T> CompletableFuture<T> supplyAsync(K key, Supplier<T> task, Executor executor) {
        Objects.requireNonNull(task, "task");
        Objects.requireNonNull(executor, "executor");
        return KeyedTask.start(acquireAsync(key, hash(key), waitNanos, settings.waitTime(), false), task, executor);
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
            return SeveralPermits.acquire(this, order, nanos, waitTime);
        }
    }

    @Override
    public Optional<Permit> tryAcquireAll(Collection<? extends K> keys) {
        try (KeyOrder order = new KeyOrder(stripes, backend, keys)) {
            return Optional.ofNullable(SeveralPermits.tryAcquire(this, order));
        }
    }

    @Override
    public CompletableFuture<Permit> acquireAllAsync(Collection<? extends K> keys, Duration waitTime) {
        long nanos = nanos(waitTime);
        SeveralFuture future = new SeveralFuture(this, new KeyOrder(stripes, backend, keys), nanos, waitTime);
        future.start();
        return future;
    }

    @Override
    public CompletableFuture<Permit> tryAcquireAllAsync(Collection<? extends K> keys) {
        SeveralFuture future = new SeveralFuture(this, new KeyOrder(stripes, backend, keys), 0, null);
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
        STATE.getAndBitwiseOr(this, DRAINING);
    }

    @Override
    public void acceptNewCallers() {
        STATE.getAndBitwiseAnd(this, ~DRAINING);
    }

    @Override
    public boolean isHeldBy(Thread thread) {
        return Inspection.isHeldBy(stripes, Objects.requireNonNull(thread, "thread"));
    }

    /** Whether a thread may enter although new callers are refused. */
    boolean holdsSomething(Thread thread) {
        return isHeldBy(thread) || drainedTogether.stream().anyMatch(locker -> locker.isHeldBy(thread));
    }

    @Override
    public void close() {
        if (((int) STATE.getAndBitwiseOr(this, CLOSED) & CLOSED) == 0) {
            // A caller who read the old state under a stripe's lock is in that stripe by the time it is locked here.
            stripes.all().forEach(Stripe::failWaiters);
            if (backend != null) {
                backend.close();
            }
        }
    }
}
