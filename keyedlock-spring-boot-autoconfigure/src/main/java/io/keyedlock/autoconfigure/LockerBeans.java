// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.BeanFactory;
import org.springframework.beans.factory.BeanFactoryInitializer;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.beans.factory.FactoryBean;
import org.springframework.beans.factory.SmartInitializingSingleton;
import org.springframework.beans.factory.aot.BeanRegistrationAotProcessor;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.beans.factory.support.AbstractBeanDefinition;
import org.springframework.beans.factory.support.BeanDefinitionRegistry;
import org.springframework.beans.factory.support.BeanDefinitionRegistryPostProcessor;
import org.springframework.beans.factory.support.RootBeanDefinition;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.context.EnvironmentAware;
import org.springframework.core.env.Environment;
import org.springframework.util.Assert;

/**
 * Registers a bean for each locker configured by properties, unless a locker bean of that name exists in this context or a
 * parent, and closes the lockers of the context after all other beans have been destroyed.
 *
 * <p>A bean factory destroys beans in the reverse order of their creation. This bean, a post-processor without dependencies, is
 * created before all beans of the application. It may still be destroyed earlier, before a backend that the lockers use;
 * therefore beans that use lockers are registered as its dependents.
 *
 * <p>The bean definitions have no generics, so that each locker can be injected with any key type. They are registered at every
 * startup, even after ahead-of-time processing, so that names and values always come from the environment at run time. For
 * that they have an instance supplier, and an attribute that excludes them from generated code.
 */
