// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.redis;

import io.keyedlock.demo.servers.DetachedServers;
import org.redisson.Redisson;
import org.redisson.api.RedissonClient;
import org.redisson.config.Config;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Profile;

/** Under the profile {@code redis}, a client of a server that comes with the demo, or of the one whose address is given. */
@Configuration(proxyBeanMethods = false)
@Profile("redis")
class RedisConfiguration {

    @Bean(destroyMethod = "shutdown")
    RedissonClient redissonClient(@Value("${demo.redis.address:}") String address) {
        Config config = new Config();
        config.useSingleServer()
                .setAddress(address.isEmpty() ? new DetachedServers().findOrStart("redis", RedisServer.class) : address)
                .setConnectionMinimumIdleSize(4);
        return Redisson.create(config);
    }
}
