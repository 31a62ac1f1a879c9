// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.actuate.KeyedLocksEndpoint;
import io.keyedlock.actuate.KeyedLocksEndpoint.LockerDescriptor;
import io.keyedlock.actuate.KeyedLocksEndpointWebExtension;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.boot.actuate.autoconfigure.context.properties.ConfigurationPropertiesReportEndpointAutoConfiguration;
import org.springframework.boot.actuate.context.properties.ConfigurationPropertiesReportEndpoint;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.context.ConfigurationPropertiesAutoConfiguration;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

class KeyedLockEndpointAutoConfigurationTests {

    private final ApplicationContextRunner contexts = new ApplicationContextRunner()
            .withConfiguration(
                    AutoConfigurations.of(KeyedLockAutoConfiguration.class, KeyedLockEndpointAutoConfiguration.class))
            .withPropertyValues(
                    "management.endpoints.web.exposure.include=keyedlocks", "keyedlock.locks.orders.limit=1");

    @Test
    void theEndpointExistsIfItIsExposed() {
        contexts.run(context -> assertThat(context)
                .hasSingleBean(KeyedLocksEndpoint.class)
                .hasSingleBean(KeyedLocksEndpointWebExtension.class));
        contexts.withPropertyValues("management.endpoints.web.exposure.include=info")
                .run(context -> assertThat(context).doesNotHaveBean(KeyedLocksEndpoint.class));
        contexts.withPropertyValues("management.endpoint.keyedlocks.access=NONE")
                .run(context -> assertThat(context)
                        .doesNotHaveBean(KeyedLocksEndpoint.class)
                        .doesNotHaveBean(KeyedLocksEndpointWebExtension.class));
        contexts.withPropertyValues("keyedlock.enabled=false")
                .run(context -> assertThat(context).doesNotHaveBean(KeyedLocksEndpoint.class));
    }

    @Test
    @SuppressWarnings("unchecked") // the endpoint returns nested maps
    void theEndpointOfPropertiesKnowsTheirOrigins() {
        contexts.withConfiguration(AutoConfigurations.of(
                        ConfigurationPropertiesAutoConfiguration.class,
                        ConfigurationPropertiesReportEndpointAutoConfiguration.class))
                .withPropertyValues(
                        "management.endpoints.web.exposure.include=configprops",
                        "management.endpoint.configprops.show-values=always")
                .run(context -> {
                    Map<String, Object> inputs = context
                            .getBean(ConfigurationPropertiesReportEndpoint.class)
                            .configurationProperties()
                            .getContexts()
                            .values()
                            .stream()
                            .flatMap(each -> each.getBeans().values().stream())
                            .filter(bean -> bean.getPrefix().equals("keyedlock"))
                            .findFirst()
                            .orElseThrow()
                            .getInputs();
                    Map<String, Object> locks = (Map<String, Object>) inputs.get("locks");
                    assertThat(String.valueOf(locks.get("orders"))).contains("limit", "origin");
                });
    }

    @Test
    void lockersOfAnnotatedMethodsAreShownToo() {
        contexts.run(context -> {
            context.getBean(ContextLockers.class).own("Service.method()", OptionalInt.of(4));
            assertThat(context.getBean(KeyedLocksEndpoint.class).lockers().lockers())
                    .containsOnlyKeys("Service.method()", "orders");
        });
    }

    @ParameterizedTest
    @CsvSource({
        "true, always, true",
        "true, never, false",
        "true, when-authorized, false",
        "false, always, false",
        "false, when-authorized, false"
    })
    void keysAreShownOnlyIfBothPropertiesAllowIt(boolean showKeys, String endpointShowKeys, boolean shown) {
        contexts.withPropertyValues(
                        "keyedlock.show-keys=" + showKeys,
                        // The hold outlives this test and would be reported during others.
                        "keyedlock.long-hold.threshold=0",
                        "management.endpoint.keyedlocks.show-keys=" + endpointShowKeys)
                .run(context -> {
                    context.getBean(KeyedLockerRegistry.class).get("orders").acquireAsync("42");
                    LockerDescriptor orders = context.getBean(KeyedLocksEndpoint.class)
                            .lockers()
                            .lockers()
                            .get("orders");
                    assertThat(orders.activeKeys()).isEqualTo(1);
                    assertThat(orders.keys()).hasSize(shown ? 1 : 0);
                });
    }
}
