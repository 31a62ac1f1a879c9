// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import java.util.List;

/** Thrown if the backend of a locker needs a bean that is missing, or of which there are several and none is preferred. */
final class MissingBackendException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final String kind;

    private final boolean isAmbiguous;

    MissingBackendException(String lockName, String kind) {
        super("Locker '" + lockName + "' is configured with backend '" + kind + "', but there is no "
                + (kind.equals(BackendChoice.JDBC) ? "DataSource" : "ReactiveRedisConnectionFactory")
                + " bean, or there are several and none is primary.");
        this.kind = kind;
        this.isAmbiguous = false;
    }

    private MissingBackendException(String problem) {
        super(problem);
        this.kind = BackendChoice.JDBC;
        this.isAmbiguous = true;
    }

    /** Returns the exception for several data sources that are marked for leases. */
    static MissingBackendException ambiguous(List<String> beanNames) {
        return new MissingBackendException("Leases need one DataSource, but these beans have @KeyedLockDataSource: "
                + String.join(", ", beanNames) + ".");
    }

    /** Returns whether several data sources are marked for leases. */
    boolean isAmbiguous() {
        return isAmbiguous;
    }

    String kind() {
        return kind;
    }
}
