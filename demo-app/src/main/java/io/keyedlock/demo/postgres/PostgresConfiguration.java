// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.postgres;

import com.zaxxer.hikari.HikariDataSource;
import io.keyedlock.demo.servers.DetachedServers;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Profile;

/** The database of the profile {@code postgres}: a server bundled with the demo, unless a URL is configured. */
@Configuration(proxyBeanMethods = false)
@Profile("postgres")
@ConditionalOnProperty(name = "spring.datasource.url", havingValue = "absent", matchIfMissing = true)
class PostgresConfiguration {

    @Bean(destroyMethod = "close")
    @ConfigurationProperties("spring.datasource.hikari")
    HikariDataSource dataSource() {
        HikariDataSource dataSource = new HikariDataSource();
        dataSource.setJdbcUrl(new DetachedServers().findOrStart("postgres", PostgresServer.class));
        return dataSource;
    }
}
