// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import io.keyedlock.KeyText;
import io.keyedlock.KeyedLockerBackend;
import io.keyedlock.lease.LeaseStore.Claim;
import io.keyedlock.lease.LeaseStore.Grant;
import io.keyedlock.lease.LeaseStore.Heartbeat;
import io.keyedlock.lease.LeaseStore.Holder;
import io.keyedlock.lease.LeaseStore.Outcome;
import io.keyedlock.lease.LeaseStore.Requester;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The leases, waiters and released claims of one key, as its row stores them. Times are microseconds of the database.
 *
 * <p>The text of a state has one line for each lease ({@code lease claim limit token end owner}), for each waiter in the order of
 * the queue ({@code waits claim limit until offered offerTime heartbeat}) and for each requester that released a claim
 * recently ({@code released requester number until}). {@link SingleStatements} reads and writes it in SQL.
 *
 * <p>Not thread-safe; the row is locked while a state of it changes.
 */
final class KeyState {

    private static final int LONGEST_OWNER = 200;

    private static final class Lease {
        final String claimId;
        final int limit;
        final long token;
        final String owner;
        long ends;

        Lease(String claimId, int limit, long token, long ends, String owner) {
            this.claimId = claimId;
            this.limit = limit;
            this.token = token;
            this.ends = ends;
            this.owner = owner;
        }
    }

    private static final class Waiter {
        final String claimId;
        final int limit;

        /** Until when it is believed to wait. */
        long until;

        /** Since when a free lease is offered to it, or 0. */
        long offeredAt;

        /** How long an offer lasts. */
        long offerTime;

        /** When it was queued or sent its last heartbeat. */
        long heartbeatAt;

        Waiter(String claimId, int limit) {
            this.claimId = claimId;
            this.limit = limit;
        }

        boolean precedes(long since, long now) {
            return offeredAt == 0 ? heartbeatAt >= since : now - offeredAt <= offerTime;
        }
    }

    private record Released(long number, long until) {}

    private final Map<String, Lease> leases = new LinkedHashMap<>();
    private final Map<String, Waiter> queue = new LinkedHashMap<>();
    private final Map<String, Released> released = new LinkedHashMap<>();

    /** The last fencing token of the key. */
    private long token;

    KeyState(long token, String text) {
        this.token = token;
        text.lines().forEach(line -> {
            String[] parts = line.split(" ", -1);
            switch (parts[0]) {
                case "lease" -> {
                    String owner = line.split(" ", 6)[5];
                    leases.put(
                            parts[1],
                            new Lease(
                                    parts[1],
                                    Integer.parseInt(parts[2]),
                                    Long.parseLong(parts[3]),
                                    Long.parseLong(parts[4]),
                                    owner));
                }
                case "waits" -> {
                    Waiter waiter = new Waiter(parts[1], Integer.parseInt(parts[2]));
                    waiter.until = Long.parseLong(parts[3]);
                    waiter.offeredAt = Long.parseLong(parts[4]);
                    waiter.offerTime = Long.parseLong(parts[5]);
                    waiter.heartbeatAt = Long.parseLong(parts[6]);
                    queue.put(waiter.claimId, waiter);
                }
                case "released" ->
                    released.put(parts[1], new Released(Long.parseLong(parts[2]), Long.parseLong(parts[3])));
                default ->
                    throw new IllegalStateException("The state of the key has a line '" + parts[0]
                            + "', which a newer version has written. Update this application");
            }
        });
    }

    String text() {
        StringBuilder text = new StringBuilder();
        leases.values()
                .forEach(
                        lease -> line(text, "lease", lease.claimId, lease.limit, lease.token, lease.ends, lease.owner));
        queue.values()
                .forEach(waiter -> line(
                        text,
                        "waits",
                        waiter.claimId,
                        waiter.limit,
                        waiter.until,
                        waiter.offeredAt,
                        waiter.offerTime,
                        waiter.heartbeatAt));
        released.forEach((requester, claim) -> line(text, "released", requester, claim.number, claim.until));
        return text.toString();
    }

    private static void line(StringBuilder text, Object... words) {
        String separator = "";
        for (Object word : words) {
            text.append(separator).append(word);
            separator = " ";
        }
        text.append('\n');
    }

    long token() {
        return token;
    }

    /** Returns whether claims wait, or would have to wait as the limit of a lease is reached. */
    boolean isContended() {
        return !queue.isEmpty() || leases.values().stream().anyMatch(lease -> leases.size() >= lease.limit);
    }

    /** Returns the time from which on nothing but the token is needed. */
    long neededUntil(long now) {
        long until = now;
        for (Lease lease : leases.values()) {
            until = Math.max(until, lease.ends);
        }
        for (Waiter waiter : queue.values()) {
            until = Math.max(until, waiter.until);
        }
        for (Released claim : released.values()) {
            until = Math.max(until, claim.until);
        }
        return until;
    }

    // ---- the calls of a store; offers receive the ids of claims to which a free lease is offered

