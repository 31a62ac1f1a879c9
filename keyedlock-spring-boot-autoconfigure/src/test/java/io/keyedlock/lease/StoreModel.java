// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

import io.keyedlock.KeyedLockerBackend;
import io.keyedlock.lease.LeaseStore.Claim;
import io.keyedlock.lease.LeaseStore.Grant;
import io.keyedlock.lease.LeaseStore.Heartbeat;
import io.keyedlock.lease.LeaseStore.Holder;
import io.keyedlock.lease.LeaseStore.Outcome;
import java.time.Duration;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.ObjLongConsumer;
import java.util.stream.Stream;

/**
 * A store of leases as a state machine without threads. Every call gets the time and completes at once. Specifies
 * the steps of a real store and can reproduce the faults that stores had.
 */
final class StoreModel {

    /** A fault that a store had and that the model can reproduce. */
    enum Fault {
        /** Tokens come from a counter that is seeded with the time once. */
        COUNTER_TOKENS,
        /** The first holder's limit applies to all, and a claim with another is rejected. */
        ONE_LIMIT,
        /** Released claims are forgotten at once. */
        NO_TOMBSTONES,
        /** A waiter without a heartbeat keeps its place. */
        IMMORTAL_WAITERS,
        /** A waiter precedes others until it was offered a lease, even if it sends no heartbeats. */
        SILENT_WAITERS,
        /** All lockers have one partition, so a heartbeat fails if one of them cannot be reached. */
        ONE_PARTITION
    }

    /** The parts of a key that a server may evict. */
    enum Part {
        HOLDERS,
        QUEUE,
        SIGNS_OF_LIFE,
        TOMBSTONES,
        TOKEN
    }

    record Place(String lock, String key) implements Comparable<Place> {
        @Override
        public int compareTo(Place other) {
            int byLock = lock.compareTo(other.lock);
            return byLock != 0 ? byLock : key.compareTo(other.key);
        }
    }

    private static final class Lease {
        final Claim claim;
        final long token;
        long ends;

        Lease(Claim claim, long token, long ends) {
            this.claim = claim;
            this.token = token;
            this.ends = ends;
        }
    }

    private static final class Waiter {
        final Claim claim;

        /** The time until which the waiter is considered present; 0 if that was evicted. */
        long until;

        /** The time since which a free lease is offered to it, or 0. */
        long offeredAt;

        /** The time at which it was queued or sent its last heartbeat. */
        long heartbeatAt;

        Waiter(Claim claim) {
            this.claim = claim;
        }
    }

    private record Tombstone(long number, long until) {}

    private static final class KeyState {
        final Map<String, Lease> holders = new LinkedHashMap<>();
        final Map<String, Waiter> queue = new LinkedHashMap<>();
        final Map<String, Tombstone> tombstones = new LinkedHashMap<>();

        KeyState copy() {
            KeyState copy = new KeyState();
            holders.forEach((id, lease) -> copy.holders.put(id, new Lease(lease.claim, lease.token, lease.ends)));
            queue.forEach((id, waiter) -> {
                Waiter same = new Waiter(waiter.claim);
                same.until = waiter.until;
                same.offeredAt = waiter.offeredAt;
                same.heartbeatAt = waiter.heartbeatAt;
                copy.queue.put(id, same);
            });
            copy.tombstones.putAll(tombstones);
            return copy;
        }
    }

    final Set<Fault> faults = EnumSet.noneOf(Fault.class);

    private final Map<Place, KeyState> keys = new TreeMap<>();
    private final Map<String, Long> lastTokens = new HashMap<>();

    /** Receives the ids of claims to which a free lease is offered. */
    private final Consumer<Claim> offers;

    /** Receives each new lease: its claim and its token. */
    private final ObjLongConsumer<Claim> grants;

    StoreModel(Consumer<Claim> offers, ObjLongConsumer<Claim> grants) {
        this.offers = offers;
        this.grants = grants;
    }

    // ---- calls; times are microseconds

