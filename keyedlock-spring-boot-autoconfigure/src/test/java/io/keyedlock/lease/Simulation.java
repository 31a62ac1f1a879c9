// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

import io.keyedlock.KeyedLockerBackend;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.lease.LeaseStore.Claim;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.LongBinaryOperator;
import java.util.function.LongFunction;
import java.util.regex.Matcher;

/**
 * One schedule of several processes, a network and a store, on one thread, under a simulated clock and one seed.
 *
 * <p>The processes run the real {@link Leases}; the store is a {@link StoreModel}. For a while there are faults; then there are
 * none, all waiters must be granted, and nothing may remain in the store.
 *
 * <p>The checks after each step:
 *
 * <ul>
 *   <li>no lease is granted while as many others as the limit assume that they hold the key, unless the store has lost theirs
 *       (a restart without its last writes, a failover to a lagging replica, an eviction);
 *   <li>tokens of a key rise with each lease that the store grants, through restarts and failovers;
 *   <li>no claim is granted after its release, unless the store has forgotten that;
 *   <li>a lease is reported as lost only if the store does not have it or its end has passed without a renewal;
 *   <li>a locker that can be reached loses no lease because another cannot;
 *   <li>a lease that the store has lost is reported as lost;
 *   <li>while the network is good, no request fails, and a key with waiters is free for at most a heartbeat and an offer.
 * </ul>
 */
final class Simulation {

    /** The troubles of a schedule. */
    private enum Trouble {
        SLOW_MESSAGES,
        LOST_MESSAGES,
        REPEATED_MESSAGES,
        LOST_NOTIFICATIONS,
        PAUSES,
        KILLS,
        DRIFTING_CLOCKS,
        OUTAGES,
        OUTAGES_OF_ONE_LOCKER,
        LOST_WRITES,
        EVICTIONS
    }

    /** Without these, a locker that can be reached loses no lease. */
    private static final Set<Trouble> HARMLESS =
            EnumSet.of(Trouble.KILLS, Trouble.LOST_NOTIFICATIONS, Trouble.OUTAGES_OF_ONE_LOCKER);

    /** Troubles that prevent the checks of free keys, as a waiter may be unable to acquire one. */
    private static final Set<Trouble> DELAYS =
            EnumSet.complementOf(EnumSet.of(Trouble.KILLS, Trouble.EVICTIONS, Trouble.LOST_NOTIFICATIONS));

    private static final Duration LEASE = Duration.ofSeconds(3);
    private static final long OFFER = millis(250);
    private static final long SAMPLE = millis(50);

    /** The latest arrival of a message that is not lost. */
    private static final long SLOWEST = millis(8_000);

    private static final long FAULTS_END = millis(6_000);
    private static final long WORK_ENDS = FAULTS_END + millis(4_000);
    private static final long LAST_ROUND = FAULTS_END + SLOWEST + millis(3_500);
    private static final long END = LAST_ROUND + millis(4_500);

    private static final String LOCK = "orders";

    /** The locker of the last key in some schedules, on which the partial outages are. */
    private static final String OTHER_LOCK = "parts";

    private static final double CLOCK_DRIFT = 0.004;

