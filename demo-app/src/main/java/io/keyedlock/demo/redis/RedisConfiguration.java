// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.redis;

import io.keyedlock.demo.servers.DetachedServers;
import java.net.URI;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Profile;
import org.springframework.data.redis.connection.lettuce.LettuceConnectionFactory;

/** The connections of the profile {@code redis}: to a server bundled with the demo, or to a configured address. */
@Configuration(proxyBeanMethods = false)
@Profile("redis")
class RedisConfiguration {

    @Bean
    LettuceConnectionFactory redisConnectionFactory(@Value("${demo.redis.address:}") String address) {
        URI server =
                URI.create(address.isEmpty() ? new DetachedServers().findOrStart("redis", RedisServer.class) : address);
        return new LettuceConnectionFactory(server.getHost(), server.getPort());
    }
}
