// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** Describes the dependency or bean that the backend of a locker needs. */
final class MissingBackendFailureAnalyzer extends AbstractFailureAnalyzer<MissingBackendException> {

    @Override
    protected FailureAnalysis analyze(Throwable rootFailure, MissingBackendException cause) {
        if (cause.isAmbiguous()) {
            return new FailureAnalysis(
                    cause.getMessage(),
                    "Remove @KeyedLockDataSource from all of them but one, or mark one of them with @Primary, too.",
                    cause);
        }
        String action = cause.kind().equals(BackendChoice.JDBC)
                ? "Add the dependency org.springframework.boot:spring-boot-starter-jdbc and configure"
                        + " spring.datasource.url; or define one bean of type DataSource. If there are several, mark exactly"
                        + " one with @KeyedLockDataSource, or one with @Primary."
                : "Add the dependency org.springframework.boot:spring-boot-starter-data-redis and configure"
                        + " spring.data.redis.host; or define one bean of type ReactiveRedisConnectionFactory, such as"
                        + " LettuceConnectionFactory (or mark one of several as @Primary). Jedis is not supported: remove"
                        + " spring.data.redis.client-type=jedis and add io.lettuce:lettuce-core.";
        return new FailureAnalysis(
                cause.getMessage(), action + " To keep the locker in this process, write 'backend: local'.", cause);
    }
}
