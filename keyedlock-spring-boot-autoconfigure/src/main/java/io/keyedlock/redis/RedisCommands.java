// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.springframework.dao.DataAccessResourceFailureException;
import org.springframework.data.redis.connection.ReactiveRedisConnection;
import org.springframework.data.redis.connection.ReactiveRedisConnectionFactory;
import org.springframework.data.redis.connection.ReactiveScriptingCommands;
import org.springframework.data.redis.connection.ReturnType;
import reactor.core.publisher.Mono;
import reactor.util.retry.Retry;

/**
 * Runs scripts over one connection of the application, without blocking the caller.
 *
 * <p>A driver may connect within the call that needs the connection, which takes seconds if Redis cannot be reached. So a
 * separate thread, which lives only for this, connects and runs the first script. Calls made meanwhile wait for this attempt
 * without blocking, and fail if it fails.
 */
final class RedisCommands implements AutoCloseable {

    /** The delay before a command is repeated because its slot is moving. Repeated until the caller cancels it. */
    private static final Duration SLOT_MOVES = Duration.ofMillis(20);

    /** How long Redis may take to answer the first command of a connection. Other calls wait for this answer. */
    private static final Duration FIRST_ANSWER = Duration.ofSeconds(5);

    private final ReactiveRedisConnectionFactory factory;
    private final RedisNames names;

    /** Receives the answer of {@link RedisScript#CHECK} after each successful attempt to connect. */
    private final Consumer<String> contacts;

    private final ThreadPoolExecutor connector;

    /** The connection or the pending attempt to connect. Null or failed if there is neither. */
    private final AtomicReference<@Nullable CompletableFuture<ReactiveRedisConnection>> connection =
            new AtomicReference<>();

    RedisCommands(ReactiveRedisConnectionFactory factory, RedisNames names, Consumer<String> contacts) {
        this.factory = factory;
        this.names = names;
        this.contacts = contacts;
        this.connector = new ThreadPoolExecutor(1, 1, 1, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> {
            Thread thread = new Thread(null, task, "keyedlock-redis-connect", 0, false);
            thread.setContextClassLoader(null);
            thread.setDaemon(true);
            return thread;
        });
        connector.allowCoreThreadTimeOut(true);
    }

    /** Runs a script. A cancelled future cancels the command if the driver has not sent it yet. */
    CompletableFuture<String> run(RedisScript script, List<String> keys, List<String> arguments) {
        CompletableFuture<ReactiveRedisConnection> current = connection();
        if (current.isDone() && !current.isCompletedExceptionally()) {
            return send(current, script, keys, arguments).toFuture();
        }
        return Mono.fromFuture(current, true)
                .flatMap(connected -> send(current, script, keys, arguments))
                .toFuture();
    }

    /** Runs a task that may block, on the thread that connects. */
    void mayBlock(Runnable task) {
        try {
            connector.execute(task);
        } catch (RejectedExecutionException e) {
            // Closed meanwhile, so the task is no longer needed.
        }
    }

    private CompletableFuture<ReactiveRedisConnection> connection() {
        CompletableFuture<ReactiveRedisConnection> current = connection.get();
        if (current != null && !current.isCompletedExceptionally()) {
            return current;
        }
        CompletableFuture<ReactiveRedisConnection> attempt = new CompletableFuture<>();
        if (!connection.compareAndSet(current, attempt)) {
            return connection();
        }
        try {
            connector.execute(() -> connect(attempt));
        } catch (RejectedExecutionException e) {
            attempt.completeExceptionally(new IllegalStateException("The Redis store is closed", e));
        } catch (RuntimeException | Error e) {
            // No thread can be started; the next call tries again.
            attempt.completeExceptionally(e);
        }
        return attempt;
    }