    Grant acquire(Claim claim, long now) {
        KeyState state = state(claim);
        endLeases(state, now);
        String id = claim.id();
        Lease own = state.holders.get(id);
        int other = otherLimit(state, claim);
        if (own != null) {
            own.ends = Math.max(own.ends, now + micros(claim.requester().leaseTime()));
            return new Grant(Outcome.GRANTED, own.token, other);
        }
        Tombstone tombstone = state.tombstones.get(claim.requester().id());
        if (!faults.contains(Fault.NO_TOMBSTONES)
                && tombstone != null
                && tombstone.until > now
                && claim.number() <= tombstone.number
                && !state.queue.containsKey(id)) {
            return new Grant(Outcome.TAKEN, 0, other);
        }
        if (faults.contains(Fault.ONE_LIMIT) && other != 0) {
            throw new IllegalStateException("another process has the limit " + other);
        }
        Waiter waiter = state.queue.get(id);
        boolean granted = state.holders.size() < claim.requester().limit()
                && offer(state, claim, waiter == null || waiter.offeredAt == 0 ? 0 : waiter.heartbeatAt, now);
        if (granted) {
            state.queue.remove(id);
            long token = nextToken(claim.requester().lock(), now);
            state.holders.put(
                    id, new Lease(claim, token, now + micros(claim.requester().leaseTime())));
            grants.accept(claim, token);
            return new Grant(Outcome.GRANTED, token, other);
        }
        if (!claim.waits()) {
            return new Grant(Outcome.TAKEN, 0, other);
        }
        if (waiter == null || !state.queue.containsKey(id)) {
            waiter = new Waiter(claim);
            waiter.heartbeatAt = now;
            state.queue.put(id, waiter);
        }
        waiter.until = now + micros(claim.requester().patience());
        waiter.offeredAt = 0;
        return new Grant(Outcome.QUEUED, 0, other);
    }

    boolean release(Claim claim, long now) {
        KeyState state = state(claim);
        String id = claim.id();
        Lease own = state.holders.remove(id);
        state.queue.remove(id);
        String requester = claim.requester().id();
        Tombstone before = state.tombstones.get(requester);
        boolean again = before != null && before.until > now && before.number == claim.number();
        long number = before == null ? claim.number() : Math.max(before.number, claim.number());
        state.tombstones.put(
                requester, new Tombstone(number, now + micros(claim.requester().tombstoneTime())));
        endLeases(state, now);
        offer(state, null, 0, now);
        return again || (own != null && own.ends > now);
    }

    Heartbeat heartbeat(Claim claim, long now) {
        KeyState state = state(claim);
        endLeases(state, now);
        Lease own = state.holders.get(claim.id());
        if (own != null) {
            own.ends = Math.max(own.ends, now + micros(claim.requester().leaseTime()));
            return Heartbeat.RENEWED;
        }
        Waiter waiter = state.queue.get(claim.id());
        if (waiter == null || !mayWait(waiter, now)) {
            state.queue.remove(claim.id());
            return Heartbeat.GONE;
        }
        waiter.until = now + micros(claim.requester().patience());
        long previous = waiter.heartbeatAt;
        waiter.heartbeatAt = now;
        if (offer(state, claim, previous, now)) {
            return Heartbeat.ITS_TURN;
        }
        waiter.offeredAt = 0;
        return Heartbeat.WAITING;
    }

    List<Holder> holders(String lock, String key, long now) {
        KeyState state = keys.get(new Place(lock, key));
        if (state == null) {
            return List.of();
        }
        endLeases(state, now);
        return state.holders.values().stream()
                .map(lease -> new Holder(
                        lease.claim.requester().id(),
                        new KeyedLockerBackend.Holder(
                                lease.claim.requester().owner(),
                                Duration.ofMillis(Math.max(0, (now - lease.token) / 1_000)),
                                Duration.ofMillis((lease.ends - now) / 1_000))))
                .toList();
    }

    // ---- rules

    /**
     * Offers free leases to the waiters whose turn it is. A waiter precedes those behind it, unless it was offered a lease
     * some time ago and has not taken it, or has sent no heartbeat since the previous one of the claim that asks.
     *
     * @param asking a claim that asks, or null
     * @param since the previous heartbeat of that claim, or 0
     * @return whether a lease is free for that claim
     */
    private boolean offer(KeyState state, Claim asking, long since, long now) {
        int taken = state.holders.size();
        Iterator<Waiter> waiters = state.queue.values().iterator();
        while (waiters.hasNext()) {
            Waiter waiter = waiters.next();
            boolean mayTake = taken < waiter.claim.requester().limit();
            if (asking != null && waiter.claim.id().equals(asking.id())) {
                if (mayTake && waiter.offeredAt == 0) {
                    waiter.offeredAt = now;
                }
                return mayTake;
            }
            if (!mayWait(waiter, now)) {
                waiters.remove();
            } else if (precedes(waiter, since, now)) {
                if (!mayTake) {
                    return false;
                }
                if (waiter.offeredAt == 0) {
                    waiter.offeredAt = now;
                    offers.accept(waiter.claim);
                }
                taken++;
            } else if (asking == null && mayTake) {
                offers.accept(waiter.claim);
            }
        }
        return asking != null && taken < asking.requester().limit();
    }

