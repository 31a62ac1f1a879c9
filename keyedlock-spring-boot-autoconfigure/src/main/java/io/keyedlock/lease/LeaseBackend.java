// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

import io.keyedlock.KeyedLockerBackend;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.LockBackendException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The backend of one locker in a {@link LeaseStore}. Its keys exclude each other in all processes that have a locker of the
 * same name in the same store. Created by {@link Leases#backend}.
 *
 * <p>A permit is a lease that is stored under a random id and renewed while it is held.
 *
 * @since 0.1.0
 * @see LeaseSettings
 */
public final class LeaseBackend implements KeyedLockerBackend {

    /** The number of heartbeats that a waiter may miss before others stop waiting for it. */
    private static final int MISSED_HEARTBEATS = 4;

    private static final Duration LEAST_PATIENCE = Duration.ofMillis(100);

    /** The divisor of the lease time for the fraction that covers different speeds of the clocks of two machines. */
    private static final int CLOCK_DRIFT = 100;

    /** How long a differing limit is reported after it was last observed. */
    private static final long OTHER_LIMIT_NANOS = TimeUnit.MINUTES.toNanos(1);

    final long timeoutNanos;

    /** The interval at which a place in a queue is renewed, and a lease after a failed renewal. */
    final long heartbeatNanos;

    /** The interval at which a lease is renewed. */
    final long renewalNanos;

    final long handoffNanos;
    final long maxHoldNanos;

    /** The duration of a lease in this process. Shorter than its duration in the store. */
    final long leaseNanos;

    /** How long after the last call for a request the store may still have its lease or its place. */
    final long rememberedNanos;

    final Leases leases;

    /** The group of requests whose heartbeats are sent together with those of this locker. */
    final Leases.HeartbeatGroup heartbeatGroup;

    private final LeaseStore.Requester requester;
    private final KeyEncoder encoder;
    private final boolean showKeys;
    private final boolean failOnLeaseLost;
    private final AtomicLong lastNumber = new AtomicLong();
    private final LongAdder timeouts = new LongAdder();

    /** The releases that the store has not answered yet, by the name of the key. */
    private final Map<String, CompletableFuture<?>> releasing = new ConcurrentHashMap<>();

    /** The last differing limit of another process, or 0. Written by the thread that receives an answer. */
    private volatile int otherLimit;

    /** When {@link #otherLimit} was last observed. */
    private volatile long otherLimitAt;

    private final AtomicBoolean warnedOfLimit = new AtomicBoolean();

    LeaseBackend(
            Leases leases,
            KeyedLockerSettings locker,
            LeaseSettings settings,
            String process,
            String id,
            String owner) {
        this.leases = leases;
        this.encoder = settings.keyEncoder();
        this.showKeys = locker.showKeys();
        this.failOnLeaseLost = settings.failOnLeaseLost();
        this.timeoutNanos = settings.backendTimeout().toNanos();
        this.handoffNanos = settings.handoffWindow().toNanos();
        this.maxHoldNanos = settings.maxHold().isZero()
                ? Long.MAX_VALUE
                : settings.maxHold().toNanos();
        long lease = settings.leaseTime().toNanos();
        this.leaseNanos = lease - lease / CLOCK_DRIFT;
        this.renewalNanos = lease / 3;
        this.heartbeatNanos = Math.min(renewalNanos, timeoutNanos / 2);
        Duration patience = longer(LEAST_PATIENCE, Duration.ofNanos(MISSED_HEARTBEATS * heartbeatNanos));
        Duration heartbeat = Duration.ofNanos(heartbeatNanos);
        Duration offerTime = leases.store.offerTime();
        this.requester = new LeaseStore.Requester(
                process,
                id,
                owner,
                locker.name(),
                locker.limit(),
                settings.leaseTime(),
                patience,
                heartbeat.compareTo(offerTime) < 0 ? heartbeat : offerTime);
        this.heartbeatGroup = new Leases.HeartbeatGroup(leases.store.partition(requester), timeoutNanos);
        this.rememberedNanos =
                timeoutNanos + Math.max(lease, requester.patience().toNanos());
    }

    private static Duration longer(Duration one, Duration other) {
        return one.compareTo(other) < 0 ? other : one;
    }

    /**
     * Checks that the store can be reached. Waits for its answer for at most twice the backend timeout.
     *
     * @throws LockBackendException if the store cannot be reached
     */
    public void connect() {
        CompletableFuture<Void> answered = new CompletableFuture<>();
        leases.calls.call(leases.store::ping, timeoutNanos, (nothing, failure) -> {
            if (failure == null) {
                answered.complete(null);
            } else {
                answered.completeExceptionally(failure);
            }
        });
        try {
            answered.get(2 * timeoutNanos, TimeUnit.NANOSECONDS);
        } catch (ExecutionException e) {
            throw unavailable(e.getCause());
        } catch (TimeoutException e) {
            throw unavailable(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw unavailable(e);
        }
    }

    private LockBackendException unavailable(@Nullable Throwable cause) {
        return new LockBackendException(
                requester.lock(),
                null,
                "Locker '" + requester.lock() + "' cannot use " + name() + ": " + leases.calls.describe(cause),
                cause);
    }

    @Override
    public String name() {
        return leases.store.name();
    }

    @Override
    public String keyName(Object key) {
        try {
            return encoder.encode(key);
        } catch (UnnamedKeyException e) {
            throw e;
        } catch (RuntimeException | Error e) {
            if (showKeys || e instanceof VirtualMachineError) {
                throw e;
            }
            throw redact(e);
        }
    }

    /** Hides the message of a failure. Messages of keys, encoders and their causes may contain the key. */
    private IllegalArgumentException redact(Throwable failure) {
        IllegalArgumentException redacted = new IllegalArgumentException("A key of '" + requester.lock()
                + "' has no name, since the KeyEncoder failed: "
                + failure.getClass().getName()
                + ". The message is hidden because it may contain the key (keyedlock.show-keys=false).");
        redacted.setStackTrace(failure.getStackTrace());
        return redacted;
    }

    @Override
    public boolean isAvailable() {
        return leases.calls.isAvailable();
    }

    @Override
    public boolean failOnLeaseLost() {
        return failOnLeaseLost;
    }

    @Override
    public long timeouts() {
        return timeouts.sum();
    }

    @Override
    public OptionalInt otherLimit() {
        int other = otherLimit;
        boolean recent = leases.timer.nanoTime() - otherLimitAt < OTHER_LIMIT_NANOS;
        return other != 0 && recent ? OptionalInt.of(other) : OptionalInt.empty();
    }

    @Override
    public CompletionStage<List<Holder>> holdersElsewhere(String keyName) {
        CompletableFuture<List<Holder>> holders = new CompletableFuture<>();
        call(() -> leases.store.holders(requester.lock(), keyName), (found, failure) -> {
            if (found == null || failure != null) {
                holders.completeExceptionally(failure == null ? new IllegalStateException() : failure);
            } else {
                holders.complete(found.stream()
                        .filter(holder -> !holder.requesterId().equals(requester.id()))
                        .map(LeaseStore.Holder::description)
                        .toList());
            }
        });
        return holders;
    }

    // ---- requests

    @Override
    public Request acquire(String keyName, int limit, boolean waits, Receiver receiver) {
        LeaseStore.Claim claim =
                new LeaseStore.Claim(requester.withLimit(limit), lastNumber.incrementAndGet(), keyName, waits);
        LeaseRequest request = new LeaseRequest(this, claim, receiver);
        leases.opened(request);
        try {
            CompletableFuture<?> before = releasing.get(keyName);
            if (before == null) {
                request.ask();
            } else {
                // The answer to the release may take a whole timeout, and this caller must not wait for two.
                request.failUnlessAnswered(timeoutNanos);
                before.whenComplete((released, failure) -> request.ask());
            }
        } catch (RuntimeException | Error e) {
            leases.ended(request);
            throw e;
        }
        return request;
    }

    /** Calls the store. Counts the call if it times out. */
    <T> void call(Supplier<CompletionStage<T>> call, BiConsumer<@Nullable T, @Nullable Throwable> answer) {
        leases.calls.call(call, timeoutNanos, (value, failure) -> {
            if (failure instanceof TimeoutException) {
                timedOut();
            }
            answer.accept(value, failure);
        });
    }

    /** Counts a call that was not answered in time. */
    void timedOut() {
        timeouts.increment();
    }

    /** Records a limit that another process uses. Logs the first one. */
    void sawLimit(int own, int other) {
        if (other == 0) {
            return;
        }
        otherLimit = other;
        otherLimitAt = leases.timer.nanoTime();
        if (warnedOfLimit.compareAndSet(false, true)) {
            Leases.LOG.warn(
                    "Locker '" + requester.lock() + "' has the limit " + own
                            + " in this process and " + other + " in another. Each process admits callers up to its own"
                            + " limit. Configure one limit in all of them.",
                    null);
        }
    }

    /**
     * Releases the lease or the place that the store may have for a request.
     *
     * @param expected whether the store should have a lease; if it has none, the loss is reported
     */
    @SuppressWarnings("CollectionUndefinedEquality") // compares by identity on purpose
    void release(LeaseRequest request, boolean expected) {
        leases.releaseSent(request);
        String key = request.claim.key();
        CompletableFuture<Void> released = new CompletableFuture<>();
        releasing.put(key, released);
        leases.releasing.add(released);
        call(() -> leases.store.release(request.claim), (held, failure) -> {
            releasing.remove(key, released);
            released.complete(null);
            if (failure != null) {
                leases.repeatReleaseLater(request);
            } else if (expected && Boolean.FALSE.equals(held)) {
                request.wasLost();
            }
            leases.released(released);
        });
    }

    /**
     * Waits until the store has answered the pending releases, for at most the backend timeout. The store's client may be shut
     * down next, and a release that does not arrive blocks its key until the lease ends.
     */
    @Override
    public void close() {
        leases.await(releasing.values(), timeoutNanos, "'" + requester.lock() + "'");
    }
}