final class LockerBeans
        implements BeanDefinitionRegistryPostProcessor,
                EnvironmentAware,
                BeanFactoryInitializer<ConfigurableListableBeanFactory>,
                SmartInitializingSingleton,
                DisposableBean {

    static final String BEAN = "keyedLockerBeans";

    /** The attribute of a bean definition whose value is the {@link LockerSettings} of its context. */
    private static final String CONFIGURED = LockerBeans.class.getName() + ".configured";

    /** The name that {@code @EnableConfigurationProperties} gives to the properties bean. */
    private static final String PROPERTIES = "keyedlock-" + KeyedLockProperties.class.getName();

    /** The kinds of backends that lockers need. */
    private Set<String> backendKinds = Set.of();

    /** The lockers to close when this bean is destroyed. */
    private final Set<KeyedLocker<?>> open = ConcurrentHashMap.newKeySet();

    /** Written once, by the thread that closes the context. */
    private volatile boolean closed;

    private @Nullable Environment environment;

    private @Nullable BeanFactory beanFactory;

    /** The names of the registered lockers. */
    private final List<String> registered = new ArrayList<>();

    @Override
    public void setEnvironment(Environment environment) {
        this.environment = environment;
    }

    @Override
    public void postProcessBeanDefinitionRegistry(BeanDefinitionRegistry registry) {
        ConfigurableListableBeanFactory beans = (ConfigurableListableBeanFactory) registry;
        Assert.state(environment != null, "No environment");
        PropertyCheck.check(environment);
        KeyedLockProperties properties = new PropertiesBinding(environment).bind();
        useAsBean(properties, registry);
        LockerSettings settings = new LockerSettings(properties);
        backendKinds = settings.backendKinds();
        beanFactory = beans;
        for (String name : settings.configured().keySet()) {
            if (beans.containsLocalBean(name)) {
                rejectOtherType(name, beans);
            } else if (isLocker(name, beans.getParentBeanFactory())) {
                rejectOtherSettings(name, settings, beans.getParentBeanFactory());
            } else {
                registry.registerBeanDefinition(name, definition(beans, name, settings));
                registered.add(name);
            }
        }
    }

    /**
     * Makes the properties bean return this instance, so that the properties are bound once. Leaves the bean to Spring Boot if
     * there is an endpoint that shows the origins of bound properties, which Spring Boot records while it binds.
     */
    private static void useAsBean(KeyedLockProperties properties, BeanDefinitionRegistry registry) {
        if (registry.containsBeanDefinition(PROPERTIES)
                && !registry.containsBeanDefinition("configurationPropertiesReportEndpoint")
                && registry.getBeanDefinition(PROPERTIES) instanceof AbstractBeanDefinition definition) {
            definition.setInstanceSupplier(() -> properties);
        }
    }

    /** Creates the backends bean before the beans that use lockers, so that it is destroyed after them. */
    @Override
    public void initialize(ConfigurableListableBeanFactory beans) {
        for (String kind : backendKinds) {
            ContextLockers.backendsBean(beans, kind).ifPresent(beans::getBean);
        }
    }

    private static boolean isLocker(String name, @Nullable BeanFactory beans) {
        return beans != null && beans.containsBean(name) && beans.isTypeMatch(name, KeyedLocker.class);
    }

    /** Rejects settings that differ from those of the parent context, because child contexts use the parent's locker. */
    private static void rejectOtherSettings(String name, LockerSettings settings, @Nullable BeanFactory parent) {
        if (!(parent instanceof ConfigurableListableBeanFactory beans)) {
            return;
        }
        if (!beans.containsLocalBean(name)) {
            rejectOtherSettings(name, settings, beans.getParentBeanFactory());
            return;
        }
        BeanDefinition definition = beans.containsBeanDefinition(name) ? beans.getBeanDefinition(name) : null;
        if (definition != null
                && definition.getAttribute(CONFIGURED) instanceof LockerSettings parentSettings
                && !settings.agreesWith(parentSettings, name)) {
            throw new InvalidConfigurationPropertyValueException(
                    LockerSettings.prefixOf(name),
                    name,
                    "The parent context has a locker '" + name + "' with other settings: "
                            + parentSettings.describe(name) + " there, " + settings.describe(name)
                            + " here. Write the same settings for both contexts, give this locker another name, or"
                            + " define a KeyedLocker bean '" + name + "' in this context to have two lockers.");
        }
    }

    /** Creates the registered lockers, so that the endpoint and the meters have them even if beans are lazy by default. */
    @Override
    public void afterSingletonsInstantiated() {
        if (beanFactory != null) {
            for (String name : registered) {
                beanFactory.getBean(name);
            }
            registered.clear();
        }
    }

    private static void rejectOtherType(String name, ConfigurableListableBeanFactory beans) {
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

    private static RootBeanDefinition definition(
            ConfigurableListableBeanFactory beans, String name, LockerSettings all) {
        KeyedLockerSettings settings = all.settings(name);
        RootBeanDefinition definition = new RootBeanDefinition(LockerFactory.class);
        definition.setInstanceSupplier(() -> new LockerFactory(beans, settings));
        definition.setAttribute(FactoryBean.OBJECT_TYPE_ATTRIBUTE, KeyedLocker.class);
        definition.setAttribute(BeanRegistrationAotProcessor.IGNORE_REGISTRATION_ATTRIBUTE, true);
        definition.setResourceDescription("the property " + LockerSettings.prefixOf(name));
        definition.setAttribute(CONFIGURED, all);
        return definition;
    }

    /** Closes a locker after all other beans have been destroyed, or immediately if that has already happened. */
    void closeLast(KeyedLocker<?> locker) {
        open.add(locker);
        if (closed) {
            locker.close();
        }
    }

    /** Returns whether the lockers of the context have been closed. */
    boolean isClosed() {
        return closed;
    }

    @Override
    public void destroy() {
        closed = true;
        open.forEach(KeyedLocker::close);
    }

    /** Returns whether a bean is a locker configured by properties. */
    static boolean isConfigured(BeanDefinition definition) {
        return definition.hasAttribute(CONFIGURED);
    }

    /**
     * The factory of one locker, which {@link #destroy()} closes. What a factory creates is found by tests that replace a
     * {@code KeyedLocker<String>}; a plain bean without generics is not.
     */
    private record LockerFactory(ConfigurableListableBeanFactory beans, KeyedLockerSettings settings)
            implements FactoryBean<KeyedLocker<?>> {

        @Override
        public KeyedLocker<?> getObject() {
            return beans.getBean(ContextLockers.class).create(settings);
        }

        @Override
        public Class<?> getObjectType() {
            return KeyedLocker.class;
        }
    }
}