    /** A violated rule. */
    static final class Violation extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Violation(String message) {
            super(message);
        }
    }

    private final class Event {
        final long time;
        final long order;
        final Peer process;
        final Runnable action;
        boolean cancelled;

        Event(long time, Peer process, Runnable action) {
            this.time = time;
            this.order = ++events;
            this.process = process;
            this.action = action;
        }
    }

    private final Random random;
    private final LongBinaryOperator renewal;
    private final List<String> trace;
    private final PriorityQueue<Event> queue = new PriorityQueue<>(
            Comparator.<Event>comparingLong(event -> event.time).thenComparingLong(event -> event.order));
    private final Set<Trouble> troubles = EnumSet.noneOf(Trouble.class);
    private final StoreModel store;
    private final List<Peer> processes = new ArrayList<>();
    private final List<String> keys = new ArrayList<>();
    private final Map<String, Long> highestTokens = new HashMap<>();
    private final Map<String, List<Held>> holds = new TreeMap<>();

    /** The time since which a key was free while a caller waits, by key. */
    private final Map<String, Long> freeSince = new HashMap<>();

    private final Set<Claim> released = new HashSet<>();
    private final Duration timeout;
    private final long heartbeat;
    private double serverDrift = 1;
    private long now;
    private long events;
    private boolean serverDown;
    private boolean otherLockDown;

    /** The first violated rule; thrown by the loop, since the protocol survives exceptions of its callers. */
    private Violation violation;

    private boolean hasLostData;

    private Simulation(long seed, Set<StoreModel.Fault> faults, LongBinaryOperator renewal, boolean traces) {
        this.random = new Random(seed);
        this.renewal = renewal;
        this.trace = traces ? new ArrayList<>() : null;
        this.store = new StoreModel(this::offered, this::granted);
        store.faults.addAll(faults);
        timeout = chance(0.5) ? Duration.ofMillis(600) : LEASE;
        heartbeat = Math.min(LEASE.toNanos() / 3, timeout.toNanos() / 2);
    }

    /** Runs a schedule. The message of a violation contains the trace. */
    static void run(long seed, Set<StoreModel.Fault> faults, LongBinaryOperator renewal) {
        try {
            new Simulation(seed, faults, renewal, false).run();
        } catch (Violation violation) {
            Simulation again = new Simulation(seed, faults, renewal, true);
            String reason = violation.getMessage();
            try {
                again.run();
            } catch (Violation same) {
                reason = same.getMessage();
            }
            throw new Violation("seed " + seed + ": " + reason + "\n" + String.join("\n", again.trace) + "\nseed "
                    + seed + ": " + reason);
        }
    }

    private static long millis(long millis) {
        return TimeUnit.MILLISECONDS.toNanos(millis);
    }

    /** Adds a line to the trace, with the parts in place of {@code %s}. */
    private void log(String line, Object... parts) {
        if (trace != null) {
            String text = line;
            for (Object part : parts) {
                text = text.replaceFirst("%s", Matcher.quoteReplacement(String.valueOf(part)));
            }
            trace.add(String.format("%9.3f ms  ", now / 1e6) + text);
        }
    }

    // ---- events

    private Event at(long time, Peer process, Runnable action) {
        Event event = new Event(Math.max(time, now), process, action);
        queue.add(event);
        return event;
    }

    private long between(long least, long most) {
        return least + (long) (random.nextDouble() * (most - least));
    }

    private boolean chance(double probability) {
        return random.nextDouble() < probability;
    }

    private boolean isCalm() {
        return now >= FAULTS_END;
    }

    private void run() {
        if (chance(0.25)) {
            // The checks are the stricter the fewer troubles there are.
            troubles.add(Trouble.values()[random.nextInt(Trouble.values().length)]);
        } else {
            for (Trouble trouble : Trouble.values()) {
                if (chance(0.35)) {
                    troubles.add(trouble);
                }
            }
        }
        log("%s, timeout %s", troubles, timeout);
        if (troubles.contains(Trouble.DRIFTING_CLOCKS)) {
            serverDrift = drift();
        }
        int limit = chance(0.6) ? 1 : 1 + random.nextInt(3);
        boolean limitsDiffer = chance(0.3);
        for (int i = 0; i < 2 + random.nextInt(3); i++) {
            processes.add(new Peer("p" + i, limitsDiffer ? 1 + random.nextInt(3) : limit));
        }
        for (int i = 0; i < 1 + random.nextInt(2); i++) {
            keys.add("k" + i);
        }
        processes.forEach(Peer::start);
        planTroubles();
        at(SAMPLE, null, this::sample);
        at(FAULTS_END, null, this::calm);
        at(LAST_ROUND, null, () -> processes.forEach(process -> process.agents.forEach(Agent::lastRound)));
        for (Event event = queue.poll(); event != null && event.time <= END; event = queue.poll()) {
            now = event.time;
            if (event.cancelled || (event.process != null && event.process.killed)) {
                continue;
            }
            if (event.process != null && event.process.paused) {
                event.process.deferred.add(event);
            } else {
                event.action.run();
            }
            if (violation != null) {
                throw violation;
            }
        }
        now = END;
        checkEnd();
        if (violation != null) {
            throw violation;
        }
    }

    private double drift() {
        return 1 + (random.nextDouble() * 2 - 1) * CLOCK_DRIFT;
    }

    private long serverMicros() {
        return 1_000_000_000L + (long) (now * serverDrift) / 1_000;
    }

    // ---- troubles

    private void planTroubles() {
        for (int i = 0; i < 3; i++) {
            if (troubles.contains(Trouble.PAUSES)) {
                at(between(0, FAULTS_END), null, this::pause);
            }
            if (troubles.contains(Trouble.OUTAGES)) {
                at(between(0, FAULTS_END), null, this::outage);
            }
            if (troubles.contains(Trouble.OUTAGES_OF_ONE_LOCKER)) {
                at(between(0, FAULTS_END), null, this::outageOfOneLocker);
            }
            if (troubles.contains(Trouble.LOST_WRITES)) {
                planLostWrites(between(0, FAULTS_END));
            }
            if (troubles.contains(Trouble.EVICTIONS)) {
                at(between(0, FAULTS_END), null, this::evict);
            }
        }
        if (troubles.contains(Trouble.KILLS)) {
            at(between(0, FAULTS_END), null, this::kill);
            // Outside other troubles, one or several at about the same time.
            long time = between(FAULTS_END, WORK_ENDS);
            for (int i = 0; i < 1 + random.nextInt(4); i++) {
                at(time + between(0, millis(400)), null, this::kill);
            }
        }
    }

    private String lockOf(String key) {
        boolean isOther = troubles.contains(Trouble.OUTAGES_OF_ONE_LOCKER) && key.equals("k1");
        return isOther ? OTHER_LOCK : LOCK;
    }

    private Peer any() {
        return processes.get(random.nextInt(processes.size()));
    }

    private void pause() {
        Peer process = any();
        if (!process.paused && !process.killed) {
            log("%s pauses", process.name);
            process.paused = true;
            at(Math.min(FAULTS_END, now + between(0, millis(5_000))), null, () -> resume(process));
        }
    }

    private void resume(Peer process) {
        log("%s continues", process.name);
        process.paused = false;
        List<Event> deferred = List.copyOf(process.deferred);
        process.deferred.clear();
        for (Event event : deferred) {
            if (!event.cancelled) {
                // Later events may still be cancelled through the first event.
                at(now, process, () -> {
                    if (!event.cancelled) {
                        event.action.run();
                    }
                });
            }
        }
    }

    private void kill() {
        Peer process = any();
        if (!process.killed) {
            log("%s is killed", process.name);
            process.killed = true;
            // A waiter that is killed while a lease is offered to it delays the others once more.
            freeSince.clear();
            holds.values().forEach(held -> held.removeIf(one -> one.agent.process == process));
            Peer next = new Peer(process.name + "'", process.limit);
            processes.set(processes.indexOf(process), next);
            next.start();
        }
    }

    private void outage() {
        log("the store is down");
        serverDown = true;
        at(Math.min(FAULTS_END, now + between(0, millis(2_000))), null, () -> {
            log("the store is up");
            serverDown = false;
        });
    }

    private void outageOfOneLocker() {
        log("the store cannot be reached for %s", OTHER_LOCK);
        otherLockDown = true;
        at(Math.min(FAULTS_END, now + between(millis(1_000), FAULTS_END)), null, () -> {
            log("the store can be reached for %s", OTHER_LOCK);
            otherLockDown = false;
        });
    }

    /** Resets the store to an earlier state, that of a replica or of its file. */
    private void planLostWrites(long time) {
        Runnable[] snapshot = new Runnable[1];
        at(time - between(0, millis(500)), null, () -> snapshot[0] = store.snapshot());
        at(time, null, () -> {
            log("the store loses its last writes");
            if (snapshot[0] != null) {
                snapshot[0].run();
                noteLostLeases();
            }
        });
    }

    private void evict() {
        List<StoreModel.Part> parts = List.copyOf(EnumSet.allOf(StoreModel.Part.class));
        StoreModel.Part part = parts.get(random.nextInt(parts.size()));
        String key = keys.get(random.nextInt(keys.size()));
        if (part == StoreModel.Part.TOMBSTONES
                && (troubles.contains(Trouble.SLOW_MESSAGES) || troubles.contains(Trouble.REPEATED_MESSAGES))) {
            // A late message then acquires a lease without an owner, until it expires.
            return;
        }
        log("the store evicts %s of %s", part, key);
        store.evict(new StoreModel.Place(lockOf(key), key), part);
        noteLostLeases();
    }

    private void noteLostLeases() {
        hasLostData = true;
        for (List<Held> held : holds.values()) {
            for (Held one : held) {
                // It may also have lost a renewal.
                if (store.leftOf(one.claim, serverMicros()) * 1_000 < one.left()) {
                    one.isLostInStore = true;
                }
            }
        }
    }

    private void calm() {
        log("no more faults");
        serverDown = false;
        otherLockDown = false;
        for (Peer process : processes) {
            if (process.paused) {
                resume(process);
            }
        }
    }

    // ---- the network

    private <T> CompletableFuture<T> send(
            Peer process, List<Claim> claims, String what, LongFunction<T> operation, Runnable delivered) {
        CompletableFuture<T> answer = new CompletableFuture<>();
        int copies = !isCalm() && troubles.contains(Trouble.REPEATED_MESSAGES) && chance(0.1) ? 2 : 1;
        for (int i = 0; i < copies; i++) {
            if (isLost()) {
                log("%s -> store: %s is lost", process.name, what);
                continue;
            }
            at(now + latency(), null, () -> arrive(process, claims, what, operation, answer, delivered));
        }
        return answer;
    }

    private <T> void arrive(
            Peer process,
            List<Claim> claims,
            String what,
            LongFunction<T> operation,
            CompletableFuture<T> answer,
            Runnable delivered) {
        boolean isOther =
                claims.stream().anyMatch(claim -> claim.requester().lock().equals(OTHER_LOCK));
        if (serverDown || (otherLockDown && isOther)) {
            log("%s -> store: %s finds it down", process.name, what);
            at(now + latency(), process, () -> answer.completeExceptionally(new IllegalStateException("down")));
            return;
        }
        T result;
        try {
            result = operation.apply(serverMicros());
        } catch (IllegalStateException e) {
            log("%s -> store: %s: %s", process.name, what, e.getMessage());
            at(now + latency(), process, () -> answer.completeExceptionally(e));
            return;
        }
        log("%s -> store: %s: %s", process.name, what, result);
        if (!isLost()) {
            at(now + latency(), process, () -> {
                if (!answer.isDone()) {
                    log("store -> %s: %s: %s", process.name, what, result);
                    delivered.run();
                    answer.complete(result);
                }
            });
        }
    }

    private boolean isLost() {
        return !isCalm() && troubles.contains(Trouble.LOST_MESSAGES) && chance(0.1);
    }

    private long latency() {
        boolean slow = !isCalm() && troubles.contains(Trouble.SLOW_MESSAGES) && chance(0.15);
        return slow ? between(millis(20), chance(0.3) ? SLOWEST : LEASE.toNanos()) : between(20_000, millis(2));
    }

    private void offered(Claim claim) {
        for (Peer process : processes) {
            if (process.name.equals(claim.requester().process()) && process.listener != null) {
                if (!isCalm() && troubles.contains(Trouble.LOST_NOTIFICATIONS) && chance(0.3)) {
                    log("store -> %s: turn of %s is lost", process.name, claim.id());
                } else {
                    at(now + latency(), process, () -> {
                        log("store -> %s: turn of %s", process.name, claim.id());
                        process.listener.turn(claim.id());
                    });
                }
            }
        }
    }

    // ---- checks

    private void violated(String rule) {
        if (violation == null) {
            violation = new Violation(rule);
        }
    }

    private void granted(Claim claim, long token) {
        Long highest = highestTokens.put(claim.key(), token);
        if (highest != null && highest >= token) {
            violated("token " + token + " of " + claim.id() + " comes after token " + highest);
        }
        if (released.contains(claim) && !hasLostData) {
            violated(claim.id() + " is granted after its release");
        }
    }

    /** Each holder must have been admitted beside fewer earlier ones than its limit. */
    private void checkExclusion(Held newcomer) {
        List<Held> inside = holds.get(newcomer.claim.key()).stream()
                .filter(held -> !held.isLostInStore && held.isLive())
                .sorted(Comparator.comparingLong(held -> held.token))
                .toList();
        for (int i = 0; i < inside.size(); i++) {
            if (i >= inside.get(i).agent.process.limit) {
                violated(inside.get(i) + " is inside beside " + inside.subList(0, i));
            }
        }
    }

    /** Finds keys that are free although a caller waits. */
    private void sample() {
        if (isReachable() && now < LAST_ROUND) {
            for (String key : keys) {
                boolean isFree = isFreeForWaiters(key);
                boolean notificationsArrive = isCalm() || !troubles.contains(Trouble.LOST_NOTIFICATIONS);
                if (!isFree || !notificationsArrive) {
                    freeSince.remove(key);
                } else if (now - freeSince.computeIfAbsent(key, free -> now) > heartbeat + OFFER + 2 * SAMPLE) {
                    violated(key + " has been free for too long while a caller waits");
                }
            }
        }
        holds.values().forEach(held -> held.forEach(this::checkReported));
        at(now + SAMPLE, null, this::sample);
    }

    private void checkReported(Held held) {
        if (!isCalm() || held.toldLost || store.leftOf(held.claim, serverMicros()) > 0) {
            held.missingSince = 0;
        } else if (held.missingSince == 0) {
            held.missingSince = now;
        } else if (now - held.missingSince > LEASE.toNanos() / 3 + timeout.toNanos()) {
            violated(held + " is not reported as lost although the store does not have it");
        }
    }

    private boolean isReachable() {
        return troubles.stream().noneMatch(DELAYS::contains);
    }

    /** Returns whether callers wait in processes that were not killed and a lease is free for all of them. */
    private boolean isFreeForWaiters(String key) {
        int least = processes.stream()
                .flatMap(process -> process.agents.stream())
                .filter(agent -> agent.key.equals(key) && agent.ask != null && agent.ask.queued)
                .mapToInt(agent -> agent.process.limit)
                .min()
                .orElse(0);
        return store.holderCount(new StoreModel.Place(lockOf(key), key), serverMicros()) < least;
    }

    private void checkEnd() {
        for (Peer process : processes) {
            for (Agent agent : process.agents) {
                if (agent.held != null || !agent.isDone) {
                    violated(process.name + " still " + (agent.held != null ? "holds " : "waits for ") + agent.key
                            + " although there have been no faults for long");
                }
            }
            if (process.leases.unconfirmedReleases() > 0) {
                violated(process.name + " still has unconfirmed releases");
            }
        }
        List<String> left = store.left(serverMicros());
        if (!left.isEmpty()) {
            violated("left in the store: " + left);
        }
    }

    // ---- processes

    private final class Peer implements LeaseTimer {
        final String name;
        final int limit;
        final List<Event> deferred = new ArrayList<>();
        final List<Agent> agents = new ArrayList<>();
        final double drift = troubles.contains(Trouble.DRIFTING_CLOCKS) ? drift() : 1;
        final long offset = random.nextInt();
        Leases leases;
        LeaseBackend backend;
        LeaseBackend otherBackend;
        LeaseStore.TurnListener listener;
        boolean paused;
        boolean killed;

        Peer(String name, int limit) {
            this.name = name;
            this.limit = limit;
        }

        void start() {
            leases = new Leases(new Client(this), name, this, name, renewal);
            backend = backend(LOCK);
            otherBackend = backend(OTHER_LOCK);
            for (String key : keys) {
                Agent agent = new Agent(this, key);
                agents.add(agent);
                agent.later();
            }
        }

        private LeaseBackend backend(String lock) {
            return leases.backend(
                    KeyedLockerSettings.defaults().withName(lock).withLimit(limit),
                    LeaseSettings.defaults().withLeaseTime(LEASE).withBackendTimeout(timeout));
        }

        LeaseBackend backendOf(String key) {
            return lockOf(key).equals(LOCK) ? backend : otherBackend;
        }

        @Override
        public long nanoTime() {
            return offset + (long) (now * drift);
        }

        @Override
        public Runnable schedule(Runnable task, long nanos) {
            Event event = at(now + (long) (nanos / drift) + 1, this, task);
            return () -> event.cancelled = true;
        }

        @Override
        public void shutdown() {}
    }

    /** The view of one process on the store. */
    private final class Client implements LeaseStore {
        private final Peer process;

        Client(Peer process) {
            this.process = process;
        }

        @Override
        public String name() {
            return "simulated store";
        }

        @Override
        public Object partition(Requester requester) {
            return store.faults.contains(StoreModel.Fault.ONE_PARTITION) ? "" : requester.lock();
        }

        @Override
        public CompletionStage<Grant> acquire(Claim claim) {
            long sent = process.nanoTime();
            return send(
                    process,
                    List.of(claim),
                    trace == null ? "" : "acquire " + claim.id() + " " + claim.key(),
                    time -> store.acquire(claim, time),
                    () -> {
                        Agent agent = process.agents.get(keys.indexOf(claim.key()));
                        agent.granting = sent + process.backend.leaseNanos;
                    });
        }

        @Override
        public CompletionStage<Boolean> release(Claim claim) {
            return send(
                    process,
                    List.of(claim),
                    trace == null ? "" : "release " + claim.id(),
                    time -> {
                        released.add(claim);
                        return store.release(claim, time);
                    },
                    () -> {});
        }

        @Override
        public CompletionStage<List<Heartbeat>> heartbeat(List<Claim> claims) {
            long sent = process.nanoTime();
            List<Heartbeat> answers = new ArrayList<>();
            return send(
                    process,
                    claims,
                    trace == null
                            ? ""
                            : "heartbeat " + claims.stream().map(Claim::id).toList(),
                    time -> {
                        answers.clear();
                        claims.forEach(claim -> answers.add(store.heartbeat(claim, time)));
                        return List.copyOf(answers);
                    },
                    () -> {
                        for (int i = 0; i < claims.size(); i++) {
                            if (answers.get(i) == Heartbeat.RENEWED) {
                                renewed(claims.get(i), sent + process.backend.leaseNanos);
                            }
                        }
                    });
        }

        private void renewed(Claim claim, long end) {
            for (Held held : holds.getOrDefault(claim.key(), List.of())) {
                if (held.claim.equals(claim)) {
                    held.end = Math.max(held.end, end);
                }
            }
        }

        @Override
        public CompletionStage<List<Holder>> holders(String lock, String key) {
            throw new UnsupportedOperationException();
        }

        @Override
        public CompletionStage<Void> ping() {
            return send(process, List.of(), "ping", time -> null, () -> {});
        }

        @Override
        public void listen(String id, TurnListener listener) {
            at(now + latency(), process, () -> {
                process.listener = listener;
                listener.listening();
            });
        }

        @Override
        public void close() {}
    }

    /** A lease that a process assumes that it holds. */
    private static final class Held {
        final Agent agent;
        final Claim claim;
        final KeyedLockerBackend.Lease lease;
        final long token;
        long end;
        boolean isLostInStore;
        boolean toldLost;

        /** The time since which the store does not have it, or 0. */
        long missingSince;

        Held(Agent agent, Claim claim, KeyedLockerBackend.Lease lease) {
            this.agent = agent;
            this.claim = claim;
            this.lease = lease;
            this.token = lease.fencingToken().orElseThrow();
            this.end = agent.granting;
        }

        boolean isLive() {
            return !toldLost && left() > 0;
        }

        long left() {
            return end - agent.process.nanoTime();
        }

        @Override
        public String toString() {
            return claim.id();
        }
    }

    /** The callers of one process for one key. Like a locker, they have at most one pending request. */
    private final class Agent {
        final Peer process;
        final String key;

        /** The end of the lease that is being granted. */
        long granting;

        Ask ask;
        Held held;
        boolean isLast;
        boolean isDone;

        Agent(Peer process, String key) {
            this.process = process;
            this.key = key;
        }

        void later() {
            if (isLast || now < WORK_ENDS) {
                at(now + between(0, millis(isLast ? 50 : 600)), process, this::ask);
            }
        }

        void lastRound() {
            isLast = true;
            if (ask == null && held == null) {
                ask();
            }
        }

        void ask() {
            if (ask != null || held != null || isDone) {
                return;
            }
            Ask next = new Ask(this);
            ask = next;
            next.request = process.backendOf(key).acquire(key, process.limit, isLast || chance(0.8), next);
            if (!isLast && chance(0.3)) {
                at(now + between(0, millis(1_500)), process, () -> {
                    if (ask == next) {
                        log("%s cancels %s", process.name, next.request);
                        next.cancelled = true;
                        ask = null;
                        next.request.cancel();
                        later();
                    }
                });
            }
        }

        void hold() {
            long duration = chance(0.08) && !isCalm() ? between(0, millis(5_000)) : between(0, millis(200));
            at(now + (isLast ? millis(5) : duration), process, this::endHold);
        }

        void endHold() {
            Held mine = held;
            if (!isLast && mine.lease.mayHandOff()) {
                hold();
                return;
            }
            log("%s releases %s", process.name, mine);
            holds.get(key).remove(mine);
            held = null;
            isDone = isLast;
            mine.lease.release();
            later();
        }
    }

    /** A request of an agent. */
    private final class Ask implements KeyedLockerBackend.Receiver {
        final Agent agent;
        KeyedLockerBackend.Request request;
        boolean queued;
        boolean cancelled;
        Held held;

        Ask(Agent agent) {
            this.agent = agent;
        }

        @Override
        public void queued() {
            queued = true;
        }

        @Override
        public void granted(KeyedLockerBackend.Lease lease) {
            if (cancelled) {
                lease.release();
                return;
            }
            agent.ask = null;
            held = new Held(agent, ((LeaseRequest) lease).claim, lease);
            agent.held = held;
            log("%s is inside by %s, token %s", agent.process.name, held, lease.fencingToken());
            if (store.leftOf(held.claim, serverMicros()) <= 0) {
                if (!hasLostData) {
                    violated(held + " was granted, but the store does not have it");
                }
                held.isLostInStore = true;
            }
            holds.computeIfAbsent(agent.key, key -> new ArrayList<>()).add(held);
            checkExclusion(held);
            agent.hold();
        }

        @Override
        public void rejected() {
            ended();
        }

        @Override
        public void failed(Throwable cause) {
            log("%s: %s fails: %s", agent.process.name, request, cause.getMessage());
            if (isReachable()) {
                violated(request + " fails although the store can be reached: " + cause.getMessage());
            }
            ended();
        }

        private void ended() {
            if (!cancelled) {
                agent.ask = null;
                agent.later();
            }
        }

        @Override
        public void lost() {
            log("%s has lost %s", agent.process.name, held);
            if (held == null) {
                return;
            }
            if (store.leftOf(held.claim, serverMicros()) > 0 && held.isLive()) {
                violated(held + " is reported as lost although it was renewed and has not ended");
            }
            if (HARMLESS.containsAll(troubles) && held.claim.requester().lock().equals(LOCK)) {
                violated(held + " is lost although its part of the store can be reached");
            }
            held.toldLost = true;
        }
    }
}
