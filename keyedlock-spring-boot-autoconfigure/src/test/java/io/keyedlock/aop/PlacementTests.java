// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.annotation.KeyedLock;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.springframework.aop.support.AopUtils;
import org.springframework.beans.factory.FactoryBean;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.cglib.proxy.Factory;
import org.springframework.core.annotation.AliasFor;

/** The places of the annotation and the locker that each selects. */
class PlacementTests {

    private static final String HERE = PlacementTests.class.getName() + "$";

    private static final ThreadLocal<Map<String, String>> HELD = ThreadLocal.withInitial(TreeMap::new);

    private static KeyedLockerRegistry lockers;

    @Test
    void annotationOnATypeAppliesToItsMethodsUnlessAMethodOverridesIt() {
        run(Contexts.runner(Typed.class), Typed.class, typed -> {
            assertThat(held(() -> typed.first("a"))).containsOnly(Map.entry(HERE + "Typed", "[a]"));
            assertThat(held(() -> typed.second("b"))).containsOnly(Map.entry(HERE + "Typed", "[b]"));
            assertThat(held(() -> typed.guarded("c"))).containsOnly(Map.entry(HERE + "Typed", "[c]"));
            assertThat(held(() -> typed.own("d"))).containsOnly(Map.entry(HERE + "Typed.own(String)", "[own d]"));
            assertThat(held(() -> assertThat(typed.toString()).isEqualTo("typed")))
                    .isEmpty();
            assertThat(typed.isAmong("x")).isTrue();
        });
    }

    @Test
    void subclassSharesTheLockerOfTheAnnotatedSuperclass() {
        run(Contexts.runner(SubTyped.class), SubTyped.class, typed -> {
            assertThat(held(() -> typed.first("a"))).containsOnly(Map.entry(HERE + "Typed", "[a]"));
            assertThat(held(() -> typed.third("a"))).containsOnly(Map.entry(HERE + "Typed", "[a]"));
        });
    }

    @Test
    void overridingMethodInheritsWhatItOverrides() {
        run(
                Contexts.runner(Overriding.class),
                Overriding.class,
                bean -> assertThat(held(() -> bean.handle("a")))
                        .containsOnly(Map.entry(HERE + "Base.handle(String)", "[a]")));
    }

    @Test
    void interfaceHasOneLockerForAllImplementationsAndParameterNames() {
        Contexts.runner(FirstPort.class, SecondPort.class)
                .withPropertyValues("spring.aop.proxy-target-class=true")
                .run(context -> {
                    lockers = context.getBean(KeyedLockerRegistry.class);
                    Port first = context.getBean(FirstPort.class);
                    Port second = context.getBean(SecondPort.class);
                    assertThat(first).isInstanceOf(Factory.class);
                    for (Port port : new Port[] {first, second}) {
                        assertThat(held(() -> port.send("a")))
                                .containsOnly(Map.entry(HERE + "Port.send(String)", "[a]"));
                    }
                    assertThat(held(() -> ((FirstPort) first).send("b")))
                            .containsOnly(Map.entry(HERE + "Port.send(String)", "[b]"));
                    assertThat(held(first::concrete))
                            .containsOnly(Map.entry(HERE + "Port.concrete()", "[(all calls)]"));
                });
    }

    @Test
    void proxyByInterfacesLocksTheSame() {
        Contexts.runner(FirstPort.class)
                .withPropertyValues("spring.aop.proxy-target-class=false")
                .run(context -> {
                    lockers = context.getBean(KeyedLockerRegistry.class);
                    Port port = context.getBean(Port.class);
                    assertThat(AopUtils.isJdkDynamicProxy(port)).isTrue();
                    assertThat(held(() -> port.send("a"))).containsOnly(Map.entry(HERE + "Port.send(String)", "[a]"));
                    assertThat(held(() -> port.inClass("a")))
                            .containsOnly(Map.entry(HERE + "FirstPort.inClass(String)", "[a]"));
                });
    }

    @Test
    void annotatedInterfaceAppliesToItsOwnAndInheritedMethodsOnly() {
        run(Contexts.runner(TypedPortBean.class), TypedPortBean.class, bean -> {
            assertThat(held(() -> bean.declared("a"))).containsOnly(Map.entry(HERE + "TypedPort", "[a]"));
            assertThat(held(() -> bean.generic("a"))).containsOnly(Map.entry(HERE + "TypedPort", "[a]"));
            assertThat(held(() -> bean.extra(1))).isEmpty();
        });
    }

