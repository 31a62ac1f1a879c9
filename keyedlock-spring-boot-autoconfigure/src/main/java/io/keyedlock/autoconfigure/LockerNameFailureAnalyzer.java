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

/** Says whose name a locker has taken, where something of Spring looks for a bean of its own by that name. */
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
        String lookedFor = "The bean '" + name + "' is looked for as a "
                + cause.getRequiredType().getName() + ", but it is a locker";
        String otherwise = ", or, if another bean was meant, name that one where it is asked for.";
        BeanDefinition definition = definition(name);
        if (definition != null && LockerBeans.isConfigured(definition)) {
            return new FailureAnalysis(
                    lookedFor + ": " + LockerSettings.prefixOf(name) + " has made it one.",
                    "Give the locker another name: write " + LockerSettings.prefixOf("my-" + name) + " for "
                            + LockerSettings.prefixOf(name) + otherwise,
                    cause);
        }
        String origin = definition == null ? null : definition.getResourceDescription();
        return new FailureAnalysis(
                lookedFor + " of the application's own" + (origin == null ? "" : ", defined in " + origin) + ".",
                "Give that bean another name: write for instance @Bean(\"my-" + name + "\") where it is defined"
                        + otherwise,
                cause);
    }

    private @Nullable BeanDefinition definition(String name) {
        return beans instanceof ConfigurableListableBeanFactory known && known.containsBeanDefinition(name)
                ? known.getBeanDefinition(name)
                : null;
    }
}
