// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.SmartInitializingSingleton;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;

/** What {@code keyedlock.executor} names, or else runs the asynchronous bodies that had to wait for their permit. */
final class BodyExecutor implements Supplier<Executor>, SmartInitializingSingleton {

    private static final String PROPERTY = "keyedlock.executor";

    private static final String OF_SPRING_BOOT = "applicationTaskExecutor";

    private final ConfigurableListableBeanFactory beans;

    private final @Nullable String configured;

    /** Written by whoever comes first; all find the same. */
    private volatile @Nullable Executor executor;

    BodyExecutor(ConfigurableListableBeanFactory beans, @Nullable String configured) {
        this.beans = beans;
        this.configured = configured;
    }

    /**
     * Checks the property.
     *
     * @throws InvalidConfigurationPropertyValueException if it names no executor
     */
    @Override
    public void afterSingletonsInstantiated() {
        if (configured == null) {
            return;
        }
        if (!beans.containsBean(configured)) {
            throw new InvalidConfigurationPropertyValueException(
                    PROPERTY,
                    configured,
                    "There is no bean of that name. Executors are "
                            + List.of(beans.getBeanNamesForType(Executor.class, true, false)) + ".");
        }
        if (!beans.isTypeMatch(configured, Executor.class)) {
            throw new InvalidConfigurationPropertyValueException(
                    PROPERTY,
                    configured,
                    "The bean of that name is no " + Executor.class.getName() + " but a " + beans.getType(configured)
                            + ".");
        }
    }

    @Override
    public Executor get() {
        Executor known = executor;
        if (known == null) {
            known = find();
            executor = known;
        }
        return known;
    }

    private Executor find() {
        if (configured != null) {
            return beans.getBean(configured, Executor.class);
        }
        return beans.containsBean(OF_SPRING_BOOT) && beans.isTypeMatch(OF_SPRING_BOOT, Executor.class)
                ? beans.getBean(OF_SPRING_BOOT, Executor.class)
                : new CompletableFuture<>().defaultExecutor();
    }
}
