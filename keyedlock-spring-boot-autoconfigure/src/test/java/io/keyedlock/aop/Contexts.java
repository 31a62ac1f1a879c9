// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.autoconfigure.KeyedLockAopAutoConfiguration;
import io.keyedlock.autoconfigure.KeyedLockAutoConfiguration;
import java.util.function.Function;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.aop.AopAutoConfiguration;
import org.springframework.boot.autoconfigure.context.PropertyPlaceholderAutoConfiguration;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

/** Application contexts in which annotated methods are locked. */
final class Contexts {

    private Contexts() {}

    static ApplicationContextRunner runner(Class<?>... beans) {
        ApplicationContextRunner runner = new ApplicationContextRunner()
                .withConfiguration(AutoConfigurations.of(
                        PropertyPlaceholderAutoConfiguration.class,
                        AopAutoConfiguration.class,
                        KeyedLockAutoConfiguration.class,
                        KeyedLockAopAutoConfiguration.class));
        for (Class<?> bean : beans) {
            runner = runner.withBean(bean);
        }
        return runner;
    }

    /** Runs an action with one bean. */
    static <B> void with(Class<B> bean, Check<B> check, String... properties) {
        with(bean, Function.identity(), check, properties);
    }

    static <B> void with(
            Class<B> bean,
            Function<ApplicationContextRunner, ApplicationContextRunner> customizer,
            Check<B> check,
            String... properties) {
        customizer.apply(runner(bean)).withPropertyValues(properties).run(context -> check.on(context.getBean(bean)));
    }

    /** An action of a test with a bean. */
    interface Check<B> {
        void on(B bean) throws Throwable;
    }
}
