// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.reports;

import io.keyedlock.KeyedLocker;
import io.keyedlock.autoconfigure.KeyLimits;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.ConcurrentHashMap;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.context.annotation.Profile;
import org.springframework.stereotype.Component;

/** The limits of tenants that were changed while the application runs. */
@Component
@Profile("limits")
class TenantLimits implements KeyLimits {

    private static final String LOCKER = "tenants";

    private final Map<Object, Integer> limits = new ConcurrentHashMap<>();

    /** Looked up late, because the locker asks this bean. */
    private final ObjectProvider<KeyedLocker<Object>> locker;

    TenantLimits(@Qualifier(LOCKER) ObjectProvider<KeyedLocker<Object>> locker) {
        this.locker = locker;
    }

    @Override
    public OptionalInt limit(String lockName, Object key) {
        Integer limit = lockName.equals(LOCKER) ? limits.get(key) : null;
        return limit == null ? OptionalInt.empty() : OptionalInt.of(limit);
    }

    int of(String tenant) {
        return limit(LOCKER, tenant).orElseGet(() -> locker.getObject().limit());
    }

    /** Changes the limit of a tenant, also for reports that wait. */
    void change(String tenant, int limit) {
        limits.put(tenant, limit);
        locker.getObject().refreshLimits();
    }
}
