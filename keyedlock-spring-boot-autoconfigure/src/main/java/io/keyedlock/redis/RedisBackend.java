// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import io.keyedlock.KeyedLockerBackend;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.LockBackendException;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.redisson.api.RTopic;
import org.redisson.api.RedissonClient;
import org.redisson.client.codec.StringCodec;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The permits of one locker in Redis, so that its keys exclude each other in all processes that have a locker of that name
 * on the same Redis.
 *
 * <pre>{@code
 * KeyedLockerSettings settings = KeyedLockerSettings.defaults().withName("orders");
 * KeyedLocker<String> orders =
 *     KeyedLocker.createOn(RedisBackend.create(redisson, settings, RedisSettings.defaults()), settings);
 * }</pre>
 *
 * <p>A permit is a lease, held in Redis under a random id and renewed while it is held. Its fencing token is drawn in the same
 * step from one counter of the locker. Processes that wait for a key stand in one line in Redis, and are told by a message
 * when it is their turn.
 *
 * <p>A locker on this backend should be closed when it is not used any more: until then a thread asks Redis several times
 * in each backend time-out whether it is there.
 */
public final class RedisBackend implements KeyedLockerBackend {

    /*
     * WHAT RUNS WHERE
     * Questions are asked by whoever wants something and answered on Redisson's threads, which run nothing here that
     * blocks. One thread of this backend ends what is not answered in time, and beats: each beat renews all leases and
     * all places in line, a batch at a time, and so finds out what is lost, whose turn it is although the message did
     * not come, and whether Redis is there at all. It beats when nothing is held too, so that the state is known.
     *
     * WHO WINS
     * Answer against time-out, withdrawal or failure: RedisRequest's state. An answer that comes late is tidied up after.
     * Renewal against release: a release makes the request's state something else than HELD before it tells Redis, so a
     * beat that finds the lease gone then tells nobody.
     * A new request against the release of the same key before it: it is asked once that is answered, so that it does
     * not find its own process's lease in its way.
     */

    private static final Logger log = LoggerFactory.getLogger(RedisBackend.class);

    /**
     * How fast an answer comes that no client has asked for twice. A release that is repeated, as its first answer was late,
     * finds the lease gone by its own doing.
     */
    private static final long ASKED_ONCE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    /** How many leases and places one script renews, so that none takes long. */
    private static final int BATCH = 100;

    final RedisNames names;
    final long leaseNanos;
    final long maxTurnNanos;

    private final String lockName;
    private final int limit;
    private final boolean showKeys;
    private final KeyEncoder encoder;
    private final long timeoutNanos;
    private final long beatNanos;
    private final String leaseMillis;
    private final String patienceMillis;

    private final RedisCalls redis;
    private final RTopic turns;

    /** This process in Redis. */
    private final String process = randomId();

    private final AtomicLong lastId = new AtomicLong();

    /** By id, those that are not answered or wait in line. */
    private final Map<String, RedisRequest> open = new ConcurrentHashMap<>();

    /** By id, the leases to renew. */
    private final Map<String, RedisRequest> held = new ConcurrentHashMap<>();

    /** By name of the key, a release that Redis has not answered yet. */
    private final Map<String, CompletableFuture<?>> leaving = new ConcurrentHashMap<>();

    /** Leases that could not be given back, to be tried again at a beat that is answered. */
    private final Queue<RedisRequest> owed = new ConcurrentLinkedQueue<>();

    /** Null until somebody has to wait for another process, and again if that failed. */
    private final AtomicReference<@Nullable CompletableFuture<Integer>> subscription = new AtomicReference<>();

    /** The limit that Redis told at the last beat. */
    private final AtomicLong limitInUse = new AtomicLong();

    private volatile boolean closed;

    private RedisBackend(RedissonClient redisson, KeyedLockerSettings settings, RedisSettings own) {
        this.lockName = settings.name();
        this.limit = settings.limit();
        this.showKeys = settings.showKeys();
        this.names = new RedisNames(lockName);
        this.encoder = own.keyEncoder();
        this.leaseNanos = own.leaseTime().toNanos();
        this.maxTurnNanos = own.maxTurn().toNanos();
        this.timeoutNanos = own.backendTimeout().toNanos();
        this.beatNanos = Math.min(leaseNanos / 3, timeoutNanos / 2);
        this.leaseMillis = Long.toString(own.leaseTime().toMillis());
        // Four beats: a process that misses them all has died, or stands still, and lets the others go first.
        this.patienceMillis = Long.toString(Math.max(100, TimeUnit.NANOSECONDS.toMillis(4 * beatNanos)));
        this.redis = new RedisCalls(redisson, lockName, showKeys);
        this.turns = redisson.getTopic(names.channel(), StringCodec.INSTANCE);
    }

    /**
     * Makes a backend for one locker. Redis need not be there yet; see {@link #connect()}.
     *
     * @param redisson the application's client, which stays the application's to shut down, after the locker was closed
     * @param settings those of the locker: its name, its limit, and whether keys may be shown
     * @param redis how the locker uses Redis
     * @return a new backend
     */
    public static RedisBackend create(RedissonClient redisson, KeyedLockerSettings settings, RedisSettings redis) {
        RedisBackend backend = new RedisBackend(redisson, settings, redis);
        backend.nextBeat(backend.beatNanos);
        return backend;
    }