    Grant acquire(Claim claim, long now, List<String> offers) {
        forget(now);
        Requester requester = claim.requester();
        Lease own = leases.get(claim.id());
        int other = otherLimit(requester, now);
        if (own != null) {
            own.ends = Math.max(own.ends, now + micros(requester.leaseTime()));
            return new Grant(Outcome.GRANTED, own.token, other);
        }
        Released before = released.get(requester.id());
        Waiter waiter = queue.get(claim.id());
        if (before != null && claim.number() <= before.number && waiter == null) {
            return new Grant(Outcome.TAKEN, 0, other);
        }
        if (leases.size() < requester.limit() && offer(claim, since(waiter), now, offers)) {
            queue.remove(claim.id());
            token = Math.max(token + 1, now);
            leases.put(
                    claim.id(),
                    new Lease(
                            claim.id(),
                            requester.limit(),
                            token,
                            now + micros(requester.leaseTime()),
                            owner(requester)));
            return new Grant(Outcome.GRANTED, token, other);
        }
        if (!claim.waits()) {
            return new Grant(Outcome.TAKEN, 0, other);
        }
        if (waiter == null) {
            waiter = new Waiter(claim.id(), requester.limit());
            waiter.offerTime = micros(requester.offerTime());
            waiter.heartbeatAt = now;
            queue.put(claim.id(), waiter);
        }
        waiter.until = Math.max(waiter.until, now + micros(requester.patience()));
        waiter.offeredAt = 0;
        return new Grant(Outcome.QUEUED, 0, other);
    }

    /** A repeated acquire passes the silent only after a heartbeat has found its turn. */
    private static long since(@Nullable Waiter waiter) {
        return waiter == null || waiter.offeredAt == 0 ? 0 : waiter.heartbeatAt;
    }

    boolean release(Claim claim, long now, List<String> offers) {
        Requester requester = claim.requester();
        Lease own = leases.remove(claim.id());
        queue.remove(claim.id());
        forget(now);
        Released before = released.get(requester.id());
        boolean again = before != null && before.number == claim.number();
        long number = before == null ? claim.number() : Math.max(before.number, claim.number());
        released.put(requester.id(), new Released(number, now + micros(requester.tombstoneTime())));
        offer(null, 0, now, offers);
        return again || (own != null && own.ends > now);
    }

    Heartbeat heartbeat(Claim claim, long now, List<String> offers) {
        forget(now);
        Lease own = leases.get(claim.id());
        if (own != null) {
            own.ends = Math.max(own.ends, now + micros(claim.requester().leaseTime()));
            return Heartbeat.RENEWED;
        }
        Waiter waiter = queue.get(claim.id());
        if (waiter == null || waiter.until <= now) {
            queue.remove(claim.id());
            return Heartbeat.GONE;
        }
        waiter.until = Math.max(waiter.until, now + micros(claim.requester().patience()));
        long previous = waiter.heartbeatAt;
        waiter.heartbeatAt = now;
        if (offer(claim, previous, now, offers)) {
            return Heartbeat.ITS_TURN;
        }
        waiter.offeredAt = 0;
        return Heartbeat.WAITING;
    }

    /** Returns whether a waiter could acquire a lease now. */
    boolean isTurn(Claim claim, long now) {
        forget(now);
        Waiter waiter = queue.get(claim.id());
        return waiter != null && offer(claim, since(waiter), now, new ArrayList<>());
    }

    List<Holder> holders(long now) {
        forget(now);
        return leases.values().stream()
                .map(lease -> new Holder(
                        lease.claimId.substring(0, lease.claimId.lastIndexOf(':')),
                        new KeyedLockerBackend.Holder(
                                lease.owner,
                                Duration.ofMillis(Math.max(0, (now - lease.token) / 1_000)),
                                Duration.ofMillis((lease.ends - now) / 1_000))))
                .toList();
    }

    // ---- rules

    /**
     * Offers free leases to the waiters whose turn it is. A waiter precedes those behind it, unless it was offered a lease some
     * time ago and has not taken it, or has sent no heartbeat since the previous one of the claim that asks.
     *
     * @param asking a claim that asks, or null
     * @param since the previous heartbeat of that claim, or 0
     * @return whether a lease is free for that claim
     */
    private boolean offer(@Nullable Claim asking, long since, long now, List<String> offers) {
        int taken = leases.size();
        Iterator<Waiter> waiters = queue.values().iterator();
        while (waiters.hasNext()) {
            Waiter waiter = waiters.next();
            boolean mayTake = taken < waiter.limit;
            if (asking != null && waiter.claimId.equals(asking.id())) {
                if (mayTake && waiter.offeredAt == 0) {
                    waiter.offeredAt = now;
                }
                return mayTake;
            }
            if (waiter.until <= now) {
                waiters.remove();
            } else if (waiter.precedes(since, now)) {
                if (!mayTake) {
                    return false;
                }
                if (waiter.offeredAt == 0) {
                    waiter.offeredAt = now;
                    offers.add(waiter.claimId);
                }
                taken++;
            } else if (asking == null && mayTake) {
                offers.add(waiter.claimId);
            }
        }
        return asking != null && taken < asking.requester().limit();
    }

    /** Returns a limit of another requester that differs, or 0. */
    int otherLimit(Requester requester, long now) {
        return leases.values().stream()
                .filter(lease -> lease.ends > now)
                .filter(lease -> !lease.claimId.startsWith(requester.id() + ":"))
                .mapToInt(lease -> lease.limit)
                .filter(other -> other != requester.limit())
                .findFirst()
                .orElse(0);
    }

    private void forget(long now) {
        leases.values().removeIf(lease -> lease.ends <= now);
        released.values().removeIf(claim -> claim.until <= now);
        // Times after now were written before the clock of the database went back.
        queue.values().forEach(waiter -> {
            waiter.offeredAt = Math.min(waiter.offeredAt, now);
            waiter.heartbeatAt = Math.min(waiter.heartbeatAt, now);
        });
    }

    static String owner(Requester requester) {
        return KeyText.inLine(requester.owner(), LONGEST_OWNER);
    }

    static long micros(Duration duration) {
        return Math.max(1, TimeUnit.NANOSECONDS.toMicros(duration.toNanos()));
    }
}
