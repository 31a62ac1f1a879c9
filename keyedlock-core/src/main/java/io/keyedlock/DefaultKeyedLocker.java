// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

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

/** Implements the public methods of a locker: with the {@link Engine}, and by waiting where an attempt brought no permit. */
final class DefaultKeyedLocker<K> extends Engine implements KeyedLocker<K> {

    private final long waitNanos;

    private DefaultKeyedLocker(
            KeyedLockerSettings settings,
            @Nullable KeyedLockerListener listener,
            @Nullable KeyedLockerBackend backend,
            Clock clock) {
        super(settings, listener, backend, clock);
        this.waitNanos = nanos(settings.waitTime());
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
        add(Objects.requireNonNull(listener, "listener"));
    }

    static long nanos(Duration time) {
        if (Objects.requireNonNull(time, "waitTime").isNegative()) {
            throw new IllegalArgumentException("waitTime must not be negative, but is " + time);
        }
        return time.toSeconds() >= Long.MAX_VALUE / 1_000_000_000 ? Long.MAX_VALUE : time.toNanos();
    }

    private void failIfInterrupted(Object key) throws InterruptedException {
        if (Thread.interrupted()) {
            reportRejected(key, RejectReason.INTERRUPTED);
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
        AcquireResult end = conclude(attempted, key, nanos, waitTime, true);
        throwIfInterrupted(end);
        return permitOrThrow(end, attempted, key, waitTime);
    }

    /** Acquires a permit, waiting without limit and ignoring interrupts. */
    Permit acquireUninterruptibly(Object key, int hash) {
        AcquireResult attempted = attempt(key, hash, Long.MAX_VALUE);
        if (attempted instanceof Hold permit) {
            return acquiredAtOnce(permit);
        }
        Duration forever = KeyedLockerSettings.FOREVER;
        return permitOrThrow(conclude(attempted, key, Long.MAX_VALUE, forever, false), attempted, key, forever);
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
        // A caller that does not wait still waits for the backend's answer, which always arrives.
        return permitOrNull(conclude(attempted, key, 0, null, false), attempted, key, null);
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
        AcquireResult end = conclude(attempted, key, nanos, waitTime, nanos != 0);
        throwIfInterrupted(end);
        return permitOrNull(end, attempted, key, waitTime);
    }

    /**
     * Concludes an attempt that did not bring a new hold: waits if the caller was enqueued, and notifies the listeners of the
     * end.
     *
     * @param waitTime the wait time that the caller specified, or null for a call that does not wait
     * @return the permit, or the reason why there is none
     */
    private AcquireResult conclude(
            AcquireResult attempted, Object key, long nanos, @Nullable Duration waitTime, boolean interruptible) {
        Waiter waiter = attempted instanceof Waiter enqueued ? enqueued : null;
        AcquireResult end = waiter == null ? attempted : waiter.await(nanos, interruptible);
        if (!(end instanceof RejectReason rejection)) {
            return end;
        }
        RejectReason reason = rejection.within(waitTime);
        if (waiter != null) {
            waiter.reportEnd(reason);
        } else {
            reportRejected(key, reason);
        }
        return reason;
    }

    private static void throwIfInterrupted(AcquireResult end) throws InterruptedException {
        if (end == RejectReason.INTERRUPTED) {
            Thread.interrupted();
            throw new InterruptedException();
        }
    }

    /** Returns the permit of a concluded attempt, or throws the exception for the reason. */
    private Permit permitOrThrow(AcquireResult end, AcquireResult attempted, Object key, @Nullable Duration waitTime) {
        if (end instanceof RejectReason reason) {
            throw Messages.failure(this, reason, key, waitTime, attempted instanceof Waiter waiter ? waiter : null);
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

    @Override
    public Lock asLock(K key) {
        return new LockView(this, key, hash(key));
    }

    // ---- futures

    @Override
    public CompletableFuture<Permit> acquireAsync(K key) {
        return PermitFuture.acquire(this, key, hash(key), waitNanos, settings.waitTime(), false);
    }

    @Override
    public CompletableFuture<Permit> acquireAsync(K key, Duration waitTime) {
        return PermitFuture.acquire(this, key, hash(key), nanos(waitTime), waitTime, false);
    }

    @Override
    public CompletableFuture<Permit> tryAcquireAsync(K key) {
        return PermitFuture.acquire(this, key, hash(key), 0, null, false);
    }

    @Override
    public <T> CompletableFuture<T> supplyAsync(K key, Supplier<T> task, Executor executor) {
        Objects.requireNonNull(task, "task");
        Objects.requireNonNull(executor, "executor");
        return new KeyedTask<>(task, executor)
                .start(PermitFuture.acquire(this, key, hash(key), waitNanos, settings.waitTime(), false));
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
        return Inspection.isActive(this, key, hash(key));
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
    public void rejectNewCallers(Collection<? extends KeyedLocker<?>> together) {
        startDraining(List.copyOf(together));
    }

    @Override
    public void acceptNewCallers() {
        stopDraining();
    }

    @Override
    public boolean isHeldBy(Thread thread) {
        return holds(Objects.requireNonNull(thread, "thread"));
    }

    @Override
    public void close() {
        if (markClosed()) {
            // A caller that read the old state under a stripe's lock is in that stripe when it is locked here.
            stripes.endAllWaits();
            if (backend != null) {
                backend.close();
            }
        }
    }
}
