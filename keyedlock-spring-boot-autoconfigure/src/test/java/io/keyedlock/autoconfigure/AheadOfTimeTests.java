// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.LockRejectedException;
import io.keyedlock.Permit;
import io.keyedlock.annotation.KeyedLock;
import io.keyedlock.aop.InvalidKeyedLockException;
import io.keyedlock.aop.LockInvocation;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.springframework.aot.hint.MemberCategory;
import org.springframework.aot.hint.RuntimeHints;
import org.springframework.aot.hint.predicate.RuntimeHintsPredicates;
import org.springframework.aot.test.generate.TestGenerationContext;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.autoconfigure.aop.AopAutoConfiguration;
import org.springframework.context.ApplicationContextInitializer;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.context.aot.ApplicationContextAotGenerator;
import org.springframework.context.support.GenericApplicationContext;
import org.springframework.core.env.MapPropertySource;
import org.springframework.core.test.tools.CompileWithForkedClassLoader;
import org.springframework.core.test.tools.TestCompiler;
import org.springframework.stereotype.Component;

/** Applications that were processed ahead of time: generated code, compiled and started. */
class AheadOfTimeTests {

    private static final Map<String, Object> AT_BUILD_TIME =
            Map.of("keyedlock.locks.orders.limit", "1", "keyedlock.locks.forgotten.limit", "1");

    private static final Map<String, Object> AT_RUN_TIME =
            Map.of("keyedlock.locks.orders.limit", "2", "keyedlock.locks.added.limit", "7");

    @Test
    @CompileWithForkedClassLoader
    void namesAndLimitsAreThoseOfTheRunTimeProperties() {
        start(Application.class, AT_RUN_TIME, context -> {
            assertThat(context.getBean("orders", KeyedLocker.class).settings().limit())
                    .isEqualTo(2);
            assertThat(context.getBean("added", KeyedLocker.class).settings().limit())
                    .isEqualTo(7);
            assertThat(context.containsBean("forgotten")).isFalse();
            assertThat(context.getBean(KeyedLockerRegistry.class).names()).contains("orders", "added");
        });
    }

    @Test
    @CompileWithForkedClassLoader
    @SuppressWarnings("try") // the permit is only held
    void annotatedMethodsLock() {
        start(Application.class, AT_RUN_TIME, context -> {
            Shop shop = context.getBean(Shop.class);
            KeyedLocker<Object> orders =
                    context.getBean(KeyedLockerRegistry.class).get("orders");
            assertThat(shop.ship(new Order(new Customer("ada")))).isEqualTo("ada");
            try (Permit first = orders.acquireAsync("ada").join();
                    Permit second = orders.acquireAsync("ada").join()) {
                assertThatExceptionOfType(LockRejectedException.class)
                        .isThrownBy(() -> shop.ship(new Order(new Customer("ada"))));
                assertThat(shop.ship(new Order(new Customer("bob")))).isEqualTo("bob");
            }
            assertThat(orders.activeKeyCount()).isZero();
        });
    }

    @Test
    @CompileWithForkedClassLoader
    void mistakesAreFoundAtStartup() {
        assertThatExceptionOfType(InvalidKeyedLockException.class)
                .isThrownBy(() -> start(Application.class, Map.of(), context -> {}))
                .withMessageContaining("there is no locker 'orders'");
    }

    @Test
    void expressionsReachTheirTypesInANativeImage() {
        RuntimeHints hints = hintsOf(Application.class);
        MemberCategory methods = MemberCategory.INVOKE_PUBLIC_METHODS;
        assertThat(reachable(Order.class, methods)).accepts(hints);
        assertThat(reachable(Customer.class, methods)).accepts(hints);
        assertThat(reachable(Regions.class, methods)).as("a bean").accepts(hints);
        assertThat(reachable(Region.class, methods))
                .as("what its method returns")
                .accepts(hints);
        assertThat(reachable(Sizes.class, methods)).as("named, in an argument").accepts(hints);
        assertThat(reachable(Line.class, methods)).as("the element of a list").accepts(hints);
        assertThat(reachable(Pair.class, MemberCategory.INVOKE_PUBLIC_CONSTRUCTORS))
                .accepts(hints);
        assertThat(reachable(Pair.class, methods)).accepts(hints);
        assertThat(RuntimeHintsPredicates.reflection().onType(Unrelated.class)).rejects(hints);
    }

