// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import io.keyedlock.lease.LeaseStore;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.springframework.data.redis.connection.ReactiveRedisConnectionFactory;
import org.springframework.data.redis.listener.ChannelTopic;
import org.springframework.data.redis.listener.ReactiveRedisMessageListenerContainer;
import reactor.core.Disposable;
import reactor.core.Disposables;

/**
 * The subscription to the channel of this process, on which Redis offers leases to its waiters. Made when the first claim waits.
 * If it fails, heartbeats find turns, and a claim that waits half a minute later tries again.
 */
final class RedisTurns {

    private static final long RETRY_NANOS = TimeUnit.SECONDS.toNanos(30);

    private final ReactiveRedisConnectionFactory factory;
    private final RedisCommands commands;
    private final String channel;
    private final LeaseStore.TurnListener listener;
    private final Consumer<Throwable> failures;
    private final Disposable.Swap subscription = Disposables.swap();

    /** Guarded by this. */
    private boolean active;

    /** When a subscription failed last, if it did. Guarded by this. */
    private long failedAt;

    /** Guarded by this. */
    private boolean failed;

    private volatile @Nullable ReactiveRedisMessageListenerContainer container;

    RedisTurns(
            ReactiveRedisConnectionFactory factory,
            RedisCommands commands,
            String channel,
            LeaseStore.TurnListener listener,
            Consumer<Throwable> failures) {
        this.factory = factory;
        this.commands = commands;
        this.channel = channel;
        this.listener = listener;
        this.failures = failures;
    }

    /** Subscribes unless that was done. */
    void subscribe() {
        synchronized (this) {
            if (active || (failed && System.nanoTime() - failedAt < RETRY_NANOS)) {
                return;
            }
            active = true;
        }
        commands.mayBlock(this::open);
    }

    private void open() {
        try {
            ReactiveRedisMessageListenerContainer opened = new ReactiveRedisMessageListenerContainer(factory);
            container = opened;
            subscription.update(opened.receiveLater(ChannelTopic.of(channel))
                    .doOnNext(ready -> listener.listening())
                    .flatMapMany(messages -> messages)
                    .subscribe(
                            message -> listener.turn(message.getMessage()),
                            this::fail,
                            () -> fail(new IllegalStateException("the subscription has ended"))));
        } catch (RuntimeException | Error e) {
            fail(e);
        }
    }

    private void fail(Throwable cause) {
        synchronized (this) {
            active = false;
            failed = true;
            failedAt = System.nanoTime();
        }
        failures.accept(cause);
    }

    void close() {
        subscription.dispose();
        ReactiveRedisMessageListenerContainer opened = container;
        if (opened != null) {
            opened.destroyLater().subscribe(nothing -> {}, failure -> {});
        }
    }
}
