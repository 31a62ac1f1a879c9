// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

import io.keyedlock.KeyedLockerSettings;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongBinaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The leases of one application in one store. Creates the backends of its lockers and renews their leases.
 *
 * <pre>{@code
 * Leases leases = Leases.create(store, "shop on host-1");
 * KeyedLockerSettings settings = KeyedLockerSettings.defaults().withName("orders");
 * KeyedLocker<String> orders =
 *     KeyedLocker.createOn(leases.backend(settings, LeaseSettings.defaults()), settings);
 * }</pre>
 *
 * <p>Close the lockers before this object.
 *
 * @since 0.1.0
 * @see LeaseStore
 */
public final class Leases implements AutoCloseable {

    /*
     * THREADS
     * Callers' threads call the store. Its answers arrive on the driver's threads, which run no blocking code here.
     * One thread (the timer) ends calls that are not answered in time and sends heartbeats. One heartbeat call for all lockers
     * of a HeartbeatGroup renews their leases and places in queues. It finds lost leases, and turns whose notification did not
     * arrive. Nothing is sent while no lease is held, awaited or to be released, except one ping every 30 s.
     *
     * WHAT REMAINS IN THE STORE
     * Once the store answers again, a request that is over or a lease that was released leaves only a tombstone.
     * A cancellation or release is sent to the store immediately. If the store does not answer it, or did not answer the
     * acquire call before, the release is unconfirmed. It is repeated after the next answered heartbeat or ping, or
     * dropped when the store must have removed the request by itself.
     *
     * RACES
     * Answer against timeout, cancellation or failure: the state of LeaseRequest decides. The loser releases the lease or place
     * that the store may have. Releasing more than once is harmless, because no claim id is used twice.
     * Unconfirmed release against a new request for its key: either order is correct, because a release offers the lease to
     * the next waiter.
     * Renewal against release: a release ends the state HELD before it calls the store. A heartbeat that then finds no lease
     * reports nothing.
     * Late answer of a heartbeat against a newer answer: the end of a lease only moves forward.
     * New request against an earlier release of the same key: the request is sent after the release was answered, so that the
     * lease of its own process does not block it.
     * Failure against close: the client may be shut down after close has returned, so later failures are not reported.
     */

    static final LeaseLog LOG = new LeaseLog(Leases.class);

    private static final long PING_NANOS = TimeUnit.SECONDS.toNanos(30);

    /** Two heartbeats that are due within a quarter of their interval are sent together. */
    private static final int COALESCE = 4;

    final LeaseStore store;
    final StoreCalls calls;
    final LeaseTimer timer;

    /** Computes the end of a lease from its previous end and the end after a renewal. Tests inject a fault here. */
    final LongBinaryOperator renewal;

    /**
     * The requests whose heartbeats are sent in one call.
     *
     * @param partition the part of the store that has their leases
     * @param timeoutNanos the timeout of the call
     */
    record HeartbeatGroup(Object partition, long timeoutNanos) {}

    private final String process;
    private final String owner;
    private final AtomicInteger lockers = new AtomicInteger();

    /** The requests that are open or hold a lease, by claim id. */
    private final Map<String, LeaseRequest> requests = new ConcurrentHashMap<>();

    /** The requests whose release must be repeated, by claim id; see above. */
    private final Map<String, LeaseRequest> unconfirmed = new ConcurrentHashMap<>();

    /** The releases that the store has not answered yet. */
    final Set<CompletableFuture<?>> releasing = ConcurrentHashMap.newKeySet();

    private volatile boolean closed;

    private final Alarm alarm;

    Leases(LeaseStore store, String owner, LeaseTimer timer, String process, LongBinaryOperator renewal) {
        this.store = store;
        this.owner = owner;
        this.timer = timer;
        this.process = process;
        this.renewal = renewal;
        this.calls = new StoreCalls(timer, store.name());
        this.alarm = new Alarm(timer, this::tick);
        store.listen(process, new LeaseStore.TurnListener() {
            @Override
            public void turn(String claimId) {
                LeaseRequest request = requests.get(claimId);
                if (request != null) {
                    request.ask();
                }
            }

            @Override
            public void listening() {
                requests.values().forEach(LeaseRequest::askAgain);
            }
        });
    }

