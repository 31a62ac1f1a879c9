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
 * A named table of locks, one lock per key. Callers of the same key exclude each other; callers of different keys do not.
 *
 * <p>Each key admits up to {@link KeyedLockerSettings#limit()} callers at once. Locks are created on demand and removed as soon
 * as nobody holds or waits for them, so memory depends on the keys in use, not on the keys ever seen. A key that is held or
 * awaited is <em>active</em>. A locker without an active key is <em>idle</em>.
 *
 * <pre>{@code
 * KeyedLocker<String> orders = KeyedLocker.create(KeyedLockerSettings.defaults().withName("orders"));
 *
 * try (Permit permit = orders.acquire("42")) {
 *   ship("42");
 * }
 * }</pre>
 *
 * <p><b>Order.</b> Each key has one first-in, first-out queue of waiters, both threads and futures, which never overtake each
 * other. With {@code fair = false}, a thread that finds a permit free acquires it although others wait, but only until the head
 * of the queue has been overtaken for about a millisecond; then the next released permit is handed off to the head. With
 * {@code fair = true}, every released permit is handed off. {@link #acquireAsync} never overtakes, so futures of one key are
 * granted strictly in the order of the calls.
 *
 * <p><b>Ownership.</b> A permit acquired by a blocking call or by {@code tryAcquire} belongs to the acquiring thread until it
 * is closed. The thread may reenter: a further acquisition of the same key succeeds at once, whatever the limit and without a
 * second permit, and the key is free after all of its permits were closed, in any order. To hand a permit to another thread,
 * acquire it with {@link #acquireAsync}: such a permit belongs to no thread and never reenters.
 *
 * <p><b>Interrupts.</b> Every method that declares {@link InterruptedException} throws it if the thread's interrupt flag is set
 * on entry or while it waits, even if the key is free, and clears the flag. Nothing is held then.
 *
 * <p><b>Keys</b> are compared with {@code equals} and {@code hashCode}. {@code equals} runs under an internal lock: it must not
 * block and must not use the locker. If either throws, the caller gets that exception and nothing is held. A key whose hash
 * code changes while it is held is still released by its permit. Each table grows and shrinks with the number of active keys.
 * Among many keys with one hash code, a lookup takes logarithmic time if they are values of the JDK with a natural order, such
 * as {@link String} and {@link java.util.UUID}; others are compared one by one.
 *
 * <p><b>Deadlock.</b> The engine finds cycles of threads that wait for each other's keys, across all lockers of the process and
 * with any wait times, within about two seconds. One of the threads fails with {@link LockDeadlockException},
 * unless {@link KeyedLockerSettings#deadlockDetection()} is set otherwise. A cycle that includes a future is only reported
 * ({@link KeyedLockerListener#suspectedDeadlock}), because the engine cannot know whether the thread that requested the future
 * is blocked until it completes. A cycle that includes a permit that no thread owns is not found.
 *
 * <p><b>Pinned keys.</b> A key is also active, without holders or waiters, for a moment before a call for several keys acquires
 * it, if another of those keys has the same hash code.
 *
 * <p><b>Backends.</b> With a {@linkplain #createOn backend}, every acquisition, including futures, fails with
 * {@link LockBackendException} if the backend fails or does not answer in time. A key that has no name at the backend is
 * rejected with an {@link IllegalArgumentException}, which is thrown at once.
 *
 * <p><b>Memory consistency.</b> Actions of a thread before it releases a permit happen before those of the next holder of that
 * key.
 *
 * <p>All methods may be called by any thread, platform or virtual, at any time.
 *
 * @param <K> the type of the keys
 * @see KeyedLockerSettings
 * @see Permit
 * @since 0.1.0
 */
public interface KeyedLocker<K> extends AutoCloseable {

    /**
     * Creates a locker with {@link KeyedLockerSettings#defaults()}.
     *
     * @param <K> the type of the keys
     * @return a new locker
     */
    static <K> KeyedLocker<K> create() {
        return create(KeyedLockerSettings.defaults());
    }

    /**
     * Creates a locker. A locker is cheap: it may be created for a batch of work and then dropped, without closing it.
     *
     * @param settings the settings
     * @param <K> the type of the keys
     * @return a new locker
     */
    static <K> KeyedLocker<K> create(KeyedLockerSettings settings) {
        return DefaultKeyedLocker.create(settings, null);
    }

    /**
     * Creates a locker with a listener.
     *
     * @param settings the settings
     * @param listener the listener to notify of events
     * @param <K> the type of the keys
     * @return a new locker
     */
    static <K> KeyedLocker<K> create(KeyedLockerSettings settings, KeyedLockerListener listener) {
        return DefaultKeyedLocker.create(settings, Objects.requireNonNull(listener, "listener"));
    }

    /**
     * Creates a locker whose permits come from a backend, so that its keys exclude each other across processes.
     *
     * <p>The locker differs from one without a backend as follows:
     *
     * <ul>
     *   <li>A caller that finds a key free in this process still waits for the backend, and is a waiter until the backend has
     *       answered.
     *   <li>A permit is always handed off to the head of the queue, as with {@code fair}.
     *   <li>A call that does not wait sends one request to the backend, and waits for the answer.
     *   <li>Futures may be completed by a thread of the engine.
     *   <li>An acquisition fails with {@link LockBackendException} if the backend fails, or does not answer within the wait
     *       time.
     * </ul>
     *
     * @param backend the backend that grants the permits; used by this locker only, and closed with it
     * @param settings the settings
     * @param <K> the type of the keys
     * @return a new locker
     */
    static <K> KeyedLocker<K> createOn(KeyedLockerBackend backend, KeyedLockerSettings settings) {
        return DefaultKeyedLocker.create(settings, null, Objects.requireNonNull(backend, "backend"), Clock.SYSTEM);
    }

    /**
     * Returns the name of this locker.
     *
     * @return {@link KeyedLockerSettings#name()}
     */
    String name();

    /**
     * Returns the settings of this locker.
     *
     * @return the settings
     */
    KeyedLockerSettings settings();

    /**
     * Returns the limit of the keys that have no limit of their own.
     *
     * @return {@link KeyedLockerSettings#limit()}, or the limit that was set since
     */
    int limit();

    /**
     * Sets the limit of all keys that have no {@linkplain KeyedLockerSettings#withKeyLimits limit of their own}.
     *
     * <p>If the limit is raised, waiters are granted the additional permits before this method returns, in the order in which
     * they wait, as if these permits had been released; futures are completed on this thread. (With a backend, the additional
     * permits are requested before this method returns.) If it is lowered, holders keep their permits, and nobody is admitted
     * until fewer of them remain than the new limit.
     *
     * @param limit the new limit
     * @throws IllegalArgumentException if it is less than 1
     */
    void setLimit(int limit);

    /**
     * Asks for the limits of all active keys again, after the data behind {@link KeyedLockerSettings#withKeyLimits} has
     * changed. A raised or lowered limit has the same effect as in {@link #setLimit}. Calls the function on this thread, once
     * for each key that several callers compete for, and for other keys when callers begin to compete.
     *
     * @throws IllegalStateException if the function itself calls this method
     */
    void refreshLimits();

    /**
     * Returns the backend from which permits come.
     *
     * @return the backend, or empty for a locker of this process only
     */
    default Optional<KeyedLockerBackend> backend() {
        return Optional.empty();
    }

    /**
     * Acquires a permit of a key, waiting up to {@link KeyedLockerSettings#waitTime()} (by default without limit).
     *
     * <p>The permit belongs to the calling thread until it is closed, and that thread may reenter. To hand a permit to another
     * thread, acquire it with {@link #acquireAsync(Object)}.
     *
     * @param key the key
     * @return the permit
     * @throws InterruptedException if the thread is interrupted before or while it waits
     * @throws LockTimeoutException if the wait time passes
     * @throws LockRejectedException if it had to wait and {@link KeyedLockerSettings#maxWaiters()} are waiting already
     * @throws LockReentryException if the thread holds the key and the locker is not reentrant
     * @throws LockDeadlockException if it waits in a cycle of threads that wait for each other
     * @throws KeyedLockerClosedException if the locker is closed, now or while it waits
     * @throws LockBackendException if the locker has a backend, which fails or does not answer in time
     */
    Permit acquire(K key) throws InterruptedException;

    /**
     * Acquires a permit of a key, waiting up to a given time.
     *
     * <p>The permit belongs to the calling thread until it is closed, and that thread may reenter. To hand a permit to another
     * thread, acquire it with {@link #acquireAsync(Object, Duration)}.
     *
     * @param key the key
     * @param waitTime the maximum time to wait; zero does not wait, {@link KeyedLockerSettings#FOREVER} has no limit
     * @return the permit
     * @throws InterruptedException if the thread is interrupted before or while it waits
     * @throws LockTimeoutException if the wait time passes
     * @throws LockRejectedException if it had to wait and {@link KeyedLockerSettings#maxWaiters()} are waiting already
     * @throws LockReentryException if the thread holds the key and the locker is not reentrant
     * @throws LockDeadlockException if it waits in a cycle of threads that wait for each other
     * @throws KeyedLockerClosedException if the locker is closed, now or while it waits
     * @throws LockBackendException if the locker has a backend, which fails or does not answer in time
     * @throws IllegalArgumentException if {@code waitTime} is negative
     */
    Permit acquire(K key, Duration waitTime) throws InterruptedException;

    /**
     * Acquires a permit of a key if one is free now. Never waits, except for the answer of a backend. Acquires a free permit
     * even if others wait for it, and ignores the interrupt flag. A thread that holds the key reenters.
     *
     * @param key the key
     * @return the permit, or empty if none is free, or if the thread holds the key and the locker is not reentrant
     * @throws KeyedLockerClosedException if the locker is closed
     * @throws LockBackendException if the locker has a backend, which fails
     */
    Optional<Permit> tryAcquire(K key);

    /**
     * Acquires a permit of a key, waiting up to a given time.
     *
     * @param key the key
     * @param waitTime the maximum time to wait; zero does not wait, {@link KeyedLockerSettings#FOREVER} has no limit
     * @return the permit, or empty if the time passes, or at once if it had to wait and the queue is full, or if the thread
     *     holds the key and the locker is not reentrant
     * @throws InterruptedException if the thread is interrupted before or while it waits
     * @throws LockDeadlockException if it waits in a cycle of threads that wait for each other
     * @throws KeyedLockerClosedException if the locker is closed, now or while it waits
     * @throws LockBackendException if the locker has a backend, which fails or does not answer in time
     * @throws IllegalArgumentException if {@code waitTime} is negative
     */
    Optional<Permit> tryAcquire(K key, Duration waitTime) throws InterruptedException;

    /**
     * Acquires a permit of a key without blocking the caller. The future waits in the queue up to
     * {@link KeyedLockerSettings#waitTime()}.
     *
     * <p>The permit belongs to no thread: any thread may close it, and it never reenters, not even for the calling thread. If a
     * permit is free, the future is complete on return. Otherwise the thread that releases a permit completes it, outside all
     * locks. Cancelling or completing the future, or its time-out, removes it from the queue. If {@code cancel} returns true,
     * no permit is held; if it returns false after a grant, the future contains the permit.
     *
     * <pre>{@code
     * locker.acquireAsync(id).thenCompose(permit -> CompletableFuture.completedFuture(id)
     *     .thenCompose(this::send)
     *     .whenComplete((sent, failure) -> permit.close()));
     * }</pre>
     *
     * <p>The inner {@code thenCompose} turns an exception that {@code send} throws into a failed future, so that the permit is
     * closed in that case too. To run a blocking task, use {@link #supplyAsync}, which closes the permit itself.
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
     * @param waitTime the maximum time to wait; with zero, the future is complete on return
     * @return a future of the permit; it fails with {@link LockTimeoutException}, {@link LockRejectedException} (the
     *     queue is full), {@link KeyedLockerClosedException} or {@link LockBackendException}
     * @throws IllegalArgumentException if {@code waitTime} is negative
     */
    CompletableFuture<Permit> acquireAsync(K key, Duration waitTime);

    /**
     * Acquires a permit of a key if one is free now and nobody waits for it. The permit belongs to no thread, as with
     * {@link #acquireAsync(Object)}, so unlike {@link #tryAcquire(Object)} this does not reenter.
     *
     * @param key the key
     * @return a future of the permit, complete on return unless the locker has a backend; it fails with
     *     {@link LockRejectedException} (none was free), {@link KeyedLockerClosedException} or {@link LockBackendException}
     */
    CompletableFuture<Permit> tryAcquireAsync(K key);

    /**
     * Acquires a permit of each of several keys, all or none, waiting up to {@link KeyedLockerSettings#waitTime()} in total.
     *
     * <p>All callers acquire the keys in the same canonical order, so that callers of this method cannot deadlock with each
     * other, unless they already hold another key. Equal keys count once. The permits belong to the calling thread, as with
     * {@link #acquire(Object)}.
     *
     * @param keys the keys; neither modified nor retained. If empty, nothing is held
     * @return one permit for all keys; closing it releases them in reverse order
     * @throws NullPointerException if a key is null
     * @throws InterruptedException if the thread is interrupted before or while it waits
     * @throws LockTimeoutException if the wait time passes
     * @throws LockRejectedException if it had to wait in a queue that is full
     * @throws LockReentryException if the thread holds one of the keys and the locker is not reentrant
     * @throws LockDeadlockException if it waits in a cycle of threads that wait for each other
     * @throws KeyedLockerClosedException if the locker is closed, now or while it waits
     * @throws LockBackendException if the locker has a backend, which fails or does not answer in time
     */
    Permit acquireAll(Collection<? extends K> keys) throws InterruptedException;

    /**
     * As {@link #acquireAll(Collection)}, waiting up to a given time in total.
     *
     * @param keys the keys; neither modified nor retained. If empty, nothing is held
     * @param waitTime the maximum time to wait in total; zero does not wait
     * @return one permit for all keys; closing it releases them in reverse order
     * @throws NullPointerException if a key is null
     * @throws IllegalArgumentException if {@code waitTime} is negative
     * @throws InterruptedException if the thread is interrupted before or while it waits
     * @throws LockTimeoutException if the wait time passes
     * @throws LockRejectedException if it had to wait in a queue that is full
     * @throws LockReentryException if the thread holds one of the keys and the locker is not reentrant
     * @throws LockDeadlockException if it waits in a cycle of threads that wait for each other
     * @throws KeyedLockerClosedException if the locker is closed, now or while it waits
     * @throws LockBackendException if the locker has a backend, which fails or does not answer in time
     */
    Permit acquireAll(Collection<? extends K> keys, Duration waitTime) throws InterruptedException;

    /**
     * Acquires a permit of each of several keys if all are free now. Never waits, except for the answer of a backend.
     *
     * @param keys the keys; neither modified nor retained. If empty, the permit holds nothing
     * @return one permit for all keys, or empty if one was not available
     * @throws NullPointerException if a key is null
     * @throws KeyedLockerClosedException if the locker is closed
     * @throws LockBackendException if the locker has a backend, which fails
     */
    Optional<Permit> tryAcquireAll(Collection<? extends K> keys);

    /**
     * Acquires a permit of each of several keys, all or none, without blocking the caller. The permits belong to no thread, as
     * with {@link #acquireAsync(Object)}. Cancelling the future removes it from the queue and releases the keys acquired so
     * far.
     *
     * @param keys the keys; neither modified nor retained. If empty, the permit holds nothing
     * @param waitTime the maximum time to wait in total; with zero, the future is complete on return
     * @return a future of one permit for all keys; it fails as that of {@link #acquireAsync(Object)} does
     * @throws NullPointerException if a key is null
     * @throws IllegalArgumentException if {@code waitTime} is negative
     */
    CompletableFuture<Permit> acquireAllAsync(Collection<? extends K> keys, Duration waitTime);

    /**
     * Acquires a permit of each of several keys if all are free now. The permits belong to no thread, as with
     * {@link #acquireAsync(Object)}.
     *
     * @param keys the keys; neither modified nor retained. If empty, the permit holds nothing
     * @return a future of one permit for all keys; it completes and fails as that of {@link #tryAcquireAsync(Object)} does
     * @throws NullPointerException if a key is null
     */
    CompletableFuture<Permit> tryAcquireAllAsync(Collection<? extends K> keys);

    /**
     * Runs a task while holding a key, waiting for it up to {@link KeyedLockerSettings#waitTime()}.
     *
     * @param key the key
     * @param task the task to run
     * @throws InterruptedException if the thread is interrupted before or while it waits
     * @throws LockTimeoutException if the wait time passes
     * @throws LockRejectedException if it had to wait and the queue is full
     * @throws LockReentryException if the thread holds the key and the locker is not reentrant
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
     * Calls a task while holding a key, waiting for it up to {@link KeyedLockerSettings#waitTime()}.
     *
     * @param key the key
     * @param task the task to call
     * @param <T> the type of its result
     * @return its result
     * @throws InterruptedException if the thread is interrupted before or while it waits
     * @throws LockTimeoutException if the wait time passes
     * @throws LockRejectedException if it had to wait and the queue is full
     * @throws LockReentryException if the thread holds the key and the locker is not reentrant
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
     * Runs a task on an executor while holding a key, without blocking the caller. With a limit of 1, tasks of one key run
     * sequentially, in the order of the calls. With a higher limit, permits are granted in that order, but tasks whose
     * permits are granted at the same time may start in any order.
     *
     * <p>The task is submitted to the executor when the permit is granted: by the caller if a permit is free, otherwise by the
     * thread that releases one. While the task runs, its thread owns the permit and may reenter. The permit is closed before
     * the result completes. Cancelling or completing the result removes a task that still waits for the permit or in the
     * executor, and closes its permit at once. A task that is running continues to its end and keeps the permit until then. A
     * task that the executor drops without an exception keeps its key until the result is cancelled.
     *
     * <pre>{@code
     * List<CompletableFuture<Receipt>> results = batch.stream()
     *     .map(message -> locker.supplyAsync(message.orderId(), () -> handle(message), executor))
     *     .toList();
     * }</pre>
     *
     * @param key the key
     * @param task the task to run
     * @param executor the executor to run it on
     * @param <T> the type of its result
     * @return a future of the result; it fails with the exception of the task or the executor, or as the future of
     *     {@link #acquireAsync(Object)} does
     */
    <T> CompletableFuture<T> supplyAsync(K key, Supplier<T> task, Executor executor);

    /**
     * Returns a view of a key as a {@link Lock}. All views of equal keys are interchangeable, and locks and permits of a key
     * exclude each other. Creating a view acquires nothing.
     *
     * <p>{@code lock()} waits without limit and ignores interrupts while it waits. {@code unlock()} undoes a {@code lock()} of
     * the same thread through any view, and throws {@link IllegalMonitorStateException} if there is none.
     * {@code newCondition()} throws {@link UnsupportedOperationException}.
     *
     * <p>{@code lock()} and {@code lockInterruptibly()} throw what {@link #acquire(Object, Duration)} throws with
     * {@link KeyedLockerSettings#FOREVER}: {@link LockDeadlockException} if the thread waits in a cycle,
     * {@link KeyedLockerClosedException} if the locker is closed, {@link LockRejectedException} if the queue is full,
     * {@link LockReentryException} if the thread holds the key and the locker is not reentrant, and
     * {@link LockBackendException}. Nothing is locked then. Both {@code tryLock} methods throw what the corresponding
     * {@code tryAcquire} throws.
     *
     * @param key the key
     * @return a view of the key
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
     * @return an immutable copy; each of its keys was active at a moment during the call
     */
    Set<K> activeKeys();

    /**
     * Finds an active key that passes a test, without copying all keys. The test runs outside all locks, for one key at a
     * time, in no particular order, until it accepts one.
     *
     * @param test the test
     * @return a key that was active at a moment during the call, or empty if the test accepts none
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
     * Returns the holders and waiters of a key.
     *
     * <p>The result is the state at one moment if at most a thousand callers wait. A longer queue is copied in portions, so
     * that other keys are not delayed: the holders and the first thousand waiters are those of one moment; each further waiter
     * was waiting at a moment during the call, and all that waited throughout the call are included, in their order.
     *
     * @param key the key
     * @return its state, or empty if it is not active
     */
    Optional<KeySnapshot<K>> snapshot(K key);

    /**
     * Returns the holders and waiters of each active key.
     *
     * @return one snapshot per key, as from {@link #snapshot(Object)}: of each key that was active throughout the call, and of
     *     others that were active at a moment during it
     */
    List<KeySnapshot<K>> snapshot();

    /**
     * Returns the state of this locker in figures, without copying all its keys.
     *
     * @param keys the maximum number of most contended keys to include
     * @return the figures
     * @throws IllegalArgumentException if {@code keys} is negative
     */
    LockerOverview<K> overview(int keys);

    /**
     * Returns whether a thread holds a key of this locker. Searches all active keys, in portions; while new callers are
     * rejected, only for threads that may hold one.
     *
     * @param thread the thread
     * @return true if it owns a permit now
     */
    boolean isHeldBy(Thread thread);

    /**
     * Adds a listener. Has no effect if the listener is already registered, including through {@code create}. Listeners cannot
     * be removed.
     *
     * <p>For a permit that is already held, the listener is notified of {@link KeyedLockerListener#released} only; the time
     * counts from when the hold was first timed or inspected, and is zero if it never was. For a caller that already waits, the
     * listener is notified of the end of the wait.
     *
     * @param listener the listener; notified after those registered before
     */
    void addListener(KeyedLockerListener listener);

    /**
     * Waits for the first moment at which no key is active. A key that becomes active right after that moment does not prolong
     * the wait. To wait until the locker is still idle afterwards, repeat the call:
     *
     * <pre>{@code
     * while (locker.activeKeyCount() > 0) {
     *   locker.awaitIdle();
     * }
     * }</pre>
     *
     * <p>A caller that holds a key of this locker waits forever.
     *
     * @throws InterruptedException if the thread is interrupted before or while it waits
     */
    void awaitIdle() throws InterruptedException;

    /**
     * Waits for the first moment at which no key is active, up to a given time.
     *
     * @param atMost the maximum time to wait
     * @return true if there was such a moment, false if the time has passed
     * @throws InterruptedException if the thread is interrupted before or while it waits
     * @throws IllegalArgumentException if {@code atMost} is negative
     */
    boolean awaitIdle(Duration atMost) throws InterruptedException;

    /**
     * Returns a future that completes at the first moment at which no key is active.
     *
     * @return a new future, which may be cancelled. It is complete on return if no key is active now; otherwise the thread that
     *     releases the last key completes it, outside all locks
     */
    CompletableFuture<Void> whenIdle();

    /**
     * Rejects new callers with {@link KeyedLockerClosedException} until {@link #acceptNewCallers()} is called. Work in progress
     * can end: waiters continue to wait, and threads that hold a key of one of the given lockers may reenter and acquire
     * further keys.
     *
     * @param together the lockers that are drained together with this one
     */
    void rejectNewCallers(Collection<? extends KeyedLocker<?>> together);

    /**
     * Accepts new callers again after {@link #rejectNewCallers(Collection)}. Has no effect if they are not rejected, and does
     * not reopen a closed locker.
     */
    void acceptNewCallers();

    /**
     * Closes this locker for good. New callers are rejected, and all waiters fail, with {@link KeyedLockerClosedException}.
     * Holders keep their permits, may reenter, and release them as usual. Does not wait. Closing again has no effect.
     */
    @Override
    void close();
}
