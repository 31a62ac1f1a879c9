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
 * Puts a lock around the methods of beans that {@link KeyedLock} stands on.
 *
 * <p>Any advisor-based auto-proxy creator of Spring picks it up if it is a bean of role infrastructure. Lockers and the
 * default release are asked for when they are first needed, not before.
 */
public final class KeyedLockAdvisor extends DefaultPointcutAdvisor {

    private static final long serialVersionUID = 1L;

    /**
     * What the pointcut calls itself. Spring reuses the class of a proxy where the texts of its pointcuts are the same; if they
     * had the identity of an object in them, each new context would leave classes behind for ever.
     */
    private static final String SAME_IN_ALL_CONTEXTS = "@KeyedLock";

    private final transient LockedMethods methods;

    /**
     * Makes the advisor.
     *
     * @param beans where annotated beans, and the beans that expressions name, are
     * @param lockers gives the lockers
     * @param defaultRelease gives what {@link KeyedLock.Release#DEFAULT} stands for
     * @param executor gives what runs the bodies of methods with a {@code CompletionStage} that had to wait; asked for when
     *     one has waited
     * @param order where it stands among other advice; lower is further outside
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

    /** Matches what is annotated, but leaves classes alone that no proxy can be made of, so that they can be reported. */
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

    private record ProxyableClasses(Proxies proxies) implements ClassFilter {

        @Override
        public boolean matches(Class<?> type) {
            return proxies.canProxy(ProxyCreationContext.getCurrentProxiedBeanName(), type);
        }

        @Override
        public String toString() {
            return SAME_IN_ALL_CONTEXTS;
        }
    }
}