    private boolean precedes(Waiter waiter, long since, long now) {
        boolean alwaysDoes = faults.contains(Fault.IMMORTAL_WAITERS);
        return waiter.offeredAt == 0
                ? waiter.heartbeatAt >= since || alwaysDoes || faults.contains(Fault.SILENT_WAITERS)
                : now - waiter.offeredAt <= micros(waiter.claim.requester().offerTime()) || alwaysDoes;
    }

    private boolean mayWait(Waiter waiter, long now) {
        return waiter.until > now || (waiter.until == 0 && faults.contains(Fault.IMMORTAL_WAITERS));
    }

    private static int otherLimit(KeyState state, Claim claim) {
        return state.holders.values().stream()
                .filter(lease ->
                        !lease.claim.requester().id().equals(claim.requester().id()))
                .mapToInt(lease -> lease.claim.requester().limit())
                .filter(limit -> limit != claim.requester().limit())
                .findFirst()
                .orElse(0);
    }

    private long nextToken(String lock, long now) {
        long last = lastTokens.getOrDefault(lock, 0L);
        long next = faults.contains(Fault.COUNTER_TOKENS) ? (last == 0 ? now : last + 1) : Math.max(last + 1, now);
        lastTokens.put(lock, next);
        return next;
    }

    private static void endLeases(KeyState state, long now) {
        state.holders.values().removeIf(lease -> lease.ends <= now);
    }

    private KeyState state(Claim claim) {
        return keys.computeIfAbsent(new Place(claim.requester().lock(), claim.key()), place -> new KeyState());
    }

    private static long micros(Duration duration) {
        return duration.toNanos() / 1_000;
    }

    // ---- for tests

    /** Copies the state, like a replica or a snapshot on disk. */
    Runnable snapshot() {
        Map<Place, KeyState> copy = new TreeMap<>();
        keys.forEach((place, state) -> copy.put(place, state.copy()));
        Map<String, Long> tokens = new HashMap<>(lastTokens);
        return () -> {
            keys.clear();
            copy.forEach((place, state) -> keys.put(place, state.copy()));
            lastTokens.clear();
            lastTokens.putAll(tokens);
        };
    }

    void evict(Place place, Part part) {
        KeyState state = keys.get(place);
        if (state == null) {
            return;
        }
        switch (part) {
            case HOLDERS -> state.holders.clear();
            case QUEUE -> state.queue.clear();
            case SIGNS_OF_LIFE -> state.queue.values().forEach(waiter -> waiter.until = 0);
            case TOMBSTONES -> state.tombstones.clear();
            case TOKEN -> lastTokens.remove(place.lock());
        }
    }

    /** Returns the remaining microseconds of the lease of a claim; 0 or less if it has none. */
    long leftOf(Claim claim, long now) {
        Lease lease = state(claim).holders.get(claim.id());
        return lease == null ? 0 : lease.ends - now;
    }

    int holderCount(Place place, long now) {
        KeyState state = keys.get(place);
        return state == null
                ? 0
                : (int) state.holders.values().stream()
                        .filter(lease -> lease.ends > now)
                        .count();
    }

    int waiterCount(Place place, long now) {
        KeyState state = keys.get(place);
        return state == null
                ? 0
                : (int) state.queue.values().stream()
                        .filter(waiter -> mayWait(waiter, now))
                        .count();
    }

    /** Returns when the last lease of a key ends, or 0 if there is none. */
    long endOfLease(Place place) {
        KeyState state = keys.get(place);
        return state == null
                ? 0
                : state.holders.values().stream()
                        .mapToLong(lease -> lease.ends)
                        .max()
                        .orElse(0);
    }

    /** Returns the remaining data except tombstones and tokens. */
    List<String> left(long now) {
        return keys.entrySet().stream()
                .flatMap(entry -> Stream.concat(
                        entry.getValue().holders.values().stream()
                                .filter(lease -> lease.ends > now)
                                .map(lease -> entry.getKey() + " is held by " + lease.claim.id()),
                        entry.getValue().queue.values().stream()
                                .filter(waiter -> mayWait(waiter, now))
                                .map(waiter -> entry.getKey() + " is awaited by " + waiter.claim.id())))
                .toList();
    }
}
