// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.locks.Lock;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * One named table of locks, one lock per key: callers for one key wait for each other, callers for other keys do not.
 *
 * <p>Each key admits up to {@link KeyedLockerSettings#limit()} callers at once. Locks are made on demand and are gone the
 * moment nobody holds or awaits them; a key is <em>active</em> until then, and a locker without an active key is
 * <em>idle</em>.
 *
 * <pre>{@code
 * KeyedLocker<String> orders = KeyedLocker.create(KeyedLockerSettings.defaults().withName("orders"));
 *
 * try (Permit permit = orders.acquire("42")) {
 *   ship("42");
 * }
 * }</pre>
 *
 * <p><b>Order.</b> Waiters, threads and futures alike, stand in one first-in-first-out queue per key and never overtake
 * each other. With {@code fair = false} a thread that finds a permit free takes it although others wait, but only for
 * about a millisecond past the head of the queue; then the next permit that is given back is handed to the head. With
 * {@code fair = true} it always is. {@link #acquireAsync} never overtakes, so that futures of one key are granted strictly
 * in the order of the calls.
 *
 * <p><b>Ownership.</b> A permit of a blocking call or of a try belongs to the thread that took it until it is closed. That
 * thread re-enters: a further acquisition of the same key succeeds at once, whatever the limit and without a second
 * permit, and the key is free only after all of its permits are closed, in any order. To hand a permit to another thread,
 * take it with {@link #acquireAsync}: such a permit belongs to no thread and never re-enters.
 *
 * <p><b>Interrupts.</b> Every method that declares {@link InterruptedException} throws it if the thread's interrupt flag
 * is set on entry or while it waits, also where the key is free, and clears the flag. Nothing is held then.
 *
 * <p><b>Keys</b> are compared with {@code equals} and {@code hashCode}. {@code equals} runs under an internal lock: it
 * must not block and must not use the locker. If either throws, the caller gets that exception and nothing is held. A
 * key whose hash code changes while it is held is still freed by its permit. Each table grows with the number of active
 * keys and shrinks with it. Many keys with one hash code cost a logarithm each if they are values of the JDK with a natural
 * order, such as {@link String} and {@link java.util.UUID}; others are compared one by one.
 *
 * <p><b>Deadlock.</b> A cycle of threads each of which holds a key that the next one waits for, in any lockers of the
 * process and whatever the wait times, is found within about two seconds; one of the threads fails with
 * {@link LockDeadlockException}, or as {@link KeyedLockerSettings#deadlockDetection()} says. A cycle that includes a future
 * is reported only ({@link KeyedLockerListener#suspectedDeadlock}): the engine cannot know whether the thread that asked for
 * the future is blocked until it completes. A cycle that includes a permit that no thread owns is not found.
 *
 * <p><b>Active keys.</b> A key is active while it is held or awaited, and briefly while a call that takes several keys, two
 * of which have the same hash code, is about to acquire it: it then has neither holders nor waiters.
 *
 * <p><b>Backends.</b> Where permits come from a {@linkplain #createOn backend}, whatever asks for one, a future too,
 * fails with {@link LockBackendException} if the backend fails or does not answer in time. A key that has no name there
 * is refused with an {@link IllegalArgumentException}, which is thrown at once.
 *
 * <p><b>Memory.</b> What a thread did before it gave a permit back is visible to whoever is granted that key next.
 *
 * <p>All methods may be called by any thread, platform or virtual, at any time.
 *
 * @param <K> the type of the keys
 */
public interface KeyedLocker<K> extends AutoCloseable {

    /**
     * Makes a locker with {@link KeyedLockerSettings#defaults()}.
     *
     * @param <K> the type of the keys
     * @return a new locker
     */
    static <K> KeyedLocker<K> create() {
        return create(KeyedLockerSettings.defaults());
    }

    /**
     * Makes a locker. That is cheap: one may be made for a batch of work and then dropped. A locker needs no closing.
     *
     * @param settings how it behaves
     * @param <K> the type of the keys
     * @return a new locker
     */
    static <K> KeyedLocker<K> create(KeyedLockerSettings settings) {
        return DefaultKeyedLocker.create(settings, null);
    }

    /**
     * Makes a locker whose events are heard.
     *
     * @param settings how it behaves
     * @param listener who hears its events
     * @param <K> the type of the keys
     * @return a new locker
     */
    static <K> KeyedLocker<K> create(KeyedLockerSettings settings, KeyedLockerListener listener) {
        return DefaultKeyedLocker.create(settings, Objects.requireNonNull(listener, "listener"));
    }

    /**
     * Makes a locker whose permits come from beyond this process, so that its keys exclude each other across processes.
     *
     * <p>Everything else stays as it is, with these differences: a caller who finds a key free in this process still waits
     * for the backend, and is a waiter until it has answered; a permit is always handed to the head of the queue, as with
     * {@code fair}; a call that does not wait makes one try at the backend, for whose answer it does wait; futures may be
     * completed by a thread of the engine. Whatever is asked fails with {@link LockBackendException} where the backend
     * fails, or does not answer within the time to wait.
     *
     * @param backend where permits come from; of this locker alone, and closed with it
     * @param settings how it behaves
     * @param <K> the type of the keys
     * @return a new locker
     */
    static <K> KeyedLocker<K> createOn(KeyedLockerBackend backend, KeyedLockerSettings settings) {
        return DefaultKeyedLocker.create(settings, null, Objects.requireNonNull(backend, "backend"), Clock.SYSTEM);
    }

    /**
     * The name of this locker.
     *
     * @return {@link KeyedLockerSettings#name()}
     */
    String name();

    /**
     * How this locker behaves.
     *
     * @return its settings
     */
    KeyedLockerSettings settings();

    /**
     * Where permits come from beyond this process.
     *
     * @return the backend, or empty for a locker of this process alone
     */
    default Optional<KeyedLockerBackend> backend() {
        return Optional.empty();
    }

    /**
     * Takes a permit of a key, waiting up to {@link KeyedLockerSettings#waitTime()} (by default for ever).
     *
     * <p>The permit belongs to the calling thread until it is closed, and that thread re-enters. To hand a permit to another
     * thread, take it with {@link #acquireAsync(Object)}.
     *
     * @param key the key
     * @return the permit
     * @throws InterruptedException if the thread is interrupted before or while it waits
     * @throws LockTimeoutException if the wait time passes
     * @throws LockRejectedException if it had to wait and {@link KeyedLockerSettings#maxWaiters()} are waiting already
     * @throws LockReentryException if the thread holds the key and the locker is not re-entrant
     * @throws LockDeadlockException if it waits in a cycle of threads that wait for each other
     * @throws KeyedLockerClosedException if the locker is closed, now or while it waits
     * @throws LockBackendException if the locker has a backend, which fails or does not answer in time
     */
    Permit acquire(K key) throws InterruptedException;

    /**
     * Takes a permit of a key, waiting up to a given time.
     *
     * <p>The permit belongs to the calling thread until it is closed, and that thread re-enters. To hand a permit to another
     * thread, take it with {@link #acquireAsync(Object, Duration)}.
     *
     * @param key the key
     * @param waitTime how long to wait at most; zero does not wait
     * @return the permit
     * @throws InterruptedException if the thread is interrupted before or while it waits
     * @throws LockTimeoutException if the wait time passes
     * @throws LockRejectedException if it had to wait and {@link KeyedLockerSettings#maxWaiters()} are waiting already
     * @throws LockReentryException if the thread holds the key and the locker is not re-entrant
     * @throws LockDeadlockException if it waits in a cycle of threads that wait for each other
     * @throws KeyedLockerClosedException if the locker is closed, now or while it waits
     * @throws LockBackendException if the locker has a backend, which fails or does not answer in time
     * @throws IllegalArgumentException if {@code waitTime} is negative
     */
    Permit acquire(K key, Duration waitTime) throws InterruptedException;

    /**
     * Takes a permit of a key if one is free now. Never waits (but for the answer of a backend, if there is one), takes
     * a free permit even if others wait for it, and does not look at the interrupt flag. The holder's own try
     * re-enters.
     *
     * @param key the key
     * @return the permit, or empty if none is free, or if the thread holds the key and the locker is not re-entrant
     * @throws KeyedLockerClosedException if the locker is closed
     * @throws LockBackendException if the locker has a backend, which fails
     */
    Optional<Permit> tryAcquire(K key);

    /**
     * Takes a permit of a key, waiting up to a given time.
     *
     * @param key the key
     * @param waitTime how long to wait at most; zero does not wait
     * @return the permit, or empty if the time passes, or at once if it had to wait and the queue is full, or if the thread
     *     holds the key and the locker is not re-entrant
     * @throws InterruptedException if the thread is interrupted before or while it waits
     * @throws LockDeadlockException if it waits in a cycle of threads that wait for each other
     * @throws KeyedLockerClosedException if the locker is closed, now or while it waits
     * @throws LockBackendException if the locker has a backend, which fails or does not answer in time
     * @throws IllegalArgumentException if {@code waitTime} is negative
     */
    Optional<Permit> tryAcquire(K key, Duration waitTime) throws InterruptedException;

    /**
     * Takes a permit of a key without ever blocking the caller; waits, as a place in the queue, up to
     * {@link KeyedLockerSettings#waitTime()}.
     *
     * <p>The permit belongs to no thread: anybody may close it, and it never re-enters, not even for the calling thread. The
     * future is completed by the thread that gives the permit back, outside all locks, or on return if one is free. Whoever
     * cancels the future, completes it or lets it time out removes it from the queue; {@code cancel} returning true
     * means that no permit is held, returning false after a grant means that the permit is in the future.
     *
     * <pre>{@code
     * locker.acquireAsync(id).thenCompose(permit -> send(id).whenComplete((sent, failure) -> permit.close()));
     * }</pre>
     *
     * @param key the key
     * @return a future of the permit; it fails with {@link LockTimeoutException}, {@link LockRejectedException} (the
     *     queue is full), {@link KeyedLockerClosedException} or {@link LockBackendException}
     */
    CompletableFuture<Permit> acquireAsync(K key);

    /**
     * As {@link #acquireAsync(Object)}, waiting up to a given time.
     *
     * @param key the key
     * @param waitTime how long to wait at most; with zero the future is complete on return
     * @return a future of the permit; it fails with {@link LockTimeoutException}, {@link LockRejectedException} (the
     *     queue is full), {@link KeyedLockerClosedException} or {@link LockBackendException}
     * @throws IllegalArgumentException if {@code waitTime} is negative
     */
    CompletableFuture<Permit> acquireAsync(K key, Duration waitTime);

    /**
     * Takes a permit of a key if one is free now and nobody waits for it. The permit belongs to no thread, as with
     * {@link #acquireAsync(Object)}, so unlike {@link #tryAcquire(Object)} this does not re-enter.
     *
     * @param key the key
     * @return a future of the permit, complete on return unless the locker must ask beyond this process; it fails with
     *     {@link LockRejectedException} (none was free), {@link KeyedLockerClosedException} or
     *     {@link LockBackendException}
     */
    CompletableFuture<Permit> tryAcquireAsync(K key);

    /**
     * Takes a permit of each of several keys, all or none, waiting up to {@link KeyedLockerSettings#waitTime()} in all.
     *
     * <p>The keys are taken in one canonical order, the same for all callers, so that callers who take several at once cannot
     * deadlock. A caller that holds another key of the locker meanwhile can. Equal keys count once. The permits belong to
     * the calling thread, as with {@link #acquire(Object)}.
     *
     * @param keys the keys; neither changed nor kept. If empty, nothing is held
     * @return one permit for all; closing it gives them back in reverse order
     * @throws NullPointerException if a key is null
     * @throws InterruptedException if the thread is interrupted before or while it waits
     * @throws LockTimeoutException if the wait time passes
     * @throws LockRejectedException if it had to wait in a queue that is full
     * @throws LockReentryException if the thread holds one of the keys and the locker is not re-entrant
     * @throws LockDeadlockException if it waits in a cycle of threads that wait for each other
     * @throws KeyedLockerClosedException if the locker is closed, now or while it waits
     * @throws LockBackendException if the locker has a backend, which fails or does not answer in time
     */
    Permit acquireAll(Collection<? extends K> keys) throws InterruptedException;

    /**
     * As {@link #acquireAll(Collection)}, waiting up to a given time for all of them together.
     *
     * @param keys the keys; neither changed nor kept. If empty, nothing is held
     * @param waitTime how long to wait in all; zero does not wait
     * @return one permit for all; closing it gives them back in reverse order
     * @throws NullPointerException if a key is null
     * @throws IllegalArgumentException if {@code waitTime} is negative
     * @throws InterruptedException if the thread is interrupted before or while it waits
     * @throws LockTimeoutException if the wait time passes
     * @throws LockRejectedException if it had to wait in a queue that is full
     * @throws LockReentryException if the thread holds one of the keys and the locker is not re-entrant
     * @throws LockDeadlockException if it waits in a cycle of threads that wait for each other
     * @throws KeyedLockerClosedException if the locker is closed, now or while it waits
     * @throws LockBackendException if the locker has a backend, which fails or does not answer in time
     */
    Permit acquireAll(Collection<? extends K> keys, Duration waitTime) throws InterruptedException;

    /**
     * Takes a permit of each of several keys if all are free now. Never waits.
     *
     * @param keys the keys; neither changed nor kept. If empty, the permit holds nothing
     * @return one permit for all, or empty if one was not to be had
     * @throws NullPointerException if a key is null
     * @throws KeyedLockerClosedException if the locker is closed
     * @throws LockBackendException if the locker has a backend, which fails
     */
    Optional<Permit> tryAcquireAll(Collection<? extends K> keys);

    /**
     * Takes a permit of each of several keys, all or none, without ever blocking the caller. The permits belong to no thread,
     * as with {@link #acquireAsync(Object)}; cancelling the future removes it and gives back what it had.
     *
     * @param keys the keys; neither changed nor kept. If empty, the permit holds nothing
     * @param waitTime how long to wait in all; with zero the future is complete on return
     * @return a future of one permit for all; it fails as that of {@link #acquireAsync(Object)} does
     * @throws NullPointerException if a key is null
     * @throws IllegalArgumentException if {@code waitTime} is negative
     */
    CompletableFuture<Permit> acquireAllAsync(Collection<? extends K> keys, Duration waitTime);

    /**
     * Takes a permit of each of several keys if all are free now. The permits belong to no thread, as with
     * {@link #acquireAsync(Object)}.
     *
     * @param keys the keys; neither changed nor kept. If empty, the permit holds nothing
     * @return a future of one permit for all, complete when that of {@link #tryAcquireAsync(Object)} would be; it fails as
     *     that does
     * @throws NullPointerException if a key is null
     */
    CompletableFuture<Permit> tryAcquireAllAsync(Collection<? extends K> keys);

    /**
     * Runs a task under the lock of a key, waiting up to {@link KeyedLockerSettings#waitTime()}.
     *
     * @param key the key
     * @param task what to run
     * @throws InterruptedException if the thread is interrupted before or while it waits
     * @throws LockTimeoutException if the wait time passes
     * @throws LockRejectedException if it had to wait and the queue is full
     * @throws LockReentryException if the thread holds the key and the locker is not re-entrant
     * @throws LockDeadlockException if it waits in a cycle of threads that wait for each other
     * @throws KeyedLockerClosedException if the locker is closed, now or while it waits
     * @throws LockBackendException if the locker has a backend, which fails or does not answer in time
     */
    @SuppressWarnings("try") // the permit is held, not used
    default void run(K key, Runnable task) throws InterruptedException {
        Objects.requireNonNull(task, "task");
        try (Permit permit = acquire(key)) {
            task.run();
        }
    }

    /**
     * Calls a task under the lock of a key, waiting up to {@link KeyedLockerSettings#waitTime()}.
     *
     * @param key the key
     * @param task what to call
     * @param <T> the type of its result
     * @return its result
     * @throws InterruptedException if the thread is interrupted before or while it waits
     * @throws LockTimeoutException if the wait time passes
     * @throws LockRejectedException if it had to wait and the queue is full
     * @throws LockReentryException if the thread holds the key and the locker is not re-entrant
     * @throws LockDeadlockException if it waits in a cycle of threads that wait for each other
     * @throws KeyedLockerClosedException if the locker is closed, now or while it waits
     * @throws LockBackendException if the locker has a backend, which fails or does not answer in time
     * @throws Exception if the task throws it
     */
    @SuppressWarnings("try")
    default <T> T call(K key, Callable<T> task) throws Exception {
        Objects.requireNonNull(task, "task");
        try (Permit permit = acquire(key)) {
            return task.call();
        }
    }

    /**
     * Runs a task on an executor under the lock of a key, without ever blocking the caller. With a limit of 1, tasks of one
     * key run in the order of the calls, one after the other. With a higher limit, permits are granted in that order, but
     * tasks that are granted at the same time may start in any order.
     *
     * <p>The task is handed to the executor once the permit is granted, by the thread that gives it back or, if one is free,
     * by the caller. While it runs, its thread is the owner and re-enters. The permit is closed before the result
     * completes. Cancelling the result, or completing it otherwise, removes a task that still waits, be it for the permit
     * or in the executor, and closes its permit at once; a task that runs already runs to its end and keeps the permit
     * until then. A task that the executor drops without an exception keeps its key until the result is cancelled.
     *
     * <pre>{@code
     * List<CompletableFuture<Receipt>> results = batch.stream()
     *     .map(message -> locker.supplyAsync(message.orderId(), () -> handle(message), executor))
     *     .toList();
     * }</pre>
     *
     * @param key the key
     * @param task what to run
     * @param executor where
     * @param <T> the type of its result
     * @return a future of the result; it fails with what the task or the executor throws, or as the future of
     *     {@link #acquireAsync(Object)} does
     */
    <T> CompletableFuture<T> supplyAsync(K key, Supplier<T> task, Executor executor);

    /**
     * The lock of a key as a {@link Lock}, for code that wants one. All views of equal keys are interchangeable, and locks and
     * permits of a key exclude each other.
     *
     * <p>{@code lock()} waits without end and ignores interrupts while it waits; {@code unlock()} undoes a {@code lock()} of
     * the same thread through any view, and throws {@link IllegalMonitorStateException} if there is none;
     * {@code newCondition()} throws {@link UnsupportedOperationException}. Making a view takes nothing.
     *
     * <p>{@code lock()} and {@code lockInterruptibly()} throw what {@link #acquire(Object, Duration)} throws with
     * {@link KeyedLockerSettings#FOREVER}: {@link LockDeadlockException} if the thread waits in a cycle,
     * {@link KeyedLockerClosedException} if the locker is closed, {@link LockRejectedException} if the queue is full,
     * {@link LockReentryException} if the thread holds the key and the locker is not re-entrant, and
     * {@link LockBackendException}; nothing is locked then. Both {@code tryLock} throw what the tries of this locker
     * throw.
     *
     * @param key the key
     * @return a view
     */
    Lock asLock(K key);

    /**
     * Returns how many keys are active.
     *
     * @return the count, in constant time and weakly consistent: exact when nothing changes meanwhile
     */
    int activeKeyCount();

    /**
     * Returns the active keys.
     *
     * @return an immutable copy; each key in it was active at a moment during the call
     */
    Set<K> activeKeys();

    /**
     * Finds an active key that passes a test, without a copy of all keys. The test runs outside all locks, for
     * one key after the other, in no particular order, until it has accepted one.
     *
     * @param test what the key must pass
     * @return a key that was active at a moment during the call, or empty if the test has accepted none
     */
    Optional<K> findActiveKey(Predicate<? super K> test);

    /**
     * Returns whether a key is active.
     *
     * @param key the key
     * @return true if it is active now
     */
    boolean isActive(K key);

    /**
     * Returns who holds and who awaits a key.
     *
     * <p>The result is the state at one moment if at most a thousand callers wait. A longer queue is copied in portions, so that
     * other keys are not delayed: holders and the first thousand waiters are those of one moment, each further waiter was
     * waiting at a moment during the call, and all that waited throughout the call are included, in their order.
     *
     * @param key the key
     * @return its state, or empty if it is not active
     */
    Optional<KeySnapshot<K>> snapshot(K key);

    /**
     * Returns who holds and who awaits each active key.
     *
     * @return one snapshot per key, as {@link #snapshot(Object)} makes it; of each key that was active throughout the call, and
     *     of others that were active at a moment during it
     */
    List<KeySnapshot<K>> snapshot();

    /**
     * The state of this locker in figures, without a copy of all its keys.
     *
     * @param keys how many of the most contended keys to tell at most
     * @return the figures
     * @throws IllegalArgumentException if {@code keys} is negative
     */
    LockerOverview<K> overview(int keys);

    /**
     * Returns whether a thread holds a key of this locker. Looks at all active keys, in portions; while new callers are refused
     * only for threads that have held one since.
     *
     * @param thread the thread
     * @return true if it owns a permit now
     */
    boolean isHeldBy(Thread thread);

    /**
     * Adds a listener, which from now on hears what happens. Does nothing if it listens already, be it that the locker was
     * made with it; there is no way to remove one.
     *
     * <p>Of permits that are held by now it hears {@link KeyedLockerListener#released} alone, with a time that counts from
     * when somebody first wanted to know, zero if that was never. Of a caller who waits by now it hears how the wait ends.
     *
     * @param listener who hears the events, after those that listen already
     */
    void addListener(KeyedLockerListener listener);

    /**
     * Waits for the first moment at which no key is active. A key that becomes active right after that moment does not
     * prolong the wait; to insist, ask again:
     *
     * <pre>{@code
     * while (locker.activeKeyCount() > 0) {
     *   locker.awaitIdle();
     * }
     * }</pre>
     *
     * <p>A caller that holds a key itself waits for itself, without end.
     *
     * @throws InterruptedException if the thread is interrupted before or while it waits
     */
    void awaitIdle() throws InterruptedException;

    /**
     * Waits for the first moment at which no key is active, up to a given time.
     *
     * @param atMost how long to wait at most
     * @return true if there was such a moment, false if the time has passed
     * @throws InterruptedException if the thread is interrupted before or while it waits
     * @throws IllegalArgumentException if {@code atMost} is negative
     */
    boolean awaitIdle(Duration atMost) throws InterruptedException;

    /**
     * The first moment from now at which no key is active.
     *
     * @return a future that is complete on return if no key is active now, else completed by the thread that ends the last
     *     one, outside all locks. Each call returns a future of its own, which may be cancelled
     */
    CompletableFuture<Void> whenIdle();

    /**
     * Refuses new callers with {@link KeyedLockerClosedException} until {@link #acceptNewCallers()}, while those who wait go
     * on waiting and threads that hold a key of one of the given lockers may re-enter and take further keys, so that work
     * in progress can end.
     *
     * @param together the lockers that are drained together with this one
     */
    void refuseNewCallers(Collection<? extends KeyedLocker<?>> together);

    /** Ends {@link #refuseNewCallers(Collection)}. Does nothing if callers are not refused, and does not reopen a closed locker. */
    void acceptNewCallers();

    /**
     * Closes this locker for good: new callers are refused and waiters of every kind fail with
     * {@link KeyedLockerClosedException}, while holders keep what they have, may re-enter, and give it back as ever. Does not
     * wait. Closing again does nothing.
     */
    @Override
    void close();
}
