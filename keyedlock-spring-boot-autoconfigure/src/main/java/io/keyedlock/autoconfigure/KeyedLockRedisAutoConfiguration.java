// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyedLocker;
import io.keyedlock.redis.KeyEncoder;
import io.keyedlock.redis.RedisBackend;
import io.keyedlock.redis.RedisSettings;
import org.redisson.api.RedissonClient;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnSingleCandidate;
import org.springframework.context.annotation.Bean;

/**
 * Auto-configuration of what a {@link KeyedLocker} needs whose property {@code backend} is {@code redis}: the application's
 * {@link RedissonClient}, and its {@link KeyEncoder} if there is one. Of several, one has to be primary.
 */
@AutoConfiguration(
        after = KeyedLockAutoConfiguration.class,
        afterName = {
            "org.redisson.spring.starter.RedissonAutoConfiguration",
            "org.redisson.spring.starter.RedissonAutoConfigurationV2",
            "org.redisson.spring.starter.RedissonAutoConfigurationV4"
        })
@ConditionalOnClass(RedissonClient.class)
@ConditionalOnSingleCandidate(RedissonClient.class)
public final class KeyedLockRedisAutoConfiguration {

    /** For the application context. */
    public KeyedLockRedisAutoConfiguration() {}

    @Bean(LockerRegistry.BACKENDS)
    LockerBackends keyedLockerRedisBackends(RedissonClient redisson, ObjectProvider<KeyEncoder> encoder) {
        return (settings, choice) -> {
            RedisBackend backend = RedisBackend.create(
                    redisson,
                    settings,
                    new RedisSettings(
                            choice.leaseTime(),
                            choice.backendTimeout(),
                            choice.maxTurn(),
                            encoder.getIfAvailable(KeyEncoder::standard)));
            if (choice.failFast()) {
                try {
                    backend.connect();
                } catch (RuntimeException e) {
                    backend.close();
                    throw e;
                }
            }
            return backend;
        };
    }
}
