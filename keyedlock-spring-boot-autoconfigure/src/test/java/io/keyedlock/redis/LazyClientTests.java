// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.LockBackendException;
import io.keyedlock.Permit;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** A client that connects with its first call, and a Redis that is not there yet. */
class LazyClientTests {

    @Test
    @DisplayName(
            "nobody waits for the client's attempts to connect, which take seconds; once Redis is there, permits are granted")
    void redisThatComesLater() {
        try (RedisProcess redis = new RedisProcess()) {
            redis.stop();
            KeyedLockerSettings settings = KeyedLockerSettings.defaults().withName("late");
            RedisSettings own = RedisSettings.defaults().withBackendTimeout(Duration.ofMillis(200));
            KeyedLocker<String> locker =
                    KeyedLocker.createOn(RedisBackend.create(redis.client(), settings, own), settings);

            CompletableFuture<Permit> first = locker.acquireAsync("k");
            // Had the call waited for the client, it would have failed for that reason.
            assertThatThrownBy(first::join)
                    .isInstanceOf(CompletionException.class)
                    .cause()
                    .isInstanceOf(LockBackendException.class)
                    .hasMessageContaining("no answer of Redis within 200 ms");
            assertThatThrownBy(() -> locker.acquire("k"))
                    .isInstanceOf(LockBackendException.class)
                    .hasMessageContaining("no answer of Redis within 200 ms");
            assertThat(locker.activeKeyCount()).isZero();

            redis.start();
            RedisProcess.until(() -> {
                try {
                    Optional<Permit> permit = locker.tryAcquire("k");
                    permit.ifPresent(Permit::close);
                    return permit.isPresent();
                } catch (LockBackendException e) {
                    return false;
                }
            });
            assertThat(locker.activeKeyCount()).isZero();
            locker.close();
        }
    }
}
