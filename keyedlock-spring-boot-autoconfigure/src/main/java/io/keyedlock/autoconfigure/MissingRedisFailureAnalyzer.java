// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** Describes the dependency or bean that a locker on Redis needs. */
final class MissingRedisFailureAnalyzer extends AbstractFailureAnalyzer<MissingRedisException> {

    @Override
    protected FailureAnalysis analyze(Throwable rootFailure, MissingRedisException cause) {
        return new FailureAnalysis(
                cause.getMessage(),
                "Add the dependency org.springframework.boot:spring-boot-starter-data-redis and configure"
                        + " spring.data.redis.host; or define one bean of type ReactiveRedisConnectionFactory, such as"
                        + " LettuceConnectionFactory (or mark one of several as @Primary). Jedis is not supported: remove"
                        + " spring.data.redis.client-type=jedis and add io.lettuce:lettuce-core. To keep the locker in"
                        + " this process, write 'backend: local'.",
                cause);
    }
}