    @Test
    void methodOfASuperclassIsLockedByTheInterfaceThatTheSubclassAdds() {
        run(Contexts.runner(Adopting.class), Adopting.class, bean -> {
            assertThat(held(() -> bean.send("a"))).containsOnly(Map.entry(HERE + "Port.send(String)", "[a]"));
            assertThat(held(() -> bean.generic("a"))).containsOnly(Map.entry(HERE + "TypedPort", "[a]"));
        });
    }

    @Test
    void proxyCreatedByAFactoryBeanIsLocked() {
        Contexts.runner(PortFactory.class).run(context -> {
            lockers = context.getBean(KeyedLockerRegistry.class);
            Port port = context.getBean(Port.class);
            assertThat(held(() -> port.send("a"))).containsOnly(Map.entry(HERE + "Port.send(String)", "[a]"));
        });
    }

    @Test
    void composedAnnotationForwardsItsAttributes() {
        run(
                Contexts.runner(Composed.class).withPropertyValues("keyedlock.locks.orders.limit=3"),
                Composed.class,
                composed -> {
                    assertThat(held(() -> composed.ship("a"))).containsOnly(Map.entry("orders", "[a]"));
                    assertThat(held(() -> composed.cancel("b"))).containsOnly(Map.entry("orders", "[b]"));
                    assertThat(held(() -> composed.elsewhere("c"))).containsOnly(Map.entry("other", "[c]"));
                });
    }

    @Test
    void composedAnnotationWithoutALockerUsesTheLockerOfTheMethod() {
        run(Contexts.runner(Serialized.class), Serialized.class, bean -> {
            assertThat(held(bean::one)).containsOnly(Map.entry(HERE + "Serialized.one()", "[(all calls)]"));
            assertThat(held(bean::two)).containsOnly(Map.entry(HERE + "Serialized.two()", "[(all calls)]"));
        });
    }

    @Test
    void protectedAndPackagePrivateMethodsAreLocked() {
        run(Contexts.runner(Narrow.class), Narrow.class, bean -> {
            assertThat(held(() -> bean.packagePrivate("a"))).hasSize(1);
            assertThat(held(() -> bean.protectedOne("a"))).hasSize(1);
        });
    }

    @Test
    void similarOverloadsAreDistinguishedByQualifiedNames() {
        run(Contexts.runner(Lookalike.class), Lookalike.class, bean -> {
            assertThat(held(() -> bean.take(new One.Id())))
                    .containsOnlyKeys(HERE + "Lookalike.take(" + One.Id.class.getTypeName() + ")");
            assertThat(held(() -> bean.take(new Two.Id())))
                    .containsOnlyKeys(HERE + "Lookalike.take(" + Two.Id.class.getTypeName() + ")");
            assertThat(held(() -> bean.take("a"))).containsOnlyKeys(HERE + "Lookalike.take(String)");
        });
    }

    @Test
    void adviceWorksWithoutAspectJ() {
        run(
                Contexts.runner(Base.class)
                        .withClassLoader(new org.springframework.boot.test.context.FilteredClassLoader("org.aspectj")),
                Base.class,
                bean -> assertThat(held(() -> bean.handle("a"))).hasSize(1));
    }

    private static <B> void run(ApplicationContextRunner runner, Class<B> type, Consumer<B> test) {
        runner.withPropertyValues("keyedlock.locks.other.limit=1").run(context -> {
            lockers = context.getBean(KeyedLockerRegistry.class);
            test.accept(context.getBean(type));
        });
    }

    private static Map<String, String> held(Runnable call) {
        HELD.get().clear();
        call.run();
        return HELD.get();
    }

    /** Records which lockers hold which keys. Called by every body. */
    private static void note() {
        for (String name : lockers.names()) {
            if (lockers.get(name).activeKeyCount() > 0) {
                HELD.get().put(name, lockers.get(name).activeKeys().toString());
            }
        }
    }

    @KeyedLock(key = "#id")
    static class Typed {

        public void first(String id) {
            note();
        }

