// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.KeyedLocker;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.beans.factory.BeanNotOfRequiredTypeException;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** Lockers with a bean name that Spring reserves. */
@ExtendWith(OutputCaptureExtension.class)
class LockerNameFailureTests {

    @Test
    void aPropertyThatUsesTheNameIsReportedWithWhatToWrite(CapturedOutput output) {
        assertFails(Plain.class, "--keyedlock.locks.lifecycleProcessor.limit=1");
        assertThat(output)
                .contains("'lifecycleProcessor' is required to be a org.springframework.context.LifecycleProcessor")
                .contains("it is a locker configured by keyedlock.locks.lifecycleProcessor.")
                .contains("write keyedlock.locks.my-lifecycleProcessor instead of keyedlock.locks.lifecycleProcessor");
    }

    @Test
    void aBeanThatUsesTheNameIsReportedWithoutAProperty(CapturedOutput output) {
        assertFails(OwnLocker.class);
        assertThat(output)
                .contains("it is a locker bean of the application, defined in " + OwnLocker.class.getName())
                .contains("write for instance @Bean(\"my-lifecycleProcessor\")")
                .doesNotContain("keyedlock.locks");
    }

    @Test
    void aBeanIsReportedEvenIfAPropertyHasItsName(CapturedOutput output) {
        assertFails(OwnLocker.class, "--keyedlock.locks.lifecycleProcessor.limit=1");
        assertThat(output).contains("it is a locker bean of the application").doesNotContain("configured by");
    }

    private static void assertFails(Class<?> configuration, String... arguments) {
        SpringApplication application = new SpringApplication(configuration);
        application.setWebApplicationType(WebApplicationType.NONE);
        assertThatThrownBy(() -> application.run(arguments).close()).isInstanceOf(BeanNotOfRequiredTypeException.class);
    }

    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration(KeyedLockAutoConfiguration.class)
    static class Plain {}

    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration(KeyedLockAutoConfiguration.class)
    static class OwnLocker {

        @Bean
        KeyedLocker<String> lifecycleProcessor() {
            return KeyedLocker.create();
        }
    }
}
