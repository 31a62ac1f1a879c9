// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyedLocker;
import io.keyedlock.jdbc.JdbcLeaseStore;
import io.keyedlock.jdbc.JdbcSetupException;
import io.keyedlock.jdbc.KeyedLockDataSource;
import io.keyedlock.lease.KeyEncoder;
import io.keyedlock.lease.LeaseSettings;
import io.keyedlock.lease.Leases;
import java.util.List;
import javax.sql.DataSource;
import org.springframework.beans.factory.BeanFactoryUtils;
import org.springframework.beans.factory.ListableBeanFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.ConfigurableBeanFactory;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.sql.init.dependency.DependsOnDatabaseInitialization;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Lazy;
import org.springframework.core.env.Environment;
import org.springframework.jdbc.datasource.SimpleDriverDataSource;

/**
 * Auto-configuration of the JDBC backend, for each {@link KeyedLocker} whose property {@code backend} is {@code jdbc}. Uses the
 * database of the application's {@link DataSource}; of several, the one with {@link KeyedLockDataSource} or else the primary one.
 *
 * @since 0.1.0
 */
@AutoConfiguration(
        after = KeyedLockAutoConfiguration.class,
        afterName = {
            "org.springframework.boot.autoconfigure.jdbc.DataSourceAutoConfiguration",
            "org.springframework.boot.jdbc.autoconfigure.DataSourceAutoConfiguration"
        })
@ConditionalOnClass(SimpleDriverDataSource.class)
@ConditionalOnBean(DataSource.class)
public final class KeyedLockJdbcAutoConfiguration {

    private static final String LEASES = "keyedLockJdbcLeases";

    private static final String BACKENDS = ContextLockers.BACKENDS + "." + BackendChoice.JDBC;

    /** For the application context. */
    public KeyedLockJdbcAutoConfiguration() {}

    /** Created for the first locker on the database, after the migrations of the database. */
    @Bean(LEASES)
    @Lazy
    @DependsOnDatabaseInitialization
    Leases keyedLockJdbcLeases(
            @KeyedLockDataSource ObjectProvider<DataSource> marked,
            ObjectProvider<DataSource> all,
            KeyedLockProperties properties,
            Environment environment,
            ListableBeanFactory beans)
            throws JdbcSetupException {
        DataSource dataSource = marked.getIfUnique();
        if (dataSource == null && marked.stream().findAny().isPresent()) {
            throw MissingBackendException.ambiguous(List.of(
                    BeanFactoryUtils.beanNamesForAnnotationIncludingAncestors(beans, KeyedLockDataSource.class)));
        }
        if (dataSource == null) {
            dataSource = all.getIfUnique();
        }
        if (dataSource == null) {
            throw MissingBackendException.of("keyedlock.locks", BackendChoice.JDBC);
        }
        JdbcLeaseStore store = new JdbcLeaseStore(dataSource, properties.jdbc().settings());
        try {
            store.initialize(LeaseSettings.defaults().backendTimeout().multipliedBy(2));
        } catch (JdbcSetupException | RuntimeException e) {
            store.close();
            throw e;
        }
        return Leases.create(store, LeaseOwner.of(properties.owner(), environment));
    }

    @Bean
    LeaseReleases keyedLockJdbcReleases(ConfigurableBeanFactory beans) {
        return new LeaseReleases(() -> beans.getSingleton(LEASES) instanceof Leases created ? created : null);
    }

    @Bean(BACKENDS)
    LockerBackends keyedLockerJdbcBackends(ObjectProvider<KeyEncoder> encoder, ConfigurableBeanFactory beans) {
        return new LeaseBackends(BACKENDS, LEASES, encoder, beans);
    }
}