    private void connect(CompletableFuture<ReactiveRedisConnection> attempt) {
        try {
            ReactiveRedisConnection connected = factory.getReactiveConnection();
            evaluate(connected, RedisScript.CHECK, List.of(names.check()), List.of(names.channels()))
                    .timeout(
                            FIRST_ANSWER,
                            Mono.error(() -> new TimeoutException("Redis did not answer the first command")))
                    .subscribe(
                            answer -> {
                                attempt.complete(connected);
                                contacts.accept(answer);
                            },
                            failure -> discard(attempt, connected, failure),
                            () -> discard(attempt, connected, new IllegalStateException("Redis answered nothing")));
        } catch (RuntimeException | Error e) {
            attempt.completeExceptionally(e);
        }
    }

    private static void discard(
            CompletableFuture<ReactiveRedisConnection> attempt, ReactiveRedisConnection connected, Throwable failure) {
        if (attempt.completeExceptionally(failure)) {
            closeConnection(connected);
        }
    }

    private static void closeConnection(ReactiveRedisConnection connection) {
        connection.closeLater().subscribe(nothing -> {}, failure -> {});
    }

    private Mono<String> send(
            CompletableFuture<ReactiveRedisConnection> current,
            RedisScript script,
            List<String> keys,
            List<String> arguments) {
        return evaluate(current.join(), script, keys, arguments).doOnError(failure -> {
            if (failure instanceof DataAccessResourceFailureException || mentions(failure, "onnection is closed")) {
                // The connection may have been closed together with its factory, which may have been restarted.
                if (connection.compareAndSet(current, null)) {
                    closeConnection(current.join());
                }
            }
        });
    }

    private static Mono<String> evaluate(
            ReactiveRedisConnection connection, RedisScript script, List<String> keys, List<String> arguments) {
        return attempt(connection, script, keys, arguments)
                // Only here, because retryWhen would slow down successful calls, too.
                .onErrorResume(
                        RedisCommands::isInMovingSlot,
                        moving -> Mono.defer(() -> attempt(connection, script, keys, arguments))
                                .delaySubscription(SLOT_MOVES)
                                .retryWhen(Retry.fixedDelay(Long.MAX_VALUE, SLOT_MOVES)
                                        .filter(RedisCommands::isInMovingSlot)))
                .map(answer -> StandardCharsets.UTF_8.decode(answer).toString());
    }

    private static Mono<ByteBuffer> attempt(
            ReactiveRedisConnection connection, RedisScript script, List<String> keys, List<String> arguments) {
        ReactiveScriptingCommands scripts = connection.scriptingCommands();
        return scripts.<ByteBuffer>evalSha(script.digest(), ReturnType.VALUE, keys.size(), encode(keys, arguments))
                .next()
                .onErrorResume(
                        RedisCommands::isUnknownScript,
                        unknown -> scripts.<ByteBuffer>eval(
                                        encode(script.text()), ReturnType.VALUE, keys.size(), encode(keys, arguments))
                                .next());
    }

    private static ByteBuffer[] encode(List<String> keys, List<String> arguments) {
        ByteBuffer[] encoded = new ByteBuffer[keys.size() + arguments.size()];
        int i = 0;
        for (String key : keys) {
            encoded[i++] = encode(key);
        }
        for (String argument : arguments) {
            encoded[i++] = encode(argument);
        }
        return encoded;
    }

    private static ByteBuffer encode(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    }

    private static boolean isUnknownScript(Throwable failure) {
        return mentions(failure, "NOSCRIPT");
    }

    /** While a slot moves, its keys are on two nodes, and a cluster rejects commands that need several of them. */
    private static boolean isInMovingSlot(Throwable failure) {
        return mentions(failure, "TRYAGAIN");
    }

    /** Returns whether the message of a failure or of a cause contains a text, for example an error code of Redis. */
    static boolean mentions(Throwable failure, String text) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            String message = cause.getMessage();
            if (message != null && message.contains(text)) {
                return true;
            }
        }
        return false;
    }

    @Override
    public void close() {
        connector.shutdown();
        CompletableFuture<ReactiveRedisConnection> current = connection.get();
        if (current != null) {
            current.thenAccept(RedisCommands::closeConnection);
        }
    }
}
