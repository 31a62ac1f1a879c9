// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import io.keyedlock.KeyText;
import io.keyedlock.KeyedLockerBackend;
import io.keyedlock.lease.LeaseLog;
import io.keyedlock.lease.LeaseStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.springframework.core.NestedExceptionUtils;
import org.springframework.data.redis.connection.ReactiveRedisConnectionFactory;

/**
 * A lease store in Redis 6.2 or newer, or Valkey, standalone or as a cluster.
 *
 * <p>On the first connection it checks the server and logs each problem: a version that is too old, a missing permission to
 * publish, an eviction policy other than {@code noeviction}, and replicas without {@code min-replicas-to-write}.
 *
 * @since 0.1.0
 * @see io.keyedlock.lease.Leases#create
 */
public final class RedisLeaseStore implements LeaseStore {

    /** The default prefix of all names in Redis. */
    public static final String DEFAULT_PREFIX = "keyedlock";

    private static final LeaseLog LOG = new LeaseLog(RedisLeaseStore.class);

    /** The maximum number of claims that one script renews, so that no script takes long. */
    private static final int BATCH = 100;

    private final ReactiveRedisConnectionFactory factory;
    private final RedisNames names;
    private final RedisCommands commands;
    private final AtomicBoolean examined = new AtomicBoolean();
    private final AtomicBoolean warnedOfPublish = new AtomicBoolean();
    private final AtomicBoolean warnedOfSubscribe = new AtomicBoolean();

    private volatile boolean closed;
    private volatile @Nullable RedisTurns turns;

    /**
     * Creates a store. Redis need not be reachable yet.
     *
     * @param factory the factory of the application's connections; the application remains responsible for closing it
     * @param prefix the prefix of all names in Redis, without braces; see {@link #DEFAULT_PREFIX}
     * @throws IllegalArgumentException if the prefix is blank or contains braces
     */
    public RedisLeaseStore(ReactiveRedisConnectionFactory factory, String prefix) {
        this.factory = Objects.requireNonNull(factory, "factory");
        this.names = new RedisNames(prefix);
        this.commands = new RedisCommands(factory, names, this::examine);
    }

    @Override
    public String name() {
        return "redis";
    }

    @Override
    public void listen(String process, TurnListener listener) {
        turns = new RedisTurns(factory, commands, names.channels() + process, listener, this::notListening);
    }

    // ---- calls

    @Override
    public CompletionStage<Grant> acquire(Claim claim) {
        Requester requester = claim.requester();
        List<String> keys = new ArrayList<>(6);
        keys.add(names.token(requester.lock()));
        keys.addAll(names.keys(requester.lock(), claim.key()));
        keys.add(names.gone(requester.lock(), requester.id(), claim.key()));
        CompletableFuture<String> answer = commands.run(
                RedisScript.ACQUIRE,
                keys,
                List.of(
                        names.channels(),
                        Integer.toString(requester.limit()),
                        requester.id(),
                        Long.toString(claim.number()),
                        claim.waits() ? "1" : "0",
                        millis(requester.leaseTime()),
                        millis(requester.patience()),
                        millis(requester.offerTime()),
                        requester.owner()));
        return map(answer, this::grant);
    }

    private Grant grant(String answer) {
        String[] parts = answer.split(" ", 4);
        publishRejected(parts[3]);
        Outcome outcome = switch (parts[0]) {
            case "1" -> Outcome.GRANTED;
            case "2" -> Outcome.QUEUED;
            default -> Outcome.TAKEN;
        };
        if (outcome == Outcome.QUEUED) {
            RedisTurns current = turns;
            if (current != null) {
                current.subscribe();
            }
        }
        return new Grant(outcome, Long.parseLong(parts[1]), Integer.parseInt(parts[2]));
    }

    @Override
    public CompletionStage<Boolean> release(Claim claim) {
        Requester requester = claim.requester();
        List<String> keys = new ArrayList<>(names.keys(requester.lock(), claim.key()));
        keys.add(names.gone(requester.lock(), requester.id(), claim.key()));
        CompletableFuture<String> answer = commands.run(
                RedisScript.RELEASE,
                keys,
                List.of(
                        names.channels(),
                        Integer.toString(requester.limit()),
                        requester.id(),
                        Long.toString(claim.number()),
                        millis(requester.tombstoneTime())));
        return map(answer, text -> {
            publishRejected(text.substring(2));
            return text.startsWith("1");
        });
    }

    /** Returns the locker's name. Each locker is a partition, because a cluster may place lockers on different nodes. */
    @Override
    public Object partition(Requester requester) {
        return requester.lock();
    }

