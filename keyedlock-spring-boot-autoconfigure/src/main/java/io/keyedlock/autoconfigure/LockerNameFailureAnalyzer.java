// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyedLocker;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.BeanFactory;
import org.springframework.beans.factory.BeanNotOfRequiredTypeException;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** Describes the conflict between a locker and another bean that Spring looks up by the same name. */
final class LockerNameFailureAnalyzer extends AbstractFailureAnalyzer<BeanNotOfRequiredTypeException> {

    private final BeanFactory beans;

    LockerNameFailureAnalyzer(BeanFactory beans) {
        this.beans = beans;
    }

    @Override
    protected @Nullable FailureAnalysis analyze(Throwable rootFailure, BeanNotOfRequiredTypeException cause) {
        String name = cause.getBeanName();
        if (!KeyedLocker.class.isAssignableFrom(cause.getActualType())) {
            return null;
        }
        String description = "The bean '" + name + "' is required to be a "
                + cause.getRequiredType().getName() + ", but it is a locker";
        String alternative = ", or inject the bean that you meant by its own name.";
        BeanDefinition definition = definition(name);
        if (definition != null && LockerBeans.isConfigured(definition)) {
            return new FailureAnalysis(
                    description + " configured by " + LockerSettings.prefixOf(name) + ".",
                    "Give the locker another name: write " + LockerSettings.prefixOf("my-" + name) + " instead of "
                            + LockerSettings.prefixOf(name) + alternative,
                    cause);
        }
        String origin = definition == null ? null : definition.getResourceDescription();
        return new FailureAnalysis(
                description + " bean of the application" + (origin == null ? "" : ", defined in " + origin) + ".",
                "Give that bean another name: write for instance @Bean(\"my-" + name + "\") where it is defined"
                        + alternative,
                cause);
    }

    private @Nullable BeanDefinition definition(String name) {
        return beans instanceof ConfigurableListableBeanFactory known && known.containsBeanDefinition(name)
                ? known.getBeanDefinition(name)
                : null;
    }
}
