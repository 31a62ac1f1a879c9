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
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
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
 * <p>A locker on this backend should be closed when it is not used any more: until then a thread asks Redis at least
 * twice in each backend time-out whether it is there.
 */
public final class RedisBackend implements KeyedLockerBackend {

    /*
     * WHAT RUNS WHERE
     * Questions are asked by whoever wants something and answered on Redisson's threads, which run nothing here that
     * blocks. One thread of this backend ends what is not answered in time, and beats: each beat renews all leases and
     * all places in line, a batch at a time, and so finds out what is lost, whose turn it is although the message did
     * not come, and whether Redis is there at all. It beats when nothing is held too, so that the state is known. There is
     * one beat to come, whoever asked for it last, until there is none any more.
     *
     * WHAT STAYS IN REDIS
     * Of a request that is over and a lease that was given back nothing stays, neither a lease nor a place in line, once
     * Redis answers again. Whoever withdraws or releases tells Redis at once. Whoever sees that Redis does not answer, to
     * that or to a question, has the request be owed: it is told at the next beat that is answered, or dropped when Redis
     * must have forgotten it by itself. What Redis does of all this after that, and no answer tells, ends with its time.
     *
     * WHO WINS
     * Answer against time-out, withdrawal or failure: RedisRequest's state. Who loses sees to what Redis has: an answer that
     * comes late and brings a lease or a place, and a beat that finds the place of a request that is over, have it left.
     * It may be left more than once, which is harmless, as no id comes twice.
     * What is owed against a new request of its key: in either order, as leaving tells those whose turn it is then.
     * Renewal against release: a release makes the request's state something else than HELD before it tells Redis, so a
     * beat that finds the lease gone then tells nobody.
     * A new request against the release of the same key before it: it is asked once that is answered, so that it does
     * not find its own process's lease in its way.
     * A failure against close: the client is shut down when close has returned, so whatever fails by that sees that this is
     * closed, and does not say that Redis cannot be reached or listened to. A beat may ask after close, even of a backend
     * with nothing to renew, if it began before. A failure that was seen before close is told, and is one of Redis.
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

    /** For how long after it was last asked Redis may have something of a request, if it has done what it was asked in time. */
    final long rememberedNanos;

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

    /** Those of which Redis may have something that it could not be told to forget, which is tried at a beat that is answered. */
    private final Set<RedisRequest> owed = ConcurrentHashMap.newKeySet();

    /** Null until somebody has to wait for another process, and again if that failed. */
    private final AtomicReference<@Nullable CompletableFuture<Integer>> subscription = new AtomicReference<>();

    /** The limit that Redis told at the last beat. */
    private final AtomicLong limitInUse = new AtomicLong();

    private volatile boolean closed;

    /** The beat to come. Guarded by this. */
    private Future<?> beat = CompletableFuture.completedFuture(null);

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
        long patience = Math.max(100, TimeUnit.NANOSECONDS.toMillis(4 * beatNanos));
        this.patienceMillis = Long.toString(patience);
        this.rememberedNanos = timeoutNanos + Math.max(leaseNanos, TimeUnit.MILLISECONDS.toNanos(patience));
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
        backend.nextBeat(backend.beatNanos, false);
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
        try {
            return encoder.encode(key);
        } catch (UnnamedKeyException e) {
            throw e;
        } catch (RuntimeException e) {
            throw showKeys ? e : wordless(e);
        }
    }

    /** What the code of a key or of an encoder throws may have the key in its words, and so may its causes. */
    private IllegalArgumentException wordless(RuntimeException failure) {
        IllegalArgumentException wordless =
                new IllegalArgumentException("A key of '" + lockName + "' could not be given its name in Redis: "
                        + failure.getClass().getName()
                        + ". More is not told, as it may name a key (keyedlock.show-keys)");
        wordless.setStackTrace(failure.getStackTrace());
        return wordless;
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
            request.awaitFirstAnswer(timeoutNanos);
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

    /** Does something on the thread of this backend. */
    Future<?> schedule(Runnable task, long nanos) {
        return redis.schedule(task, nanos);
    }

    /** Has Redis be told that a request is over, once it answers. */
    void owe(RedisRequest request) {
        if (request.mayBeKnown(System.nanoTime())) {
            owed.add(request);
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
        owed.remove(request);
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
                        }
                        owe(request);
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
                if (!closed) {
                    log.warn("No subscription to {}: {}", names.channel(), redis.words(failure));
                }
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

    /**
     * Has the next beat come, in place of any that was to come.
     *
     * @param sawClose whether whoever asks knows that this was closed; if not, the next beat has to find out soon
     */
    private synchronized void nextBeat(long nanos, boolean sawClose) {
        beat.cancel(false);
        beat = redis.schedule(this::beat, closed && !sawClose ? 0 : nanos);
    }

    private void beat() {
        boolean wasClosed = closed;
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
            owed.removeIf(request -> !request.mayBeKnown(now));
            if (wasClosed && all.isEmpty() && open.isEmpty() && owed.isEmpty()) {
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
        nextBeat(Math.max(next, TimeUnit.MILLISECONDS.toNanos(1)), wasClosed);
    }

    private void renew(List<RedisRequest> batch, long now) {
        List<Object> keys = new ArrayList<>();
        keys.add(names.held());
        List<Object> arguments = new ArrayList<>(List.of(Integer.toString(limit), leaseMillis, patienceMillis));
        List<Boolean> holds = new ArrayList<>();
        for (RedisRequest request : batch) {
            boolean isHeld = request.isHeld();
            holds.add(isHeld);
            request.beats(now);
            keys.addAll(request.keys);
            arguments.add(isHeld ? "h" : "w");
            arguments.add(request.id);
        }
        redis.run(
                RedisScript.HEARTBEAT,
                keys,
                timeoutNanos,
                (answer, failure) -> {
                    if (failure == null) {
                        beaten(batch, holds, now, answer);
                    } else {
                        batch.forEach(request -> request.failUnheard(failure, timeoutNanos));
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
            } else {
                request.heard();
                if (found != 1) {
                    request.ask();
                }
                if (found != 0 && request.isOver()) {
                    leave(request, false);
                }
            }
        }
        long now = System.nanoTime();
        for (RedisRequest request : List.copyOf(owed)) {
            if (owed.remove(request) && request.mayBeKnown(now)) {
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
        redis.closing();
        nextBeat(0, true);
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

    /** How many requests Redis has to be told to forget. */
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