        public void second(String id) {
            note();
        }

        public void guarded(String id) {
            unlockedHelper(1);
        }

        @KeyedLock(key = "'own ' + #id")
        public void own(String id) {
            note();
        }

        private void unlockedHelper(int other) {
            assertThat(other).isOne();
            note();
        }

        static void alsoUnlocked(int other) {
            note();
        }

        @KeyedLock(key = "'fixed'")
        public boolean isAmong(String id) {
            return true;
        }

        @Override
        public String toString() {
            note();
            return "typed";
        }

        @Override
        public boolean equals(Object other) {
            return this == other;
        }

        @Override
        public int hashCode() {
            return 5;
        }
    }

    static class SubTyped extends Typed {

        public void third(String id) {
            note();
        }
    }

    /** Public, as a proxy by another class loader extends it. */
    public static class Base {

        @KeyedLock(key = "#id")
        public void handle(String id) {
            note();
        }
    }

    static class Overriding extends Base {

        @Override
        public void handle(String renamed) {
            note();
        }
    }

    interface Port {

        @KeyedLock(key = "#id")
        void send(String id);

        void inClass(String id);

        @KeyedLock
        default void concrete() {
            note();
        }
    }

    static class FirstPort implements Port {

        @Override
        public void send(String message) {
            note();
        }

        @Override
        @KeyedLock(key = "#text")
        public void inClass(String text) {
            note();
        }
    }

    static class SecondPort implements Port {

        @Override
        public void send(String number) {
            note();
        }

        @Override
        public void inClass(String text) {
            note();
        }
    }

    interface Generic<T> {
        void generic(T id);
    }

    @KeyedLock(key = "#p0")
    interface TypedPort extends Generic<String> {
        void declared(String id);
    }

    static class TypedPortBean implements TypedPort {

        @Override
        public void declared(String id) {
            note();
        }

        @Override
        public void generic(String id) {
            note();
        }

        public void extra(int other) {
            note();
        }
    }

    static class Unaware {

        public void send(String whatever) {
            note();
        }

        public void inClass(String whatever) {
            note();
        }

        public void declared(String id) {
            note();
        }

        public void generic(String id) {
            note();
        }
    }

    static class Adopting extends Unaware implements Port, TypedPort {}

    static class PortFactory implements FactoryBean<Port> {

        @Override
        public Port getObject() {
            return (Port) java.lang.reflect.Proxy.newProxyInstance(
                    Port.class.getClassLoader(), new Class<?>[] {Port.class}, (proxy, method, arguments) -> {
                        if (method.getName().equals("send")) {
                            note();
                        }
                        return null;
                    });
        }

        @Override
        public Class<?> getObjectType() {
            return Port.class;
        }
    }

    @Retention(RetentionPolicy.RUNTIME)
    @KeyedLock(name = "orders", limit = 3)
    @interface OrderLock {

        @AliasFor(annotation = KeyedLock.class, attribute = "key")
        String value();
    }

    @Retention(RetentionPolicy.RUNTIME)
    @KeyedLock(key = "#p0")
    @interface FirstArgumentLock {

        @AliasFor(annotation = KeyedLock.class)
        String name();
    }

    @Retention(RetentionPolicy.RUNTIME)
    @KeyedLock
    @interface OneAtATime {}

    static class Composed {

        @OrderLock("#id")
        public void ship(String id) {
            note();
        }

        @OrderLock("#number")
        public void cancel(String number) {
            note();
        }

        @FirstArgumentLock(name = "other")
        public void elsewhere(String id) {
            note();
        }
    }

    static class Serialized {

        @OneAtATime
        public void one() {
            note();
        }

        @OneAtATime
        public void two() {
            note();
        }
    }

    static class Narrow {

        @KeyedLock(key = "#id")
        void packagePrivate(String id) {
            note();
        }

        @KeyedLock(key = "#id")
        protected void protectedOne(String id) {
            note();
        }
    }

    static class One {
        static class Id {}
    }

    static class Two {
        static class Id {}
    }

    static class Lookalike {

        @KeyedLock
        public void take(One.Id id) {
            note();
        }

        @KeyedLock
        public void take(Two.Id id) {
            note();
        }

        @KeyedLock
        public void take(String text) {
            note();
        }
    }
}
