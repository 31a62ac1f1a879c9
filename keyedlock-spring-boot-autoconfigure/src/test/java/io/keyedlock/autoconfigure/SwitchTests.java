// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.annotation.KeyedLock;
import io.keyedlock.aop.UnlockedMethodsWarning;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.aop.support.AopUtils;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.aop.AopAutoConfiguration;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.context.runner.WebApplicationContextRunner;

/** Conditions and properties interpret every spelling of a switch the same. */
class SwitchTests {

    private final ApplicationContextRunner runner = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(
                    AopAutoConfiguration.class,
                    KeyedLockAutoConfiguration.class,
                    KeyedLockAopAutoConfiguration.class,
                    KeyedLockShutdownAutoConfiguration.class))
            .withBean(Service.class);

    @ParameterizedTest
    @ValueSource(strings = {"true", "TRUE", "yes", "on", "1"})
    void methodsAreLocked(String value) {
        runner.withPropertyValues("keyedlock.enabled=" + value).run(context -> {
            assertThat(context).hasNotFailed().hasSingleBean(LockerDrain.class);
            assertThat(context.getBean(KeyedLockProperties.class).enabled()).isTrue();
            assertThat(AopUtils.isAopProxy(context.getBean(Service.class))).isTrue();
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"false", "False", "no", "off", "0"})
    void methodsAreNotLockedAndAWarningReportsIt(String value) {
        runner.withPropertyValues("keyedlock.enabled=" + value).run(context -> {
            assertThat(context)
                    .hasNotFailed()
                    .doesNotHaveBean(LockerDrain.class)
                    .hasSingleBean(UnlockedMethodsWarning.class);
            assertThat(context.getBean(KeyedLockProperties.class).enabled()).isFalse();
            assertThat(AopUtils.isAopProxy(context.getBean(Service.class))).isFalse();
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"false", "no", "off", "0"})
    void problemDetailsAreDisabled(String value) {
        new WebApplicationContextRunner()
                .withConfiguration(
                        AutoConfigurations.of(KeyedLockAutoConfiguration.class, KeyedLockWebAutoConfiguration.class))
                .withPropertyValues("keyedlock.web.problem-details=" + value)
                .run(context -> assertThat(context).hasNotFailed().doesNotHaveBean(LockProblems.class));
    }

    static class Service {

        @KeyedLock(key = "#id")
        public void work(long id) {}
    }
}