    /**
     * Creates the leases of this process. The store need not be reachable yet; see {@link LeaseBackend#connect()}.
     *
     * @param store the store, which is closed with this object
     * @param owner the name of this process as a holder in other processes
     * @return new leases
     */
    public static Leases create(LeaseStore store, String owner) {
        Objects.requireNonNull(owner, "owner");
        byte[] bytes = new byte[9];
        new SecureRandom().nextBytes(bytes);
        return new Leases(
                store,
                owner,
                LeaseTimer.create("keyedlock-leases"),
                HexFormat.of().formatHex(bytes),
                Math::max);
    }

    /**
     * Creates the backend of one locker.
     *
     * @param locker the settings of the locker: its name, its limit, and whether keys may be shown
     * @param settings how the locker uses the store
     * @return a new backend
     */
    public LeaseBackend backend(KeyedLockerSettings locker, LeaseSettings settings) {
        if (!locker.showKeys()) {
            calls.hideKeys();
        }
        alarm.by(timer.nanoTime() + PING_NANOS);
        String id = process + "." + Integer.toString(lockers.incrementAndGet(), Character.MAX_RADIX);
        return new LeaseBackend(this, locker, settings, process, id, owner);
    }

    // ---- requests

    void opened(LeaseRequest request) {
        requests.put(request.claim.id(), request);
    }

    /** Ensures that the next heartbeat, which then includes a new waiter or holder, is sent at this time or earlier. */
    void renewBy(long time) {
        schedule(time);
    }

    void ended(LeaseRequest request) {
        requests.remove(request.claim.id(), request);
    }

    /** Registers a release to be repeated when the store answers again. */
    void repeatReleaseLater(LeaseRequest request) {
        long now = timer.nanoTime();
        if (request.mayBeKnown(now)) {
            unconfirmed.put(request.claim.id(), request);
            schedule(now + request.backend.heartbeatNanos);
        }
    }

    /** Records that the store has answered a release, or that the release has failed. */
    @SuppressWarnings("CollectionUndefinedEquality") // compares by identity on purpose
    void released(CompletableFuture<?> release) {
        releasing.remove(release);
        if (closed) {
            // This may have been the last release.
            alarm.by(timer.nanoTime());
        }
    }

    void releaseSent(LeaseRequest request) {
        unconfirmed.remove(request.claim.id());
    }

    /** Returns the number of requests that may remain in the store because it could not be reached. */
    int unconfirmedReleases() {
        return unconfirmed.size();
    }

    // ---- heartbeats

    /** Schedules a tick. A failure, for lack of memory, must not keep the caller from notifying a receiver. */
    private void schedule(long time) {
        try {
            alarm.by(time);
        } catch (RuntimeException | Error e) {
            LOG.error("A heartbeat to " + store.name() + " could not be scheduled in time", e);
        }
    }

    private void tick() {
        long now = timer.nanoTime();
        long next = PING_NANOS;
        boolean mayStop = closed;
        try {
            Map<HeartbeatGroup, List<LeaseRequest>> due = new LinkedHashMap<>();
            for (LeaseRequest request : requests.values()) {
                long wait = request.untilHeartbeat(now);
                if (wait <= request.backend.heartbeatNanos / COALESCE) {
                    request.heartbeatSent(now);
                    due.computeIfAbsent(request.backend.heartbeatGroup, group -> new ArrayList<>())
                            .add(request);
                    wait = request.untilHeartbeat(now);
                }
                next = Math.min(next, Math.min(wait, request.untilEnd(now)));
            }
            unconfirmed.values().removeIf(request -> !request.mayBeKnown(now));
            for (LeaseRequest request : unconfirmed.values()) {
                next = Math.min(next, request.backend.heartbeatNanos);
            }
            if (mayStop && requests.isEmpty() && unconfirmed.isEmpty() && releasing.isEmpty()) {
                stop();
                return;
            }
            due.forEach((group, batch) -> heartbeat(batch, group.timeoutNanos(), now));
            if (due.isEmpty() && (!unconfirmed.isEmpty() || now - calls.succeededAt() >= PING_NANOS)) {
                ping();
            }
        } catch (RuntimeException | Error e) {
            next = TimeUnit.MILLISECONDS.toNanos(100);
            LOG.error("Leases in " + store.name() + " could not be renewed this time", e);
        }
        // If this tick did not see a close, the close has scheduled the next tick itself.
        alarm.by(now + next);
    }

