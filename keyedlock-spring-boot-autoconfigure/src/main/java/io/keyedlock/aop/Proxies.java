// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.io.Closeable;
import java.lang.reflect.Constructor;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.Advisor;
import org.springframework.aop.TargetSource;
import org.springframework.aop.framework.Advised;
import org.springframework.aop.framework.ProxyConfig;
import org.springframework.aop.framework.autoproxy.AbstractAdvisorAutoProxyCreator;
import org.springframework.aop.framework.autoproxy.AutoProxyUtils;
import org.springframework.aop.support.AopUtils;
import org.springframework.beans.factory.Aware;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.beans.factory.InitializingBean;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.beans.factory.config.BeanFactoryPostProcessor;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.core.Conventions;
import org.springframework.util.ClassUtils;

/** Determines which proxies a bean factory creates, and whether a bean has one with this advice. */
final class Proxies {

    private static final Set<Class<?>> LIFE_CYCLE_INTERFACES =
            Set.of(InitializingBean.class, DisposableBean.class, Closeable.class, AutoCloseable.class);

    /**
     * The attribute of bean definitions with {@code @Proxyable}; {@code AutoProxyUtils} has a constant for it since
     * Spring 7.
     */
    private static final String EXPOSED_INTERFACES =
            Conventions.getQualifiedAttributeName(AutoProxyUtils.class, "exposedInterfaces");

    private final ConfigurableListableBeanFactory beans;

    /** Whether an auto-proxy creator was found. Cached, because the search visits all bean definitions. */
    private volatile boolean enabled;

    Proxies(ConfigurableListableBeanFactory beans) {
        this.beans = beans;
    }

    /** Returns whether the bean factory creates no proxies. */
    boolean areDisabled() {
        if (!enabled) {
            enabled = beans.getBeanNamesForType(AbstractAdvisorAutoProxyCreator.class, true, false).length > 0;
        }
        return !enabled;
    }

    /** Returns whether a bean of a class can be proxied, by a subclass or by interfaces. */
    boolean canProxy(@Nullable String bean, Class<?> type) {
        return obstacleToSubclass(type) == null || implementInterfaces(bean, type);
    }

    /** Returns whether the proxy of a bean implements interfaces, by Spring's rules, and does not extend the class. */
    boolean implementInterfaces(@Nullable String bean, Class<?> type) {
        if (isProxiedByInterfaces(type)) {
            return true;
        }
        BeanDefinition definition =
                bean != null && beans.containsBeanDefinition(bean) ? beans.getBeanDefinition(bean) : null;
        if (definition != null) {
            if (Boolean.TRUE.equals(definition.getAttribute(AutoProxyUtils.PRESERVE_TARGET_CLASS_ATTRIBUTE))) {
                return false;
            }
            Object exposed = definition.getAttribute(EXPOSED_INTERFACES);
            if (exposed != null) {
                return exposed instanceof Class<?>
                        || (exposed instanceof Class<?>[] named && named.length > 0)
                        || hasProxyInterface(type);
            }
        }
        return hasProxyInterface(type) && !extendClasses();
    }

    /** Returns why a class cannot be extended, or null if it can. */
    static @Nullable Obstacle obstacleToSubclass(Class<?> type) {
        if (Modifier.isFinal(type.getModifiers())) {
            return new Obstacle(
                    "the class is final, and a proxy would have to extend it",
                    "Remove final (a record becomes a class, a Kotlin class open)");
        }
        if (type.isSealed()) {
            return new Obstacle("the class is sealed, and a proxy would have to extend it", "Remove sealed");
        }
        Constructor<?>[] constructors = type.getDeclaredConstructors();
        for (Constructor<?> constructor : constructors) {
            if (!Modifier.isPrivate(constructor.getModifiers())) {
                return null;
            }
        }
        return constructors.length == 0
                ? null
                : new Obstacle(
                        "the class has private constructors only, and a proxy would have to extend it",
                        "Give it a constructor that is not private");
    }

    /** Why a class cannot be proxied, and what to do. */
    record Obstacle(String problem, String remedy) {}

    /**
     * Returns whether a class has an interface to proxy. As in Spring, life-cycle interfaces and interfaces without
     * methods do not count.
     */
    private static boolean hasProxyInterface(Class<?> type) {
        for (Class<?> each : ClassUtils.getAllInterfacesForClass(type)) {
            if (each.getMethods().length > 0
                    && !LIFE_CYCLE_INTERFACES.contains(each)
                    && !List.of(each.getInterfaces()).contains(Aware.class)) {
                return true;
            }
        }
        return false;
    }

    /** Returns whether proxies of a class always implement interfaces, so that its final methods do not matter. */
    static boolean isProxiedByInterfaces(Class<?> type) {
        return type.isInterface() || Proxy.isProxyClass(type) || ClassUtils.isLambdaClass(type);
    }

    private boolean extendClasses() {
        return Stream.of(beans.getBeanNamesForType(AbstractAdvisorAutoProxyCreator.class, true, false))
                .map(beans::getSingleton)
                .anyMatch(creator -> creator instanceof ProxyConfig proxies && proxies.isProxyTargetClass());
    }

    /**
     * Finds a non-static {@code @Bean} method of a post-processor whose call required a bean to be created early.
     *
     * @return class and method
     */
    Optional<String> postProcessorThatNeeds(String bean) {
        return Stream.of(BeanFactoryPostProcessor.class, BeanPostProcessor.class)
                .flatMap(type -> Stream.of(beans.getBeanNamesForType(type, true, false)))
                .filter(beans::containsBeanDefinition)
                .filter(name -> beans.getMergedBeanDefinition(name).getFactoryBeanName() != null)
                .filter(name -> needs(name, bean, new HashSet<>()))
                .findFirst()
                .map(name -> {
                    BeanDefinition definition = beans.getMergedBeanDefinition(name);
                    Class<?> configuration = beans.getType(String.valueOf(definition.getFactoryBeanName()), false);
                    return (configuration == null
                                    ? definition.getFactoryBeanName()
                                    : ClassUtils.getUserClass(configuration).getSimpleName())
                            + "." + definition.getFactoryMethodName() + "()";
                });
    }

    private boolean needs(String dependent, String bean, Set<String> seen) {
        return seen.add(dependent)
                && Stream.of(beans.getDependenciesForBean(dependent))
                        .anyMatch(needed -> needed.equals(bean) || needs(needed, bean, seen));
    }

    /**
     * Returns whether a bean, perhaps inside other proxies, has this advice; true also if that cannot be determined.
     */
    static boolean isAdvised(Object bean) {
        if (!(bean instanceof Advised proxy)) {
            return AopUtils.isAopProxy(bean);
        }
        for (Advisor advisor : proxy.getAdvisors()) {
            if (advisor instanceof KeyedLockAdvisor) {
                return true;
            }
        }
        TargetSource source = proxy.getTargetSource();
        if (!source.isStatic()) {
            return true;
        }
        try {
            Object target = source.getTarget();
            return target == null || isAdvised(target);
        } catch (Exception e) {
            return true;
        }
    }
}
