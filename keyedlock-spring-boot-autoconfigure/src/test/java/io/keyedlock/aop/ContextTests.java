// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.annotation.KeyedLock;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.springframework.aop.scope.ScopedProxyUtils;
import org.springframework.aop.support.AopUtils;
import org.springframework.beans.factory.ObjectFactory;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.beans.factory.config.BeanDefinitionHolder;
import org.springframework.beans.factory.config.BeanFactoryPostProcessor;
import org.springframework.beans.factory.config.Scope;
import org.springframework.beans.factory.support.BeanDefinitionRegistry;
import org.springframework.beans.factory.support.RootBeanDefinition;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.core.Ordered;

/** Concurrent and successive contexts, lazy beans, prototypes, and beans that are created again. */
class ContextTests {

    @Test
    void contextsInOneJvmDoNotExcludeEachOther() {
        Contexts.runner(Service.class)
                .run(first -> Contexts.runner(Service.class).run(second -> {
                    try (Section section = new Section()) {
                        for (ApplicationContext context : List.of(first, second)) {
                            Service service = context.getBean(Service.class);
                            service.during(section::pass);
                            section.start(() -> service.work("a"));
                        }
                        section.awaitInside(2);
                    }
                }));
    }

    @Test
    void contextsShareTheClassesOfTheirProxies() {
        Contexts.runner(Service.class)
                .run(first -> Contexts.runner(Service.class)
                        .run(second -> assertThat(second.getBean(Service.class))
                                .hasSameClassAs(first.getBean(Service.class))
                                .isNotSameAs(first.getBean(Service.class))));
    }

    @Test
    void closingAContextDoesNotAffectOthers() {
        Contexts.runner(Service.class).run(first -> {
            Contexts.runner(Service.class)
                    .run(second -> second.getBean(Service.class).work("a"));
            first.getBean(Service.class).work("a");
            assertThat(keys(first)).isEmpty();
        });
    }

    @Test
    void parentAndChildContextLockTheirBeansAndTheChildListsAllLockers() {
        Contexts.runner(Service.class)
                .run(parent -> Contexts.runner(Other.class).withParent(parent).run(child -> {
                    Service service = child.getBean(Service.class);
                    service.during(() -> {
                        assertThat(keys(parent)).containsExactly("a");
                        child.getBean(Other.class).work(() -> {
                            assertThat(keys(parent)).containsExactly("a");
                            // A child also lists the lockers of its parent.
                            assertThat(keys(child)).containsExactlyInAnyOrder("a", "other");
                        });
                    });
                    service.work("a");
                }));
    }

    @Test
    void refreshedContextStartsWithNewLockers() {
        Set<KeyedLocker<?>> lockers = new HashSet<>();
        for (int i = 0; i < 2; i++) {
            Contexts.runner(Service.class).run(context -> {
                context.getBean(Service.class).work("a");
                lockers.add(Bodies.locker(context.getBean(KeyedLockerRegistry.class), "work"));
            });
        }
        assertThat(lockers).hasSize(2);
    }

    @Test
    void lazyBeanIsLockedOnceItIsCreated() {
        Contexts.runner()
                .withBean(Service.class, Service::new, definition -> definition.setLazyInit(true))
                .run(context -> assertLocked(context, context.getBean(Service.class)));
    }

    @Test
    void prototypesShareTheLockerOfTheirMethod() {
        Contexts.runner()
                .withBean(Service.class, Service::new, it -> it.setScope(BeanDefinition.SCOPE_PROTOTYPE))
                .run(context -> {
                    Service one = context.getBean(Service.class);
                    Service other = context.getBean(Service.class);
                    assertThat(one).isNotSameAs(other);
                    try (Section section = new Section()) {
                        one.during(section::pass);
                        other.during(section::pass);
                        section.start(() -> one.work("a"));
                        section.awaitInside(1);
                        section.start(() -> other.work("a"));
                        new Waiters(context).await();
                        assertThat(section.inside()).isEqualTo(1);
                    }
                });
    }

    @Test
    void beanOfARefreshableScopeKeepsItsLockerThroughARefresh() {
        RefreshableScope scope = new RefreshableScope();
        Contexts.runner()
                .withBean(ScopedBeans.class, () -> new ScopedBeans(scope))
                .run(context -> {
                    Service service = context.getBean("scoped", Service.class);
                    assertLocked(context, service);
                    assertThat(AopUtils.isAopProxy(service)).isTrue();
                    try (Section section = new Section()) {
                        service.during(section::pass);
                        section.start(() -> service.work("a"));
                        section.awaitInside(1);
                        scope.refresh();
                        service.during(section::pass);
                        section.start(() -> service.work("a"));
                        new Waiters(context).await();
                        assertThat(section.inside()).isEqualTo(1);
                    }
                    assertThat(scope.made).isEqualTo(2);
                });
    }

    @Test
    void lockerBeanOfTheUserIsUsed() {
        KeyedLocker<Object> mine =
                KeyedLocker.create(KeyedLockerSettings.defaults().withName("mine"));
        Contexts.runner(Named.class)
                .withBean("mine", KeyedLocker.class, () -> mine)
                .run(context -> context.getBean(Named.class)
                        .work(() -> assertThat(mine.activeKeys()).containsExactly("key")));
    }