    @Test
    void theLibraryReachesItsOwnTypesInANativeImage() throws ReflectiveOperationException {
        RuntimeHints hints = hintsOf(Application.class);
        assertThat(reachable(KeyedLock.class, MemberCategory.INVOKE_DECLARED_METHODS))
                .accepts(hints);
        assertThat(reachable(LockInvocation.class, MemberCategory.INVOKE_PUBLIC_METHODS))
                .accepts(hints);
        assertThat(Stream.concat(
                        Stream.of(KeyedLockProperties.class),
                        Stream.of(KeyedLockProperties.class.getDeclaredClasses())
                                .filter(Class::isRecord)))
                .hasSizeGreaterThan(5)
                .allSatisfy(properties -> assertThat(reachable(properties, MemberCategory.INVOKE_DECLARED_METHODS))
                        .as(properties.getName())
                        .accepts(hints));
        Class<?> event = Class.forName(
                KeyedLockRuntimeHints.WAIT_EVENT, false, getClass().getClassLoader());
        assertThat(reachable(event, MemberCategory.INVOKE_DECLARED_CONSTRUCTORS))
                .accepts(hints);
        assertThat(Stream.of(Class.forName(
                                        KeyedLockRuntimeHints.WAIT_EVENT,
                                        false,
                                        getClass().getClassLoader())
                                .getDeclaredFields())
                        .filter(field -> !Modifier.isStatic(field.getModifiers()) && !field.isSynthetic())
                        .map(Field::getName))
                .containsExactlyInAnyOrderElementsOf(KeyedLockRuntimeHints.WAIT_EVENT_FIELDS);
    }

    private static void start(
            Class<?> application, Map<String, Object> atRunTime, Consumer<GenericApplicationContext> use) {
        TestGenerationContext generated = process(application);
        TestCompiler.forSystem().with(generated).compile(compiled -> {
            @SuppressWarnings("unchecked")
            ApplicationContextInitializer<GenericApplicationContext> initializer =
                    compiled.getInstance(ApplicationContextInitializer.class);
            try (GenericApplicationContext context = new GenericApplicationContext()) {
                context.getEnvironment().getPropertySources().addFirst(new MapPropertySource("run", atRunTime));
                initializer.initialize(context);
                context.refresh();
                use.accept(context);
            }
        });
    }

    private static Predicate<RuntimeHints> reachable(Class<?> type, MemberCategory category) {
        return RuntimeHintsPredicates.reflection().onType(type).withMemberCategory(category);
    }

    private static RuntimeHints hintsOf(Class<?> application) {
        return process(application).getRuntimeHints();
    }

    private static TestGenerationContext process(Class<?> application) {
        TestGenerationContext generated = new TestGenerationContext(application);
        try (AnnotationConfigApplicationContext context = new AnnotationConfigApplicationContext()) {
            context.getEnvironment().getPropertySources().addFirst(new MapPropertySource("build", AT_BUILD_TIME));
            context.register(application);
            new ApplicationContextAotGenerator().processAheadOfTime(context, generated);
        }
        generated.writeGeneratedContent();
        return generated;
    }

    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration({
        AopAutoConfiguration.class,
        KeyedLockAutoConfiguration.class,
        KeyedLockAopAutoConfiguration.class,
        KeyedLockShutdownAutoConfiguration.class
    })
    @Import({Shop.class, Regions.class})
    static class Application {

        @Bean
        String anything() {
            return "anything";
        }
    }

    /** Annotated in various ways. */
    public static class Shop {

        @KeyedLock(name = "orders", key = "#order.customer.name", policy = KeyedLock.Policy.REJECT)
        public String ship(Order order) {
            return order.customer().name();
        }

        @KeyedLock(key = "@regions.of(T(io.keyedlock.autoconfigure.AheadOfTimeTests$Sizes).round(#size)).code")
        public void byRegion(int size) {}

        @KeyedLock(
                key = "#lines[0].product",
                condition = "new io.keyedlock.autoconfigure.AheadOfTimeTests$Pair(1).one() > 0")
        public void byFirst(List<Line> lines) {}
    }

    /** Looks up regions. */
    @Component("regions")
    public static class Regions {

        public Region of(long size) {
            return new Region("r" + size);
        }
    }

    /** Named in an expression. */
    public static final class Sizes {

        private Sizes() {}

        public static long round(int size) {
            return size / 10;
        }
    }

    public record Order(Customer customer) {}

    public record Customer(String name) {}

    public record Region(String code) {}

    public record Line(String product) {}

    public record Pair(int one) {}

    public record Unrelated(String value) {}
}
