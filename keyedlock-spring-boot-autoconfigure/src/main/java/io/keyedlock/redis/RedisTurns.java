// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import io.keyedlock.lease.LeaseStore;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.springframework.data.redis.connection.ReactiveRedisConnectionFactory;
import org.springframework.data.redis.listener.ChannelTopic;
import org.springframework.data.redis.listener.ReactiveRedisMessageListenerContainer;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Mono;

/**
 * The subscription to the channel of this process, on which Redis offers leases to its waiters. Created when the first claim
 * waits.
 *
 * <p>Without a subscription, waiters find their turn by heartbeats. If Redis rejects the subscription, a claim that waits half
 * a minute later tries again. A lost subscription is renewed soon: some drivers renew it themselves, others end it.
 */
final class RedisTurns {

    private static final long REJECTED_NANOS = TimeUnit.SECONDS.toNanos(30);

    /** The delay before a lost subscription is renewed. Doubled with each consecutive failure. */
    private static final Duration FIRST_RETRY = Duration.ofMillis(50);

    /** The maximum number of times that the delay is doubled, to 25 seconds. */
    private static final int MOST_DOUBLED = 9;

    /** How long Redis may take to confirm a subscription. A driver may lose the confirmation if its connection is cut. */
    private static final Duration CONFIRM_TIMEOUT = Duration.ofSeconds(5);

    private final ReactiveRedisConnectionFactory factory;
    private final RedisCommands commands;
    private final String channel;
    private final LeaseStore.TurnListener listener;
    private final Consumer<Throwable> rejections;
    private final Disposable.Swap subscription = Disposables.swap();
    private final Disposable.Swap retry = Disposables.swap();

    /** Whether a subscription exists or is being created. Guarded by this. */
    private boolean active;

    /** When a subscription was last rejected, if {@link #rejected} is true. Guarded by this. */
    private long rejectedAt;

    /** Whether a subscription was rejected. Guarded by this. */
    private boolean rejected;

    /** The number of consecutive failures, for the delay. Guarded by this. */
    private int failures;

    private volatile @Nullable ReactiveRedisMessageListenerContainer container;

    RedisTurns(
            ReactiveRedisConnectionFactory factory,
            RedisCommands commands,
            String channel,
            LeaseStore.TurnListener listener,
            Consumer<Throwable> rejections) {
        this.factory = factory;
        this.commands = commands;
        this.channel = channel;
        this.listener = listener;
        this.rejections = rejections;
    }

    /** Subscribes unless a subscription exists, or was rejected a short time ago. */
    void subscribe() {
        synchronized (this) {
            if (active || (rejected && System.nanoTime() - rejectedAt < REJECTED_NANOS)) {
                return;
            }
            active = true;
        }
        openLater();
    }

    private void openLater() {
        try {
            commands.mayBlock(this::open);
        } catch (RuntimeException | Error e) {
            markInactive();
        }
    }

    /** Called if no thread can be started. The next claim that waits tries again. */
    private synchronized void markInactive() {
        active = false;
    }

    private void open() {
        if (subscription.isDisposed()) {
            return;
        }
        try {
            ReactiveRedisMessageListenerContainer opened = new ReactiveRedisMessageListenerContainer(factory);
            container = opened;
            subscription.update(opened.receiveLater(ChannelTopic.of(channel))
                    .timeout(CONFIRM_TIMEOUT)
                    .doOnNext(ready -> listening())
                    .flatMapMany(messages -> messages)
                    .subscribe(
                            message -> listener.turn(message.getMessage()),
                            this::fail,
                            () -> fail(new IllegalStateException("the subscription has ended"))));
            if (subscription.isDisposed()) {
                discard();
            }
        } catch (RuntimeException | Error e) {
            fail(e);
        }
    }

    private void listening() {
        synchronized (this) {
            failures = 0;
        }
        listener.listening();
    }

    private void fail(Throwable cause) {
        discard();
        if (RedisCommands.mentions(cause, "NOPERM")) {
            synchronized (this) {
                active = false;
                rejected = true;
                rejectedAt = System.nanoTime();
            }
            rejections.accept(cause);
            return;
        }
        Duration delay;
        synchronized (this) {
            delay = FIRST_RETRY.multipliedBy(1L << failures);
            failures = Math.min(failures + 1, MOST_DOUBLED);
        }
        try {
            retry.update(Mono.delay(delay).subscribe(tick -> openLater()));
        } catch (RuntimeException | Error e) {
            markInactive();
        }
    }

    private void discard() {
        ReactiveRedisMessageListenerContainer opened = container;
        container = null;
        if (opened != null) {
            opened.destroyLater().subscribe(nothing -> {}, failure -> {});
        }
    }

    void close() {
        retry.dispose();
        subscription.dispose();
        discard();
    }
}
