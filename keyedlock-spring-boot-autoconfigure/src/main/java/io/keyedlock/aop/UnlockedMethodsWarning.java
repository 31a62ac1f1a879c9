// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.util.Set;
import java.util.TreeSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.SmartInitializingSingleton;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;

/**
 * Logs one warning at startup, if the advice is disabled, with the annotated methods that run without a lock.
 *
 * @since 0.1.0
 */
public final class UnlockedMethodsWarning implements SmartInitializingSingleton {

    private static final Logger LOG = LoggerFactory.getLogger(UnlockedMethodsWarning.class);

    private final ConfigurableListableBeanFactory beans;

    /**
     * Creates the warning.
     *
     * @param beans the bean factory whose beans are examined
     */
    public UnlockedMethodsWarning(ConfigurableListableBeanFactory beans) {
        this.beans = beans;
    }

    @Override
    public void afterSingletonsInstantiated() {
        Set<String> methods = new TreeSet<>();
        for (String name : BeanTypes.names(beans)) {
            for (Class<?> type : BeanTypes.of(beans, name)) {
                BeanTypes.annotatedMethods(name, type).forEach(annotated -> methods.add(annotated.described()));
            }
        }
        if (!methods.isEmpty()) {
            LOG.warn(
                    "keyedlock.enabled is false: these methods run without their locks: {}",
                    String.join(", ", methods));
        }
    }
}
