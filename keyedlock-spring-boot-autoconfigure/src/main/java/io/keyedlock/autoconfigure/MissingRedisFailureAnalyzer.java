// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** Says what to add for a locker on Redis. */
final class MissingRedisFailureAnalyzer extends AbstractFailureAnalyzer<MissingRedisException> {

    @Override
    protected FailureAnalysis analyze(Throwable rootFailure, MissingRedisException cause) {
        return new FailureAnalysis(
                cause.getMessage(),
                "Add the dependency org.redisson:redisson and define one bean of type org.redisson.api.RedissonClient (or"
                        + " mark one of several as @Primary), for instance Redisson.create(config); or add"
                        + " org.redisson:redisson-spring-boot-starter, which does both. To keep the locker in this process,"
                        + " write 'backend: local'.",
                cause);
    }
}
