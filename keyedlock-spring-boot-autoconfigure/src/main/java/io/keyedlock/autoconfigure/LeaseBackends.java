// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyedLockerBackend;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.lease.KeyEncoder;
import io.keyedlock.lease.LeaseBackend;
import io.keyedlock.lease.Leases;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.ConfigurableBeanFactory;

/** The backends of lockers in one store, whose leases are a lazy bean. */
final class LeaseBackends implements LockerBackends {

    private final String name;
    private final String leasesName;
    private final ObjectProvider<KeyEncoder> encoder;
    private final ConfigurableBeanFactory beans;

    LeaseBackends(String name, String leasesName, ObjectProvider<KeyEncoder> encoder, ConfigurableBeanFactory beans) {
        this.name = name;
        this.leasesName = leasesName;
        this.encoder = encoder;
        this.beans = beans;
    }

    @Override
    public void check() {
        leases();
    }

    private Leases leases() {
        // Closes all lockers before their leases.
        beans.registerDependentBean(leasesName, name);
        return beans.getBean(leasesName, Leases.class);
    }

    @Override
    public KeyedLockerBackend create(KeyedLockerSettings settings, BackendChoice choice) {
        LeaseBackend backend = leases().backend(
                        settings, choice.leases().withKeyEncoder(encoder.getIfAvailable(KeyEncoder::standard)));
        if (choice.failFast()) {
            try {
                backend.connect();
            } catch (RuntimeException e) {
                backend.close();
                throw e;
            }
        }
        return backend;
    }
}
