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
import org.springframework.beans.factory.support.BeanDefinitionRegistry;
import org.springframework.beans.factory.support.BeanDefinitionRegistryPostProcessor;
import org.springframework.beans.factory.support.RootBeanDefinition;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.context.EnvironmentAware;
import org.springframework.core.env.Environment;
import org.springframework.util.Assert;

/**
 * Registers a bean for each locker that the properties name, unless a locker bean of that name exists in this context or
 * in a parent of it; and closes the lockers of the context after all other beans have been destroyed.
 *
 * <p>A bean factory destroys beans in the reverse order of their creation. This one, a post-processor without
 * dependencies, is created before all beans of an application. Beans that use lockers are registered as its dependents,
 * because it may be destroyed earlier: before a backend that the lockers use.
 *
 * <p>The beans have no generics, so that each can be injected as a locker of whatever keys. They are registered anew by
 * every start, also of an application that was processed ahead of time, so that names and values are always those of the
 * environment at run time; hence an instance supplier, and the attribute that keeps them out of generated code.
 */
final class LockerBeans
        implements BeanDefinitionRegistryPostProcessor,
                EnvironmentAware,
                BeanFactoryInitializer<ConfigurableListableBeanFactory>,
                SmartInitializingSingleton,
                DisposableBean {

    static final String BEAN = "keyedLockerBeans";

    /** Has the settings of all configured lockers of the context as its value. */
    private static final String CONFIGURED = LockerBeans.class.getName() + ".configured";

    /** Whether any locker needs {@link ContextLockers#BACKENDS}. */
    private boolean backends;

    /** The lockers to close at the end. */
    private final Set<KeyedLocker<?>> open = ConcurrentHashMap.newKeySet();

    /** Written once, by the thread that closes the context. */
    private volatile boolean closed;

    private @Nullable Environment environment;

    /** Creates the lockers that have been registered here. */
    private final List<Runnable> creations = new ArrayList<>();

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
        LockerSettings settings = new LockerSettings(properties);
        backends = settings.usesBackend();
        settings.configured().keySet().forEach(name -> {
            if (beans.containsLocalBean(name)) {
                refuseOtherType(name, beans);
            } else if (isLocker(name, beans.getParentBeanFactory())) {
                refuseOtherSettings(name, settings, beans.getParentBeanFactory());
            } else {
                registry.registerBeanDefinition(name, definition(beans, name, settings));
                creations.add(() -> beans.getBean(name));
            }
        });
    }

    /** Creates what backends need before the beans that use lockers, so that it is destroyed after them. */
    @Override
    public void initialize(ConfigurableListableBeanFactory beans) {
        if (backends && beans.containsBean(ContextLockers.BACKENDS)) {
            beans.getBean(ContextLockers.BACKENDS);
        }
    }

    private static boolean isLocker(String name, @Nullable BeanFactory beans) {
        return beans != null && beans.containsBean(name) && beans.isTypeMatch(name, KeyedLocker.class);
    }

    /** A locker of a parent context is used by its children too, so that all properties must agree about it. */
    private static void refuseOtherSettings(String name, LockerSettings settings, @Nullable BeanFactory parent) {
        if (!(parent instanceof ConfigurableListableBeanFactory beans)) {
            return;
        }
        if (!beans.containsLocalBean(name)) {
            refuseOtherSettings(name, settings, beans.getParentBeanFactory());
            return;
        }
        BeanDefinition definition = beans.containsBeanDefinition(name) ? beans.getBeanDefinition(name) : null;
        if (definition != null
                && definition.getAttribute(CONFIGURED) instanceof LockerSettings others
                && !settings.agreesWith(others, name)) {
            throw new InvalidConfigurationPropertyValueException(
                    LockerSettings.prefixOf(name),
                    name,
                    "The parent context has a locker '" + name + "' with other settings: "
                            + others.describe(name) + " there, " + settings.describe(name)
                            + " here. Write the same settings for both contexts, give this locker another name, or"
                            + " define a KeyedLocker bean '" + name + "' in this context to have two lockers.");
        }
    }

    /** They are cheap, and the endpoint and the meters should have them also where beans are lazy by default. */
    @Override
    public void afterSingletonsInstantiated() {
        creations.forEach(Runnable::run);
        creations.clear();
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

    /** Closes a locker after all other beans have been destroyed, or at once if that has been done. */
    void closeLast(KeyedLocker<?> locker) {
        open.add(locker);
        if (closed) {
            locker.close();
        }
    }

    /** Whether all lockers of the context have been closed. */
    boolean isClosed() {
        return closed;
    }

    @Override
    public void destroy() {
        closed = true;
        open.forEach(KeyedLocker::close);
    }

    /** Whether a bean is there because a property names it. */
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
