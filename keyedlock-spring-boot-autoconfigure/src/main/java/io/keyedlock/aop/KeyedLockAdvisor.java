// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.annotation.KeyedLock;
import java.lang.reflect.Method;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.springframework.aop.ClassFilter;
import org.springframework.aop.framework.autoproxy.ProxyCreationContext;
import org.springframework.aop.support.DefaultPointcutAdvisor;
import org.springframework.aop.support.StaticMethodMatcherPointcut;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;

/**
 * Puts a lock around the methods of beans that {@link KeyedLock} applies to.
 *
 * <p>As a bean of role infrastructure it is picked up by each advisor-based auto-proxy creator of Spring. Lockers and
 * the default release are looked up when they are first needed, not before.
 *
 * @since 0.1.0
 */
public final class KeyedLockAdvisor extends DefaultPointcutAdvisor {

    private static final long serialVersionUID = 1L;

    /**
     * The text of the pointcut and its class filter. Spring reuses the class of a proxy if the texts of its pointcuts
     * are equal. With the identity of an object in them, each new context would leak proxy classes.
     */
    private static final String SAME_IN_ALL_CONTEXTS = "@KeyedLock";

    private final transient LockedMethods methods;

    /**
     * Creates the advisor.
     *
     * @param beans the bean factory of the annotated beans and of the beans that expressions name
     * @param lockers supplies the lockers
     * @param defaultRelease supplies the meaning of {@link KeyedLock.Release#DEFAULT}
     * @param executor supplies the executor that runs bodies of asynchronous methods that had to wait; called when one
     *     has waited
     * @param order the order among other advice; lower is further outside
     */
    public KeyedLockAdvisor(
            ConfigurableListableBeanFactory beans,
            Supplier<AdviceLockerRegistry> lockers,
            Supplier<KeyedLock.Release> defaultRelease,
            Supplier<Executor> executor,
            int order) {
        this(
                new LockedMethods(new LockedMethodParser(beans, lockers, defaultRelease, executor)),
                new Proxies(beans),
                order);
    }

    private KeyedLockAdvisor(LockedMethods methods, Proxies proxies, int order) {
        super(new AnnotatedMethods(proxies), new KeyedLockInterceptor(methods));
        this.methods = methods;
        setOrder(order);
    }

    LockedMethods methods() {
        return methods;
    }

    /** Matches annotated methods, except in classes that cannot be proxied, so that these can be reported. */
    private static final class AnnotatedMethods extends StaticMethodMatcherPointcut {

        AnnotatedMethods(Proxies proxies) {
            setClassFilter(new ProxyableClasses(proxies));
        }

        @Override
        public boolean matches(Method method, Class<?> targetClass) {
            return AnnotatedMethod.find(method, targetClass) != null;
        }

        @Override
        public String toString() {
            return SAME_IN_ALL_CONTEXTS;
        }
    }

    /** Rules out most beans quickly, before Spring looks at each of their methods. */
    private record ProxyableClasses(Proxies proxies) implements ClassFilter {

        @Override
        public boolean matches(Class<?> type) {
            String bean = ProxyCreationContext.getCurrentProxiedBeanName();
            // Outside of an auto-proxy creator the interfaces of a proxy are unknown, so nothing is ruled out.
            return (bean == null || AnnotatedMethod.mayBeIn(type)) && proxies.canProxy(bean, type);
        }

        @Override
        public String toString() {
            return SAME_IN_ALL_CONTEXTS;
        }
    }
}
