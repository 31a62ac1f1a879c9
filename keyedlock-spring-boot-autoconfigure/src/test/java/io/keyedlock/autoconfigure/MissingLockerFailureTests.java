// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.KeyedLocker;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.beans.factory.UnsatisfiedDependencyException;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.annotation.Configuration;

/** Lockers that are injected and do not exist. */
@ExtendWith(OutputCaptureExtension.class)
class MissingLockerFailureTests {

    @Test
    void theParameterNamesTheLocker(CapturedOutput output) {
        assertFails(ByParameter.class);
        assertThat(output)
                .contains(ByParameter.class.getName()
                        + " requires a io.keyedlock.KeyedLocker<java.lang.String> named 'orders'")
                .contains("Configure the locker: keyedlock.locks.orders.limit: 1");
    }

    @Test
    void theQualifierNamesTheLockerAndASimilarOneIsListedFirst(CapturedOutput output) {
        assertFails(ByQualifier.class, "--keyedlock.locks.orders.limit=1");
        assertThat(output)
                .contains("named 'oders', but none exists. The lockers are 'orders'.")
                .contains(
                        "Did you mean @Qualifier(\"orders\")? If not, configure the locker: keyedlock.locks.oders.limit");
    }

    @Test
    void theFieldNamesTheLocker(CapturedOutput output) {
        assertFails(ByField.class);
        assertThat(output).contains("keyedlock.locks.tenants.limit: 1");
    }

    @Test
    void aDottedNameIsReportedWithTheEffectiveProperty(CapturedOutput output) {
        assertFails(Dotted.class);
        assertThat(output).contains("keyedlock.locks[acme.orders].limit: 1");
    }

    private static void assertFails(Class<?> bean, String... arguments) {
        SpringApplication application = new SpringApplication(Plain.class, bean);
        application.setWebApplicationType(WebApplicationType.NONE);
        assertThatThrownBy(() -> application.run(arguments).close()).isInstanceOf(UnsatisfiedDependencyException.class);
    }

    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration(KeyedLockAutoConfiguration.class)
    static class Plain {}

    @SuppressWarnings("unused")
    static class ByParameter {
        ByParameter(KeyedLocker<String> orders) {}
    }

    @SuppressWarnings("unused")
    static class ByQualifier {
        ByQualifier(@Qualifier("oders") KeyedLocker<String> orders) {}
    }

    static class ByField {
        @Autowired
        @SuppressWarnings({"unused", "NullAway"})
        KeyedLocker<String> tenants;
    }

    @SuppressWarnings("unused")
    static class Dotted {
        Dotted(@Qualifier("acme.orders") KeyedLocker<String> orders) {}
    }
}