    private void heartbeat(List<LeaseRequest> batch, long timeoutNanos, long sent) {
        List<LeaseStore.Claim> claims =
                batch.stream().map(request -> request.claim).toList();
        calls.call(
                () -> store.heartbeat(claims),
                timeoutNanos,
                (answers, failure) -> heartbeatAnswered(batch, sent, answers, failure));
    }

    private void heartbeatAnswered(
            List<LeaseRequest> batch,
            long sent,
            @Nullable List<LeaseStore.Heartbeat> answers,
            @Nullable Throwable failure) {
        Throwable reason = failure;
        if (reason == null && (answers == null || answers.size() != batch.size())) {
            reason = new IllegalStateException(store.name() + " did not answer each claim of a heartbeat");
        }
        if (reason instanceof TimeoutException) {
            batch.stream().map(request -> request.backend).distinct().forEach(LeaseBackend::timedOut);
        }
        if (answers == null || reason != null) {
            for (LeaseRequest request : batch) {
                request.heartbeatFailed(Objects.requireNonNull(reason));
            }
            return;
        }
        for (int i = 0; i < batch.size(); i++) {
            if (answers.get(i) == LeaseStore.Heartbeat.UNKNOWN) {
                batch.get(i).heartbeatFailed(new IllegalStateException(store.name() + " could not renew the key"));
            } else {
                batch.get(i).heartbeatAnswered(sent, answers.get(i));
            }
        }
        repeatReleases();
    }

    private void ping() {
        long timeout = unconfirmed.values().stream()
                .mapToLong(request -> request.backend.timeoutNanos)
                .min()
                .orElse(LeaseSettings.defaults().backendTimeout().toNanos());
        calls.call(store::ping, timeout, (nothing, failure) -> {
            if (failure == null) {
                repeatReleases();
            }
        });
    }

    private void repeatReleases() {
        if (!unconfirmed.isEmpty()) {
            long now = timer.nanoTime();
            for (LeaseRequest request : List.copyOf(unconfirmed.values())) {
                if (unconfirmed.remove(request.claim.id(), request) && request.mayBeKnown(now)) {
                    request.backend.release(request, false);
                }
            }
        }
    }

    // ---- close

    /**
     * Waits until the store has answered the pending releases. A release that does not arrive blocks its key until the lease
     * ends. Call this method before the connections of the store are closed.
     *
     * @param timeout the longest wait
     */
    public void awaitReleases(Duration timeout) {
        await(releasing, timeout.toNanos(), "this application");
    }

    /** Waits until the store has answered the given releases. */
    void await(Collection<CompletableFuture<?>> releases, long nanos, String releaser) {
        CompletableFuture<?> released =
                CompletableFuture.allOf(List.copyOf(releases).toArray(new CompletableFuture<?>[0]));
        try {
            released.get(nanos, TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException e) {
            LOG.info(store.name() + " has not answered all releases of " + releaser);
        }
    }

    /** Stops reporting failures. Ends the timer and closes the store once the last lease has been released. */
    @Override
    public void close() {
        closed = true;
        calls.closing();
        alarm.by(timer.nanoTime());
    }

    private void stop() {
        timer.shutdown();
        try {
            store.close();
        } catch (RuntimeException e) {
            LOG.error(store.name() + " could not be closed", e);
        }
    }
}