    @Test
    void beanFactoryWithoutBootLocksThroughItsOwnSource() {
        try (AnnotationConfigApplicationContext context = new AnnotationConfigApplicationContext()) {
            PlainLockers lockers = new PlainLockers();
            context.registerBean(
                    org.springframework.aop.framework.autoproxy.DefaultAdvisorAutoProxyCreator.class,
                    () -> new org.springframework.aop.framework.autoproxy.DefaultAdvisorAutoProxyCreator(),
                    definition -> definition.setRole(BeanDefinition.ROLE_INFRASTRUCTURE));
            context.registerBean(
                    KeyedLockAdvisor.class,
                    () -> new KeyedLockAdvisor(
                            context.getBeanFactory(),
                            () -> lockers,
                            () -> KeyedLock.Release.DEFAULT,
                            () -> Runnable::run,
                            Ordered.LOWEST_PRECEDENCE));
            context.registerBean(Service.class);
            context.refresh();
            Service service = context.getBean(Service.class);
            service.during(() -> assertThat(lockers.made)
                    .hasSize(1)
                    .allSatisfy(
                            (name, locker) -> assertThat(locker.activeKeys()).containsExactly("a")));
            service.work("a");
        }
    }

    private static void assertLocked(ApplicationContext context, Service service) {
        boolean[] ran = new boolean[1];
        service.during(() -> {
            assertThat(keys(context)).containsExactly("a");
            ran[0] = true;
        });
        service.work("a");
        assertThat(ran[0]).isTrue();
        assertThat(keys(context)).isEmpty();
    }

    private static List<Object> keys(ApplicationContext context) {
        KeyedLockerRegistry lockers = context.getBean(KeyedLockerRegistry.class);
        return lockers.names().stream()
                .flatMap(name -> lockers.<Object>get(name).activeKeys().stream())
                .toList();
    }

    /** Waits until a caller waits. */
    private record Waiters(ApplicationContext context) {

        void await() {
            KeyedLockerRegistry lockers = context.getBean(KeyedLockerRegistry.class);
            org.awaitility.Awaitility.await()
                    .atMost(Duration.ofMinutes(1))
                    .until(() -> lockers.names().stream()
                            .flatMap(name -> lockers.get(name).snapshot().stream())
                            .anyMatch(key -> !key.waiters().isEmpty()));
        }
    }

    private static final class PlainLockers implements AdviceLockerRegistry {

        private final Map<String, KeyedLocker<Object>> made = new HashMap<>();

        @Override
        public <K> KeyedLocker<K> get(String name) {
            return this.<K>find(name).orElseThrow();
        }

        @Override
        @SuppressWarnings("unchecked") // the caller chooses the key type
        public <K> java.util.Optional<KeyedLocker<K>> find(String name) {
            return java.util.Optional.ofNullable((KeyedLocker<K>) made.get(name));
        }

        @Override
        public KeyedLocker<Object> own(String name, java.util.OptionalInt limit) {
            return made.computeIfAbsent(
                    name,
                    absent -> KeyedLocker.create(
                            KeyedLockerSettings.defaults().withName(name).withLimit(limit.orElse(1))));
        }

        @Override
        public java.util.Set<String> names() {
            return made.keySet();
        }

        @Override
        public String property(String name) {
            return name;
        }
    }

    /** A scope whose beans are recreated after a refresh. */
    private static final class RefreshableScope implements Scope {

        private final Map<String, Object> beans = new HashMap<>();
        private int made;

        void refresh() {
            beans.clear();
        }

        @Override
        public synchronized Object get(String name, ObjectFactory<?> factory) {
            return beans.computeIfAbsent(name, absent -> {
                made++;
                return factory.getObject();
            });
        }

        @Override
        public Object remove(String name) {
            return beans.remove(name);
        }

        @Override
        public void registerDestructionCallback(String name, Runnable callback) {}

        @Override
        public Object resolveContextualObject(String key) {
            return null;
        }

        @Override
        public String getConversationId() {
            return null;
        }
    }

    private record ScopedBeans(RefreshableScope scope) implements BeanFactoryPostProcessor {

        @Override
        public void postProcessBeanFactory(
                org.springframework.beans.factory.config.ConfigurableListableBeanFactory beans) {
            beans.registerScope("refreshable", scope);
            RootBeanDefinition target = new RootBeanDefinition(Service.class);
            target.setScope("refreshable");
            BeanDefinitionRegistry registry = (BeanDefinitionRegistry) beans;
            BeanDefinitionHolder proxy =
                    ScopedProxyUtils.createScopedProxy(new BeanDefinitionHolder(target, "scoped"), registry, true);
            registry.registerBeanDefinition("scoped", proxy.getBeanDefinition());
        }
    }

    static class Service {

        private volatile Runnable hook = () -> {};

        void during(Runnable hook) {
            this.hook = hook;
        }

        @KeyedLock(key = "#id")
        public void work(String id) {
            hook.run();
        }
    }

    static class Other {

        @KeyedLock(key = "'other'")
        public void work(Runnable body) {
            body.run();
        }
    }

    static class Named {

        @KeyedLock(name = "mine", key = "'key'")
        public void work(Runnable body) {
            body.run();
        }
    }
}
