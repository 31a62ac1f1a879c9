// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.annotation.KeyedLock;
import io.keyedlock.annotation.KeyedLocks;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.aop.framework.AopInfrastructureBean;
import org.springframework.aop.framework.AopProxyUtils;
import org.springframework.beans.factory.FactoryBean;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.core.NestedExceptionUtils;
import org.springframework.core.type.AnnotationMetadata;
import org.springframework.core.type.classreading.SimpleMetadataReaderFactory;
import org.springframework.util.ClassUtils;

/** Determines the classes of the beans of one bean factory without creating a bean. */
final class BeanTypes {

    private static final Logger LOG = LoggerFactory.getLogger(BeanTypes.class);

    private BeanTypes() {}

    /** Returns the names of all beans that exist or will exist, including singletons registered as instances. */
    static Set<String> names(ConfigurableListableBeanFactory beans) {
        Set<String> names = new LinkedHashSet<>();
        for (String name : beans.getBeanDefinitionNames()) {
            if (!beans.getBeanDefinition(name).isAbstract()) {
                names.add(name);
            }
        }
        names.addAll(List.of(beans.getSingletonNames()));
        return names;
    }

    /**
     * Returns the classes behind a bean name: that of the bean and, for a factory bean, that of the factory. There are
     * none for scoped proxies.
     */
    static List<Class<?>> of(ConfigurableListableBeanFactory beans, String name) {
        List<Class<?>> types = new ArrayList<>();
        Object singleton = beans.containsSingleton(name) ? beans.getSingleton(name) : null;
        if (singleton != null) {
            add(AopProxyUtils.ultimateTargetClass(singleton), types);
        }
        if (singleton == null || singleton instanceof FactoryBean<?>) {
            Class<?> type = beans.getType(name, false);
            if (type != null) {
                add(type, types);
            }
        }
        return types;
    }

    private static void add(Class<?> type, List<Class<?>> types) {
        if (!AopInfrastructureBean.class.isAssignableFrom(type)) {
            types.add(ClassUtils.getUserClass(type));
        }
    }

    /**
     * Finds the annotated methods of a bean's class. If its methods cannot be read, logs a warning and returns none.
     */
    static List<AnnotatedMethod> annotatedMethods(String bean, Class<?> type) {
        try {
            return AnnotatedMethod.of(type);
        } catch (IllegalStateException | LinkageError e) {
            warnOfUnreadable(bean, type, e);
            return List.of();
        }
    }

    /**
     * Finds the annotated methods of a bean's class. If its methods cannot be read, returns none and adds a finding if
     * the class file has the annotation, and otherwise logs a warning.
     */
    static List<AnnotatedMethod> annotatedMethods(String bean, Class<?> type, Findings findings) {
        try {
            return AnnotatedMethod.of(type);
        } catch (IllegalStateException | LinkageError e) {
            if (mentionsLock(type)) {
                findings.add(new Finding(
                        type.getName(),
                        "",
                        "its methods cannot be read (" + NestedExceptionUtils.getMostSpecificCause(e)
                                + "), so nothing would lock",
                        "Add the missing class, or move what refers to it into a class without @KeyedLock"));
            } else {
                warnOfUnreadable(bean, type, e);
            }
            return List.of();
        }
    }

    private static void warnOfUnreadable(String bean, Class<?> type, Throwable failure) {
        LOG.warn(
                "The methods of the bean '{}' ({}) cannot be read, so any @KeyedLock on them is not seen and they would run"
                        + " without their locks: {}. Add the missing class, or move what refers to it into another class",
                bean,
                type.getName(),
                NestedExceptionUtils.getMostSpecificCause(failure).toString());
    }

    /**
     * Returns whether the class file of a class or of one of its supertypes has the annotation. Reads it without
     * loading the classes that they refer to.
     */
    private static boolean mentionsLock(Class<?> type) {
        return Stream.concat(
                        Stream.<Class<?>>iterate(type, each -> each != null, Class::getSuperclass),
                        Stream.of(ClassUtils.getAllInterfacesForClass(type)))
                .anyMatch(BeanTypes::mentionsLockItself);
    }

    private static boolean mentionsLockItself(Class<?> type) {
        String name = KeyedLock.class.getName();
        try {
            AnnotationMetadata metadata = new SimpleMetadataReaderFactory(type.getClassLoader())
                    .getMetadataReader(type.getName())
                    .getAnnotationMetadata();
            return Stream.of(name, KeyedLocks.class.getName())
                    .anyMatch(each -> metadata.hasAnnotatedMethods(each) || metadata.isAnnotated(each));
        } catch (IOException | IllegalStateException | LinkageError e) {
            return false;
        }
    }
}
