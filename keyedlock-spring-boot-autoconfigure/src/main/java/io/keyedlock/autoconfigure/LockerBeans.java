// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.aot.BeanRegistrationAotProcessor;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.beans.factory.support.BeanDefinitionRegistry;
import org.springframework.beans.factory.support.BeanDefinitionRegistryPostProcessor;
import org.springframework.beans.factory.support.RootBeanDefinition;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.context.EnvironmentAware;
import org.springframework.core.env.Environment;
import org.springframework.util.Assert;

/**
 * Registers a bean for each locker that the properties name, unless a locker bean of that name exists.
 *
 * <p>The beans have no generics, so that each can be injected as a locker of whatever keys. They are registered anew by
 * every start, also of an application that was processed ahead of time, so that names and values are always those of the
 * environment at run time; hence an instance supplier, and the attribute that keeps them out of generated code.
 */
final class LockerBeans implements BeanDefinitionRegistryPostProcessor, EnvironmentAware {

    private static final String CONFIGURED = LockerBeans.class.getName() + ".configured";

    private @Nullable Environment environment;

    @Override
    public void setEnvironment(Environment environment) {
        this.environment = environment;
    }

    @Override
    public void postProcessBeanDefinitionRegistry(BeanDefinitionRegistry registry) {
        ConfigurableListableBeanFactory beans = (ConfigurableListableBeanFactory) registry;
        Assert.state(environment != null, "No environment");
        PropertyCheck.check(environment);
        KeyedLockProperties properties = Binder.get(environment).bindOrCreate("keyedlock", KeyedLockProperties.class);
        new LockerSettings(properties).configured().forEach((name, settings) -> {
            if (!beans.containsLocalBean(name)) {
                registry.registerBeanDefinition(name, definition(beans, settings));
            } else {
                refuseOtherType(name, beans);
            }
        });
    }

    private static void refuseOtherType(String name, ConfigurableListableBeanFactory beans) {
        Class<?> type = beans.getType(name, false);
        if (type == null || !KeyedLocker.class.isAssignableFrom(type)) {
            String origin = beans.containsBeanDefinition(name)
                    ? beans.getBeanDefinition(name).getResourceDescription()
                    : null;
            throw new InvalidConfigurationPropertyValueException(
                    LockerSettings.prefixOf(name),
                    name,
                    "The locker would be a bean named '" + name + "', but the bean of that name"
                            + (origin == null ? "" : ", defined in " + origin + ",")
                            + (type == null ? " is of an unknown type" : " is a " + type.getName())
                            + ". Give the locker or that bean another name.");
        }
    }

    private static RootBeanDefinition definition(ConfigurableListableBeanFactory beans, KeyedLockerSettings settings) {
        RootBeanDefinition definition = new RootBeanDefinition(KeyedLocker.class);
        definition.setInstanceSupplier(() -> beans.getBean(LockerRegistry.class).create(settings));
        definition.setAttribute(BeanRegistrationAotProcessor.IGNORE_REGISTRATION_ATTRIBUTE, true);
        // Cheap to make, and the endpoint and the meters should have it also where beans are lazy by default.
        definition.setLazyInit(false);
        definition.setResourceDescription("the property " + LockerSettings.prefixOf(settings.name()));
        definition.setAttribute(CONFIGURED, true);
        return definition;
    }

    /** Whether a bean is there because a property names it. */
    static boolean isConfigured(BeanDefinition definition) {
        return definition.hasAttribute(CONFIGURED);
    }
}
