// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyedLocker;
import io.keyedlock.lease.KeyEncoder;
import io.keyedlock.lease.Leases;
import io.keyedlock.redis.RedisLeaseStore;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.ConfigurableBeanFactory;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnSingleCandidate;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Lazy;
import org.springframework.core.env.Environment;
import org.springframework.data.redis.connection.ReactiveRedisConnectionFactory;

/**
 * Auto-configuration of the Redis backend, for each {@link KeyedLocker} whose property {@code backend} is {@code redis}. Uses
 * the application's {@link ReactiveRedisConnectionFactory}, of which one must be primary if there are several, and its
 * {@link KeyEncoder} if there is one.
 *
 * @since 0.1.0
 */
@AutoConfiguration(
        after = KeyedLockAutoConfiguration.class,
        afterName = {
            "org.springframework.boot.autoconfigure.data.redis.RedisAutoConfiguration",
            "org.springframework.boot.data.redis.autoconfigure.DataRedisAutoConfiguration",
            "org.redisson.spring.starter.RedissonAutoConfiguration",
            "org.redisson.spring.starter.RedissonAutoConfigurationV2",
            "org.redisson.spring.starter.RedissonAutoConfigurationV4"
        })
@ConditionalOnClass(ReactiveRedisConnectionFactory.class)
@ConditionalOnSingleCandidate(ReactiveRedisConnectionFactory.class)
public final class KeyedLockRedisAutoConfiguration {

    static final String LEASES = "keyedLockRedisLeases";

    private static final String BACKENDS = ContextLockers.BACKENDS + "." + BackendChoice.REDIS;

    /** For the application context. */
    public KeyedLockRedisAutoConfiguration() {}

    /** Created for the first locker on Redis. */
    @Bean(LEASES)
    @Lazy
    Leases keyedLockRedisLeases(
            ReactiveRedisConnectionFactory connections, KeyedLockProperties properties, Environment environment) {
        return Leases.create(
                new RedisLeaseStore(connections, properties.redis().prefix()),
                LeaseOwner.of(properties.owner(), environment));
    }

    @Bean
    LeaseReleases keyedLockRedisReleases(ConfigurableBeanFactory beans) {
        return new LeaseReleases(() -> beans.getSingleton(LEASES) instanceof Leases created ? created : null);
    }

    @Bean(BACKENDS)
    LockerBackends keyedLockerRedisBackends(ObjectProvider<KeyEncoder> encoder, ConfigurableBeanFactory beans) {
        return new LeaseBackends(BACKENDS, LEASES, encoder, beans);
    }
}
