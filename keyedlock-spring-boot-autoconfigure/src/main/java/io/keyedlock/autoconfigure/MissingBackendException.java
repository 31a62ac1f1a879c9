// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import java.util.List;

/** Thrown if the backend of a locker needs a bean that is missing, or of which there are several and none is preferred. */
final class MissingBackendException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final String action;

    private MissingBackendException(String problem, String action) {
        super(problem);
        this.action = action;
    }

    /** Returns the exception for a backend that has no bean to use. */
    static MissingBackendException of(String lockName, String kind) {
        boolean isJdbc = kind.equals(BackendChoice.JDBC);
        String action = isJdbc
                ? "Add the dependency org.springframework.boot:spring-boot-starter-jdbc and configure"
                        + " spring.datasource.url; or define one bean of type DataSource. If there are several, mark exactly"
                        + " one with @KeyedLockDataSource, or one with @Primary."
                : "Add the dependency org.springframework.boot:spring-boot-starter-data-redis and configure"
                        + " spring.data.redis.host; or define one bean of type ReactiveRedisConnectionFactory, such as"
                        + " LettuceConnectionFactory (or mark one of several as @Primary). Jedis is not supported: remove"
                        + " spring.data.redis.client-type=jedis and add io.lettuce:lettuce-core.";
        return new MissingBackendException(
                "Locker '" + lockName + "' is configured with backend '" + kind + "', but there is no "
                        + (isJdbc ? "DataSource" : "ReactiveRedisConnectionFactory")
                        + " bean, or there are several and none is primary.",
                action + " To keep the locker in this process, write 'backend: local'.");
    }

    /** Returns the exception for several data sources that are marked for leases. */
    static MissingBackendException ambiguous(List<String> beanNames) {
        return new MissingBackendException(
                "Leases need one DataSource, but these beans have @KeyedLockDataSource: " + String.join(", ", beanNames)
                        + ".",
                "Remove @KeyedLockDataSource from all of them but one, or mark one of them with @Primary, too.");
    }

    /** Returns what to do. */
    String action() {
        return action;
    }
}