    private static String randomId() {
        byte[] bytes = new byte[12];
        new SecureRandom().nextBytes(bytes);
        return HexFormat.of().formatHex(bytes);
    }

    /**
     * Asks Redis whether it is there and whether other processes use this locker with the same limit. Waits for the answer,
     * up to the backend time-out.
     *
     * @throws LockBackendException if there is no answer, or if the limits differ
     */
    public void connect() {
        CompletableFuture<Void> answered = new CompletableFuture<>();
        redis.run(
                RedisScript.HEARTBEAT,
                List.of(names.held()),
                timeoutNanos,
                (answer, failure) -> {
                    if (failure != null) {
                        answered.completeExceptionally(failure);
                    } else if (answer.get(0) != limit) {
                        answered.completeExceptionally(new IllegalStateException(limitMismatch(answer.get(0))));
                    } else {
                        answered.complete(null);
                    }
                },
                Integer.toString(limit),
                leaseMillis,
                patienceMillis);
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
                lockName,
                null,
                "The locker '" + lockName + "' cannot use Redis: "
                        + (cause == null || cause.getMessage() == null ? cause : cause.getMessage()),
                cause);
    }

    String limitMismatch(long other) {
        return "The locker '" + lockName + "' has the limit " + limit
                + " here, but another process holds permits of it with the limit " + other
                + ". Give it one limit in all processes, or another name here.";
    }

    @Override
    public String name() {
        return "redis";
    }

    @Override
    public String keyName(Object key) {
        return encoder.encode(key);
    }

    @Override
    public boolean isAvailable() {
        return redis.isAvailable();
    }

    String describe(String keyName) {
        return showKeys ? "key " + keyName + " of '" + lockName + "'" : "a key of '" + lockName + "'";
    }

    // ---- asking

    @Override
    public Request acquire(String keyName, boolean waits, Receiver receiver) {
        String id = process + ":" + Long.toString(lastId.incrementAndGet(), Character.MAX_RADIX);
        RedisRequest request = new RedisRequest(this, id, keyName, waits, receiver);
        open.put(id, request);
        CompletableFuture<?> before = leaving.get(keyName);
        if (before == null) {
            request.ask();
        } else {
            // That answer may take as long as any, and this caller is not to wait for two.
            redis.schedule(() -> request.failUnanswered(RedisCalls.noAnswer(timeoutNanos)), timeoutNanos);
            before.whenComplete((left, failure) -> request.ask());
        }
        return request;
    }

    /** Asks for a permit, or with a patience for a place in line. */
    void acquire(RedisRequest request, boolean waits, BiConsumer<List<Long>, @Nullable Throwable> answer) {
        List<Object> keys = new ArrayList<>(5);
        keys.add(names.token());
        keys.add(names.held());
        keys.addAll(request.keys);
        redis.run(
                RedisScript.ACQUIRE,
                keys,
                timeoutNanos,
                answer,
                request.id,
                Integer.toString(limit),
                leaseMillis,
                waits ? patienceMillis : "0");
    }

    void holds(RedisRequest request) {
        held.put(request.id, request);
        open.remove(request.id);
        if (!request.isHeld()) {
            held.remove(request.id);
        }
    }

    void forget(RedisRequest request) {
        open.remove(request.id);
        held.remove(request.id);
    }

    /**
     * Gives back in Redis whatever a request may have there.
     *
     * @param expected whether it should be a lease, whose absence is told
     */
    void leave(RedisRequest request, boolean expected) {
        List<Object> keys = new ArrayList<>(4);
        keys.add(names.held());
        keys.addAll(request.keys);
        CompletableFuture<Void> left = new CompletableFuture<>();
        leaving.put(request.keyName, left);
        long asked = System.nanoTime();
        redis.run(
                RedisScript.LEAVE,
                keys,
                timeoutNanos,
                (answer, failure) -> {
                    leaving.remove(request.keyName, left);
                    left.complete(null);
                    long now = System.nanoTime();
                    if (failure != null) {
                        if (request.mayBeHeld(now)) {
                            log.warn(
                                    "Redis was not told of a release: {}, {}",
                                    describe(request.keyName),
                                    redis.words(failure));
                            owed.add(request);
                        }
                    } else if (expected
                            && answer.get(0) == 0
                            && (now - asked < ASKED_ONCE_NANOS || !request.mayBeHeld(now))) {
                        log.warn("A lease was lost before it was given back: {}", describe(request.keyName));
                        request.wasLost();
                    }
                },
                request.id,
                Integer.toString(limit),
                names.channel());
    }

    /** Whether messages that are sent from now on arrive. */
    boolean isListening() {
        CompletableFuture<Integer> current = subscription.get();
        return current != null && current.isDone() && !current.isCompletedExceptionally();
    }

    /** Does something when messages arrive from then on; at once if they do. */
    void onceListening(Runnable action) {
        CompletableFuture<Integer> current = subscription.get();
        if (current != null) {
            current.thenRun(action);
        }
    }

    /** Sees to it that requests in line hear when it is their turn. */
    void subscribe() {
        CompletableFuture<Integer> mine = new CompletableFuture<>();
        if (subscription.compareAndSet(null, mine)) {
            listen(mine);
        }
    }

    /** Listens for turns. If that fails the beats tell them, only later, and the next who waits tries again. */
    private void listen(CompletableFuture<Integer> mine) {
        CompletionStage<Integer> listening;
        try {
            listening = turns.addListenerAsync(String.class, (channel, ids) -> turnOf(ids));
        } catch (RuntimeException e) {
            listening = CompletableFuture.failedFuture(e);
        }
        listening.whenComplete((listener, failure) -> {
            if (failure == null) {
                mine.complete(listener);
            } else {
                subscription.compareAndSet(mine, null);
                mine.completeExceptionally(failure);
                log.warn("No subscription to {}: {}", names.channel(), redis.words(failure));
            }
        });
    }

    private void turnOf(String ids) {
        for (String id : ids.split(" ", -1)) {
            RedisRequest request = open.get(id);
            if (request != null) {
                request.ask();
            }
        }
    }

    // ---- the beat

    private void nextBeat(long nanos) {
        redis.schedule(this::beat, nanos);
    }

    private void beat() {
        long now = System.nanoTime();
        long next = beatNanos;
        try {
            List<RedisRequest> all = new ArrayList<>();
            for (RedisRequest request : held.values()) {
                long left = request.endsAt() - now;
                if (left <= 0) {
                    request.lost();
                } else {
                    next = Math.min(next, left);
                    all.add(request);
                }
            }
            owed.removeIf(request -> !request.mayBeHeld(now));
            if (closed && all.isEmpty() && open.isEmpty() && owed.isEmpty()) {
                stop();
                return;
            }
            open.values().stream().filter(RedisRequest::isInLine).forEach(all::add);
            int from = 0;
            do {
                int to = Math.min(from + BATCH, all.size());
                renew(List.copyOf(all.subList(from, to)), now);
                from = to;
            } while (from < all.size());
        } catch (RuntimeException | Error e) {
            log.error("The leases of '{}' could not be renewed this time", lockName, e);
        }
        nextBeat(Math.max(next, TimeUnit.MILLISECONDS.toNanos(1)));
    }

    private void renew(List<RedisRequest> batch, long now) {
        List<Object> keys = new ArrayList<>();
        keys.add(names.held());
        List<Object> arguments = new ArrayList<>(List.of(Integer.toString(limit), leaseMillis, patienceMillis));
        List<Boolean> holds = new ArrayList<>();
        for (RedisRequest request : batch) {
            boolean isHeld = request.isHeld();
            holds.add(isHeld);
            keys.addAll(request.keys);
            arguments.add(isHeld ? "h" : "w");
            arguments.add(request.id);
        }
        redis.run(
                RedisScript.HEARTBEAT,
                keys,
                timeoutNanos / 2,
                (answer, failure) -> {
                    if (failure == null) {
                        beaten(batch, holds, now, answer);
                    } else {
                        batch.stream().filter(RedisRequest::isInLine).forEach(request -> request.fail(failure));
                    }
                },
                arguments.toArray());
    }

    private void beaten(List<RedisRequest> batch, List<Boolean> holds, long asked, List<Long> answer) {
        if (limitInUse.getAndSet(answer.get(0)) != answer.get(0) && answer.get(0) != limit) {
            log.error(limitMismatch(answer.get(0)));
        }
        for (int i = 0; i < batch.size(); i++) {
            RedisRequest request = batch.get(i);
            long found = answer.get(i + 1);
            if (holds.get(i)) {
                if (found == 1) {
                    request.renewed(asked);
                } else {
                    request.lost();
                }
            } else if (found != 1) {
                request.ask();
            }
        }
        long now = System.nanoTime();
        for (RedisRequest request = owed.poll(); request != null; request = owed.poll()) {
            if (request.mayBeHeld(now)) {
                leave(request, false);
            }
        }
    }

    /**
     * Ends this backend once its last lease has gone. Waits for the releases that Redis has not answered yet, up to the backend
     * time-out, as the client may be shut down next, and a release that does not arrive keeps its key until the lease ends.
     */
    @Override
    public void close() {
        closed = true;
        nextBeat(0);
        CompletableFuture<?> left =
                CompletableFuture.allOf(List.copyOf(leaving.values()).toArray(new CompletableFuture<?>[0]));
        try {
            left.get(timeoutNanos, TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException e) {
            log.debug("Redis has not answered all releases of '{}'", lockName, e);
        }
    }

    /** How many releases Redis has not heard of yet. */
    int owed() {
        return owed.size();
    }

    private void stop() {
        CompletableFuture<Integer> current = subscription.get();
        if (current != null) {
            current.thenAccept(listener -> {
                try {
                    turns.removeListenerAsync(listener);
                } catch (RuntimeException e) {
                    log.debug("The client was shut down before the locker", e);
                }
            });
        }
        redis.close();
    }
}
