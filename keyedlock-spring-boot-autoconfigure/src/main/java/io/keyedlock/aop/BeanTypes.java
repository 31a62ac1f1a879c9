// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.aop.framework.AopInfrastructureBean;
import org.springframework.aop.framework.AopProxyUtils;
import org.springframework.beans.factory.FactoryBean;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.util.ClassUtils;

/** The classes of the beans of one bean factory as far as they are known without making a bean. */
final class BeanTypes {

    private static final Logger LOG = LoggerFactory.getLogger(BeanTypes.class);

    private BeanTypes() {}

    /** The names of all beans that are or will be here, those that were registered ready-made included. */
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

    /** The classes that a name stands for: of the bean, and of the factory that makes it. Proxies of scopes stand for none. */
    static List<Class<?>> of(ConfigurableListableBeanFactory beans, String name) {
        List<Class<?>> types = new ArrayList<>();
        Object singleton = beans.containsSingleton(name) ? beans.getSingleton(name) : null;
        if (singleton != null) {
            types.add(AopProxyUtils.ultimateTargetClass(singleton));
        }
        if (singleton == null || singleton instanceof FactoryBean<?>) {
            Class<?> type = beans.getType(name, false);
            if (type != null) {
                types.add(type);
            }
        }
        return types.stream()
                .filter(type -> !AopInfrastructureBean.class.isAssignableFrom(type))
                .<Class<?>>map(ClassUtils::getUserClass)
                .toList();
    }

    /** The annotated methods of a class; none if it refers to classes that are missing, so that it cannot be made either. */
    static List<AnnotatedMethod> annotatedMethods(Class<?> type) {
        try {
            return AnnotatedMethod.of(type);
        } catch (IllegalStateException | LinkageError e) {
            LOG.debug("The methods of {} cannot be looked at", type, e);
            return List.of();
        }
    }
}
