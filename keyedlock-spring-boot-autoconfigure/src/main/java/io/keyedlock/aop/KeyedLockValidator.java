// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.aop.framework.AopInfrastructureBean;
import org.springframework.aop.framework.AopProxyUtils;
import org.springframework.aop.support.AopUtils;
import org.springframework.beans.factory.SmartInitializingSingleton;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.beans.factory.support.BeanDefinitionRegistry;
import org.springframework.beans.factory.support.BeanDefinitionRegistryPostProcessor;
import org.springframework.util.ClassUtils;

/**
 * Validates annotations before they are used: once all singletons exist, in every bean whose class is known without
 * creating it, and later in every bean when it is created. Throws one exception with all findings at startup.
 *
 * <p>Prepares valid annotations: the lockers of a bean's methods exist as soon as the bean does, or at the end of
 * startup, so that registry, endpoint, meters and drain know them before the first call.
 *
 * @since 0.1.0
 */
public final class KeyedLockValidator
        implements BeanDefinitionRegistryPostProcessor, BeanPostProcessor, SmartInitializingSingleton {

    private static final Logger LOG = LoggerFactory.getLogger(KeyedLockValidator.class);

    private final ConfigurableListableBeanFactory beans;
    private final Supplier<KeyedLockAdvisor> advisor;
    private final Consumer<String> users;
    private final BooleanSupplier failOnFindings;
    private final Proxies proxies;
    private final Map<Subject, Checked> checked = new ConcurrentHashMap<>();

    /** The names of the beans that the bean factory itself has created so far. Used until startup has ended. */
    private final Set<String> created = ConcurrentHashMap.newKeySet();

    /** Set once, at the end of startup. Findings of beans that are created before go into the one report. */
    private volatile boolean started;

    /**
     * Creates the validator.
     *
     * @param beans the bean factory whose beans are validated
     * @param advisor supplies the advisor of the same bean factory
     * @param users receives the name of each singleton with locked methods, whose lockers must outlive it
     * @param failOnFindings returns whether findings are thrown; if not, they are logged, and each call of such a
     *     method fails
     */
    public KeyedLockValidator(
            ConfigurableListableBeanFactory beans,
            Supplier<KeyedLockAdvisor> advisor,
            Consumer<String> users,
            BooleanSupplier failOnFindings) {
        this.beans = beans;
        this.advisor = advisor;
        this.users = users;
        this.failOnFindings = failOnFindings;
        this.proxies = new Proxies(beans);
    }

    /**
     * Starts to observe the creation of beans. Beans that exist already and have a definition were created by the bean
     * factory too, for an earlier post-processor.
     */
    @Override
    public void postProcessBeanDefinitionRegistry(BeanDefinitionRegistry registry) {
        for (String name : beans.getSingletonNames()) {
            if (beans.containsBeanDefinition(name)) {
                created.add(name);
            }
        }
        beans.addBeanPostProcessor(new BeanPostProcessor() {
            @Override
            public Object postProcessAfterInitialization(Object bean, String name) {
                if (!started) {
                    created.add(name);
                }
                return bean;
            }
        });
    }

    /**
     * Validates all beans.
     *
     * @throws InvalidKeyedLockException if there are findings
     */
    @Override
    public void afterSingletonsInstantiated() {
        Findings findings = new Findings();
        for (String name : BeanTypes.names(beans)) {
            Object singleton = beans.containsSingleton(name) ? beans.getSingleton(name) : null;
            if (singleton != null && !created.contains(name) && !Proxies.isAdvised(singleton)) {
                warnOfUnlocked(name, singleton);
                continue;
            }
            for (Class<?> type : BeanTypes.of(beans, name)) {
                Checked known = check(name, type);
                findings.addAll(known.findings());
                if (singleton != null) {
                    openLockers(name, known, findings);
                }
            }
            if (singleton != null) {
                findings.addAll(checkProxy(name, singleton));
            }
        }
        started = true;
        created.clear();
        report(findings.toList());
    }

    /**
     * Warns of annotated methods of a singleton that was registered as an instance, which Spring does not proxy. Such a
     * singleton in place of a bean with a definition is a mock or fake of a test, which needs no lock.
     */
    private void warnOfUnlocked(String name, Object singleton) {
        if (beans.containsBeanDefinition(name) || singleton instanceof AopInfrastructureBean) {
            return;
        }
        Class<?> type = ClassUtils.getUserClass(AopProxyUtils.ultimateTargetClass(singleton));
        if (!BeanTypes.annotatedMethods(name, type).isEmpty()) {
            LOG.warn(
                    "The bean '{}' of {} was registered as an instance, so its methods with @KeyedLock run without their locks."
                            + " Register a bean definition instead, for instance with registerBean(name, type, supplier)",
                    name,
                    type);
        }
    }

    /**
     * Validates a bean that is created after startup.
     *
     * @throws InvalidKeyedLockException if there are findings
     */
    @Override
    public Object postProcessAfterInitialization(Object bean, String name) {
        if (started && !(bean instanceof AopInfrastructureBean)) {
            Class<?> type = ClassUtils.getUserClass(AopProxyUtils.ultimateTargetClass(bean));
            boolean known = checked.containsKey(subject(name, type));
            Checked found = check(name, type);
            Findings findings = new Findings();
            findings.addAll(found.findings());
            openLockers(name, found, findings);
            if (!known || failOnFindings.getAsBoolean()) {
                report(findings.toList());
            }
        }
        return bean;
    }

    private void openLockers(String name, Checked known, Findings findings) {
        if (known.methods().isEmpty()) {
            return;
        }
        if (beans.containsBeanDefinition(name)
                && beans.getMergedBeanDefinition(name).isSingleton()) {
            users.accept(name);
        }
        for (AnnotatedMethod annotated : known.methods()) {
            try {
                advisor.get().methods().openLockers(annotated);
            } catch (IllegalStateException e) {
                findings.add(annotated, "its locker cannot be created", String.valueOf(e.getMessage()));
            }
        }
    }

    private void report(List<Finding> findings) {
        if (findings.isEmpty()) {
            return;
        }
        InvalidKeyedLockException exception = new InvalidKeyedLockException(findings);
        if (failOnFindings.getAsBoolean()) {
            throw exception;
        }
        LOG.warn("{}", exception.getMessage());
    }

    private Checked check(String name, Class<?> type) {
        Subject subject = subject(name, type);
        Checked known = checked.get(subject);
        if (known == null) {
            known = inspect(name, subject);
            checked.put(subject, known);
        }
        return known;
    }

    private Subject subject(String name, Class<?> type) {
        return new Subject(type, AnnotatedMethod.mayBeIn(type) && proxies.implementInterfaces(name, type));
    }

    private Checked inspect(String name, Subject subject) {
        Findings findings = new Findings();
        List<AnnotatedMethod> methods = BeanTypes.annotatedMethods(name, subject.type(), findings);
        boolean off = !methods.isEmpty() && proxies.areDisabled();
        for (AnnotatedMethod annotated : methods) {
            checkAdvisable(annotated, subject.byInterfaces(), off, findings);
            findings.addAll(advisor.get().methods().check(annotated));
        }
        return new Checked(methods, findings.toList());
    }

    private void checkAdvisable(AnnotatedMethod annotated, boolean byInterfaces, boolean off, Findings findings) {
        Class<?> type = annotated.type();
        Method method = annotated.method();
        if (off) {
            boolean bySwitch = !Boolean.parseBoolean(beans.resolveEmbeddedValue("${spring.aop.auto:true}"));
            findings.add(
                    annotated,
                    (bySwitch
                                    ? "proxies are switched off by spring.aop.auto=false"
                                    : "no auto-proxy creator is registered")
                            + ", so nothing would lock",
                    (bySwitch ? "Remove spring.aop.auto=false" : "Do not exclude AopAutoConfiguration")
                            + ", or put @EnableAspectJAutoProxy on a configuration class");
            return;
        }
        if (Modifier.isStatic(method.getModifiers()) || Modifier.isPrivate(method.getModifiers())) {
            String word = Modifier.isStatic(method.getModifiers()) ? "static" : "private";
            findings.add(
                    annotated,
                    "the method is " + word + ", and a proxy sees no calls of such methods",
                    "Remove " + word + ", and call the method from another bean");
            return;
        }
        Proxies.Obstacle obstacle = byInterfaces ? null : Proxies.obstacleToSubclass(type);
        if (obstacle != null) {
            findings.add(new Finding(type.getName(), "", obstacle.problem(), obstacle.remedy()));
        } else if (Modifier.isFinal(method.getModifiers()) && !byInterfaces) {
            findings.add(
                    annotated,
                    "the method is final, and a proxy would have to override it",
                    "Remove final (in Kotlin: open)");
        }
    }

    /** Checks whether an existing bean has the advice. */
    private List<Finding> checkProxy(String name, Object bean) {
        Class<?> type = ClassUtils.getUserClass(AopProxyUtils.ultimateTargetClass(bean));
        if (bean instanceof AopInfrastructureBean) {
            return List.of();
        }
        Checked known = check(name, type);
        if (known.methods().isEmpty() || !known.findings().isEmpty()) {
            return List.of();
        }
        Findings findings = new Findings();
        boolean advised = Proxies.isAdvised(bean);
        for (AnnotatedMethod annotated : known.methods()) {
            if (!advised) {
                Optional<String> early = proxies.postProcessorThatNeeds(name);
                findings.add(
                        annotated,
                        "the bean '" + name + "' has no proxy, as it was "
                                + early.map(method -> "needed to call " + method + ", which creates a post-processor")
                                        .orElse("created before proxies could be, or outside the bean factory"),
                        early.map(method -> "Make the @Bean method " + method + " static, without parameters that need"
                                        + " this bean")
                                .orElse("Let Spring create it, and inject it lazily (@Lazy, ObjectProvider) where a"
                                        + " post-processor needs it"));
            } else if (!annotated.isOnType() && AopUtils.isJdkDynamicProxy(bean) && !isExposed(annotated, bean)) {
                findings.add(
                        annotated,
                        "the bean '" + name + "' is proxied by its interfaces, and none of them has this method",
                        "Declare it in one of them, or remove spring.aop.proxy-target-class=false (@Proxyable, if the"
                                + " bean has it)");
            }
        }
        return findings.toList();
    }

    private static boolean isExposed(AnnotatedMethod annotated, Object proxy) {
        return Proxies.isProxiedByInterfaces(annotated.type())
                || AnnotatedMethod.interfacesOf(proxy.getClass()).stream()
                        .anyMatch(each -> AnnotatedMethod.hasMethod(each, annotated.method(), annotated.type()));
    }

    /** A class together with the kind of proxy of its beans. */
    private record Subject(Class<?> type, boolean byInterfaces) {

        // Written out, because those of a record are generated at their first call, which is at startup.

        @Override
        public boolean equals(@Nullable Object other) {
            return other instanceof Subject subject && type == subject.type && byInterfaces == subject.byInterfaces;
        }

        @Override
        public int hashCode() {
            return 31 * type.hashCode() + Boolean.hashCode(byInterfaces);
        }
    }

    /** The annotated methods of a class, and the findings about them. */
    private record Checked(List<AnnotatedMethod> methods, List<Finding> findings) {}
}
