// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.KeyedLocker;
import io.keyedlock.Permit;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;

/** A key that a reactive chain acquires in code, as in {@code docs/api.md}. */
class ReactorInCodeTests {

    private final KeyedLocker<String> orders = KeyedLocker.create();

    @Test
    void holdsTheKeyWhileTheInnerPublisherRuns() {
        Mono<Boolean> held = underKey(Mono.fromCallable(() -> orders.isActive("42")));
        assertThat(orders.isActive("42")).isFalse();
        assertThat(held.block()).isTrue();
        assertThat(orders.isActive("42")).isFalse();
    }

    @Test
    void releasesTheKeyAfterAFailure() {
        assertThatThrownBy(() -> underKey(Mono.error(new IllegalStateException("failed")))
                        .block())
                .hasMessage("failed");
        assertThat(orders.activeKeyCount()).isZero();
    }

    @Test
    void losesNoPermitIfTheSubscriberCancelsWhileThePermitIsGranted() throws Exception {
        ExecutorService other = Executors.newSingleThreadExecutor();
        try {
            for (int i = 0; i < 20_000; i++) {
                Permit held = orders.acquireAsync("42").join();
                Disposable waiting = underKey(Mono.just("done")).subscribe();
                CountDownLatch ready = new CountDownLatch(1);
                Future<?> release = other.submit(() -> {
                    ready.countDown();
                    held.close();
                });
                ready.await();
                for (int spins = i % 400; spins > 0; spins--) {
                    Thread.onSpinWait();
                }
                waiting.dispose();
                release.get();
                assertThat(orders.activeKeyCount()).isZero();
            }
        } finally {
            other.shutdown();
        }
    }

    private <T> Mono<T> underKey(Mono<T> inner) {
        return Mono.usingWhen(
                        Mono.fromFuture(() -> orders.acquireAsync("42")),
                        permit -> inner,
                        permit -> Mono.fromRunnable(permit::close))
                .doOnDiscard(Permit.class, Permit::close);
    }
}
