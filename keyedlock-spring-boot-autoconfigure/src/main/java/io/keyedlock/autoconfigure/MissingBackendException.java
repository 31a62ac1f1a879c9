// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

/** Thrown for a locker whose backend needs a bean that is missing, or of which there are several and none is primary. */
final class MissingBackendException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final String kind;

    MissingBackendException(String lockName, String kind) {
        super("Locker '" + lockName + "' is configured with backend '" + kind + "', but there is no "
                + (kind.equals(BackendChoice.JDBC) ? "DataSource" : "ReactiveRedisConnectionFactory")
                + " bean, or there are several and none is primary.");
        this.kind = kind;
    }

    String kind() {
        return kind;
    }
}