    @Override
    public CompletionStage<List<Heartbeat>> heartbeat(List<Claim> claims) {
        List<CompletableFuture<List<Heartbeat>>> parts = new ArrayList<>();
        for (int from = 0; from < claims.size(); from += BATCH) {
            parts.add(heartbeatOfBatch(claims.subList(from, Math.min(from + BATCH, claims.size()))));
        }
        CompletableFuture<List<Heartbeat>> all = CompletableFuture.allOf(parts.toArray(new CompletableFuture<?>[0]))
                .thenApply(nothing ->
                        parts.stream().flatMap(part -> part.join().stream()).toList());
        cancelWith(all, parts);
        return all;
    }

    private CompletableFuture<List<Heartbeat>> heartbeatOfBatch(List<Claim> batch) {
        List<String> keys = new ArrayList<>(4 * batch.size());
        List<String> arguments = new ArrayList<>(1 + 4 * batch.size());
        arguments.add(names.channels());
        for (Claim claim : batch) {
            Requester requester = claim.requester();
            keys.addAll(names.keys(requester.lock(), claim.key()));
            arguments.add(Integer.toString(requester.limit()));
            arguments.add(claim.id());
            arguments.add(millis(requester.leaseTime()));
            arguments.add(millis(requester.patience()));
        }
        return map(commands.run(RedisScript.HEARTBEAT, keys, arguments), answer -> {
            publishRejected(answer.substring(batch.size() + 1));
            return answer.chars()
                    .limit(batch.size())
                    .mapToObj(digit -> heartbeat((char) digit))
                    .toList();
        });
    }

    private static Heartbeat heartbeat(char digit) {
        return switch (digit) {
            case '1' -> Heartbeat.RENEWED;
            case '2' -> Heartbeat.WAITING;
            case '3' -> Heartbeat.ITS_TURN;
            default -> Heartbeat.GONE;
        };
    }

    @Override
    public CompletionStage<List<Holder>> holders(String lock, String key) {
        CompletableFuture<String> answer =
                commands.run(RedisScript.HOLDERS, names.keys(lock, key).subList(0, 2), List.of());
        return map(
                answer,
                text -> text.lines()
                        .map(line -> line.split(" ", 4))
                        .map(parts -> new Holder(
                                parts[0],
                                new KeyedLockerBackend.Holder(
                                        parts[3],
                                        Duration.ofMillis(Long.parseLong(parts[1])),
                                        Duration.ofMillis(Long.parseLong(parts[2])))))
                        .toList());
    }

    @Override
    public CompletionStage<Void> ping() {
        return map(commands.run(RedisScript.PING, List.of(names.check()), List.of()), text -> null);
    }

    private static String millis(Duration duration) {
        return Long.toString(Math.max(1, duration.toMillis()));
    }

    /** Maps an answer. Cancelling the result cancels the call. */
    private static <T extends @Nullable Object> CompletableFuture<T> map(
            CompletableFuture<String> answer, java.util.function.Function<String, T> mapping) {
        CompletableFuture<T> mapped = answer.thenApply(mapping);
        cancelWith(mapped, List.of(answer));
        return mapped;
    }

    private static void cancelWith(CompletableFuture<?> result, List<? extends CompletableFuture<?>> parts) {
        result.whenComplete((value, failure) -> {
            if (result.isCancelled()) {
                parts.forEach(part -> part.cancel(true));
            }
        });
    }

    // ---- findings; LeaseLog keeps a slow appender from delaying answers

    private void examine(String answer) {
        publishRejected(answer.substring(0, answer.indexOf('\n')));
        if (examined.compareAndSet(false, true)) {
            for (RedisServerCheck.Finding finding : RedisServerCheck.examine(answer)) {
                if (finding.isWarning()) {
                    LOG.warn(finding.message(), null);
                } else {
                    LOG.info(finding.message());
                }
            }
        }
    }

    private void publishRejected(String error) {
        if (!error.isEmpty() && warnedOfPublish.compareAndSet(false, true)) {
            LOG.warn(RedisServerCheck.publishRejected(error, names.pattern()), null);
        }
    }

    private void notListening(Throwable cause) {
        if (!closed && warnedOfSubscribe.compareAndSet(false, true)) {
            String reason = NestedExceptionUtils.getMostSpecificCause(cause).getMessage();
            LOG.warn(
                    "Redis rejects the subscription to " + names.channels() + "* (" + KeyText.inLine(reason)
                            + "). Waiters find their turn by heartbeats only, which takes longer. Allow the Redis user the command"
                            + " and the channels: ACL SETUSER <user> +publish +subscribe &" + names.pattern(),
                    null);
        }
    }

    @Override
    public void close() {
        closed = true;
        RedisTurns current = turns;
        if (current != null) {
            current.close();
        }
        commands.close();
    }
}
