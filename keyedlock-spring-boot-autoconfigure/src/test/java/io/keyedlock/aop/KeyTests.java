// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static java.util.Arrays.asList;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.KeyedLockFailure;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.LockTimeoutException;
import io.keyedlock.annotation.KeyedLock;
import io.keyedlock.lease.KeyEncoder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.cache.interceptor.KeyGenerator;

/** The keys of calls. */
class KeyTests {

    private final ApplicationContextRunner runner = Contexts.runner(Keyed.class)
            .withBean("byHash", KeyGenerator.class, () -> (target, method, args) -> method.getName() + args[0])
            .withBean("noKey", KeyGenerator.class, () -> (target, method, args) -> null)
            .withBean("tenants", Tenants.class)
            .withPropertyValues("region=eu");

    @Test
    void parametersAreResolvedByNameAndByIndex() {
        assertThat(keysWhile(keyed -> keyed.byName("a", 7L))).containsExactly(7L);
        assertThat(keysWhile(keyed -> keyed.byP("a", 7L))).containsExactly(7L);
        assertThat(keysWhile(keyed -> keyed.byA("a", 7L))).containsExactly("a");
        assertThat(keysWhile(keyed -> keyed.varargs("x", "y"))).containsExactly("y");
    }

    @Test
    void rootHasMethodTargetAndArguments() {
        assertThat(keysWhile(keyed -> keyed.root("a")).iterator().next())
                .isEqualTo(asList("root", "Keyed", "Keyed", "a"));
        assertThat(keysWhile(keyed -> keyed.rootArgument("b"))).containsExactly("b");
    }

    @Test
    void beansPropertiesAndStaticMethodsAreResolved() {
        assertThat(keysWhile(keyed -> keyed.bean("a"))).containsExactly("tenant of a");
        assertThat(keysWhile(keyed -> keyed.property("a"))).containsExactly("eua");
        assertThat(keysWhile(keyed -> keyed.staticMethod(3))).containsExactly("3");
        assertThat(keysWhile(Keyed::constant)).containsExactly("all");
    }

    @Test
    void valueOfAPropertyIsNotEvaluated() {
        String value = "' + T(java.lang.System).exit(1) + '";
        runner.withPropertyValues("region=" + value).run(context -> {
            Keyed keyed = context.getBean(Keyed.class);
            assertThat(keysWhile(context.getBean(KeyedLockerRegistry.class), keyed, it -> it.property("a")))
                    .containsExactly(value + "a");
        });
    }

    /** The name must never change: during a rollout, both versions must use the same key. */
    @Test
    void keyOfAMethodWithoutOneHasTheSameNameInRedisInEveryVersion() {
        assertThat(KeyEncoder.standard().encode(KeySource.WholeScope.INSTANCE))
                .isEqualTo("io.keyedlock.aop.KeySource$WholeScope:INSTANCE");
    }

    @Test
    void listIsOneCompositeKeyEqualToAnyEqualList() {
        assertThat(keysWhile(keyed -> keyed.composite("a", 1L))).containsExactly(List.of("a", 1L));
        assertThat(keysWhile(keyed -> keyed.composite("a", null))).containsExactly(asList("a", null));
        assertThat(keysWhile(keyed -> keyed.any(new ArrayDeque<>(List.of(1, 2)))))
                .containsExactly(List.of(1, 2));
        assertThat(keysWhile(keyed -> keyed.any(Set.of(1, 2)))).containsExactly(Set.of(2, 1));
    }

    @Test
    void compositeKeyIsImmutable() {
        List<Object> mutable = new ArrayList<>(List.of("a", new ArrayList<>(List.of("b"))));
        runner.run(context -> {
            Keyed keyed = context.getBean(Keyed.class);
            keyed.hook(() -> {
                mutable.clear();
                assertThat(active(context.getBean(KeyedLockerRegistry.class)))
                        .containsExactly(List.of("a", List.of("b")));
            });
            keyed.any(mutable);
            assertThat(active(context.getBean(KeyedLockerRegistry.class))).isEmpty();
        });
    }

    @Test
    void arraysAreComparedByContent() {
        runner.run(context -> {
            Keyed keyed = context.getBean(Keyed.class);
            for (Object[] pair : List.of(
                    new Object[] {new int[] {1, 2}, new int[] {1, 2}},
                    new Object[] {new byte[] {1}, new byte[] {1}},
                    new Object[] {new String[][] {{"a"}, {"b", null}}, new String[][] {{"a"}, {"b", null}}},
                    new Object[] {List.of(new long[] {1}), List.of(new long[] {1})})) {
                assertThat(isLockedOutBy(keyed, pair[0], pair[1])).isTrue();
            }
            assertThat(isLockedOutBy(keyed, new int[] {1}, new int[] {2})).isFalse();
            assertThat(isLockedOutBy(keyed, new int[] {1}, new long[] {1})).isFalse();
        });
        assertThat(keysWhile(keyed -> keyed.any(new int[] {1, 2}))).containsExactly(List.of(1, 2));
        assertThat(keysWhile(keyed -> keyed.any(new String[][] {{"a"}, {}})))
                .containsExactly(List.of(List.of("a"), List.of()));
    }

    @Test
    void keysLocksEveryElement() {
        assertThat(keysWhile(keyed -> keyed.several(List.of("a", "b", "a")))).containsExactlyInAnyOrder("a", "b");
        assertThat(keysWhile(keyed -> keyed.several(new String[] {"a", "b"}))).containsExactlyInAnyOrder("a", "b");
        assertThat(keysWhile(keyed -> keyed.several(new int[] {1, 2}))).containsExactlyInAnyOrder(1, 2);
        assertThat(keysWhile(keyed -> keyed.severalInline("x", List.of("y"))))
                .containsExactlyInAnyOrder("x", List.of("y"));
        assertThat(keysWhile(keyed -> keyed.several(List.of()))).isEmpty();
    }

    @Test
    void keysRejectsIfOneIsHeld() {
        runner.run(context -> {
            Keyed keyed = context.getBean(Keyed.class);
            try (Section section = new Section()) {
                keyed.hook(section::pass);
                section.start(() -> keyed.severalOrNone(List.of("a", "b")));
                section.awaitInside(1);
                assertThatThrownBy(() -> keyed.severalOrNone(List.of("b", "c")))
                        .isInstanceOf(io.keyedlock.LockRejectedException.class);
                assertThat(active(context.getBean(KeyedLockerRegistry.class))).containsExactlyInAnyOrder("a", "b");
            }
        });
    }

    @Test
    void keyGeneratorCreatesTheKey() {
        assertThat(keysWhile(keyed -> keyed.generated("a"))).containsExactly("generateda");
    }

    @Test
    void falseConditionRunsWithoutTheLockAndWithoutAKey() {
        assertThat(keysWhile(keyed -> keyed.conditional("a", true))).containsExactly("a");
        assertThat(keysWhile(keyed -> keyed.conditional(null, false))).isEmpty();
    }

    @Test
    void conditionThatIsNotABooleanIsAnError() {
        assertKeyError(
                keyed -> keyed.strangeCondition("yes"),
                "strangeCondition(Object)",
                "condition = \"#p0\"",
                "true or false");
    }

    @Test
    void nullKeyIsAnErrorThatNamesMethodAndExpression() {
        assertKeyError(keyed -> keyed.byName("a", null), "byName(String,Long)", "key = \"#id\"", "is null");
        assertKeyError(keyed -> keyed.notGenerated("a"), "notGenerated(String)", "keyGenerator = \"noKey\"", "is null");
        assertKeyError(keyed -> keyed.several(null), "several(Object)", "keys = \"#ids\"", "is null");
    }

    @Test
    void nullAmongKeysIsAnError() {
        assertKeyError(
                keyed -> keyed.several(asList("a", null)), "several(Object)", "keys = \"#ids\"", "has null at index 1");
    }

    @Test
    void keysThatAreNoCollectionAreAnError() {
        assertKeyError(keyed -> keyed.several("a"), "several(Object)", "keys = \"#ids\"", "write key instead");
    }

    @Test
    void expressionThatThrowsIsAnErrorWithItsCause() {
        assertKeyError(keyed -> keyed.path(null), "path(Order)", "key = \"#order.customer.id\"", "failed");
        runner.run(
                context -> assertThatThrownBy(() -> context.getBean(Keyed.class).thrower(new Thrower()))
                        .isInstanceOf(LockKeyException.class)
                        .hasRootCauseMessage("on purpose"));
    }

    @Test
    void messagesOfOtherCodeAreQuotedInOneLine() {
        Thrower forging = new Thrower() {
            @Override
            public Object id() {
                throw new IllegalStateException("a\nFORGED \u001B[2J\u202E");
            }
        };
        runner.run(
                context -> assertThatThrownBy(() -> context.getBean(Keyed.class).thrower(forging))
                        .isInstanceOf(LockKeyException.class)
                        .hasMessageContaining("a\uFFFDFORGED \uFFFD[2J\uFFFD"));
    }

    @Test
    void keyWhoseEqualsThrowsLeavesNothingLocked() {
        runner.run(context -> {
            Keyed keyed = context.getBean(Keyed.class);
            try (Section section = new Section()) {
                keyed.hook(section::pass);
                section.start(() -> keyed.any(new Unequal()));
                section.awaitInside(1);
                assertThatThrownBy(() -> keyed.any(new Unequal())).hasMessage("no equals");
            }
            assertThat(active(context.getBean(KeyedLockerRegistry.class))).isEmpty();
        });
    }

    @Test
    void compiledExpressionSupportsChangingTypes() {
        runner.run(context -> {
            Keyed keyed = context.getBean(Keyed.class);
            for (int i = 0; i < 1_000; i++) {
                Object id = i % 3 == 0 ? "text" + i : i % 3 == 1 ? (Object) i : (Object) (long) i;
                assertThat(keysWhile(context.getBean(KeyedLockerRegistry.class), keyed, it -> it.poly(new Poly(id))))
                        .containsExactly(id);
            }
            for (int i = 0; i < 500; i++) {
                assertThat(keysWhile(
                                context.getBean(KeyedLockerRegistry.class),
                                keyed,
                                it -> it.path(new Order(new Customer(9)))))
                        .containsExactly(9);
            }
            assertThatThrownBy(() -> keyed.path(null)).isInstanceOf(LockKeyException.class);
            assertThatThrownBy(() -> keyed.path(new Order(null))).isInstanceOf(LockKeyException.class);
            keyed.path(new Order(new Customer(1)));
        });
    }

    private void assertKeyError(Consumer<Keyed> call, String... parts) {
        runner.run(context -> {
            Keyed keyed = context.getBean(Keyed.class);
            boolean[] ran = new boolean[1];
            keyed.hook(() -> ran[0] = true);
            assertThatThrownBy(() -> call.accept(keyed))
                    .isInstanceOf(LockKeyException.class)
                    .isInstanceOf(IllegalArgumentException.class)
                    .isInstanceOf(KeyedLockFailure.class)
                    .hasMessageContaining(Keyed.class.getName() + ".")
                    .satisfies(e -> assertThat(e.getMessage()).contains(parts))
                    .hasMessageNotContaining("-parameters");
            assertThat(ran[0]).isFalse();
            assertThat(active(context.getBean(KeyedLockerRegistry.class))).isEmpty();
        });
    }

    private boolean isLockedOutBy(Keyed keyed, Object first, Object second) {
        boolean[] lockedOut = new boolean[1];
        keyed.hook(() -> {
            keyed.hook(() -> {});
            try (Section other = new Section()) {
                other.start(() -> keyed.any(second))
                        .handle((done, failure) -> {
                            lockedOut[0] = failure instanceof LockTimeoutException;
                            return done;
                        })
                        .join();
            }
        });
        keyed.any(first);
        return lockedOut[0];
    }

    private Collection<Object> keysWhile(Consumer<Keyed> call) {
        Set<Object> keys = new HashSet<>();
        runner.run(context ->
                keys.addAll(keysWhile(context.getBean(KeyedLockerRegistry.class), context.getBean(Keyed.class), call)));
        return keys;
    }

    private static Collection<Object> keysWhile(KeyedLockerRegistry lockers, Keyed keyed, Consumer<Keyed> call) {
        Set<Object> keys = new HashSet<>();
        boolean[] ran = new boolean[1];
        keyed.hook(() -> {
            ran[0] = true;
            keys.addAll(active(lockers));
        });
        call.accept(keyed);
        assertThat(ran[0]).isTrue();
        assertThat(active(lockers)).isEmpty();
        return keys;
    }

    private static List<Object> active(KeyedLockerRegistry lockers) {
        return lockers.names().stream()
                .flatMap(name -> lockers.<Object>get(name).activeKeys().stream())
                .toList();
    }

    record Customer(int id) {}

    record Order(@Nullable Customer customer) {}

    /** Public, so that its expressions are compiled. */
    public record Poly(Object id) {}

    static class Thrower {
        public Object id() {
            throw new IllegalStateException("on purpose");
        }
    }

    @SuppressWarnings("EqualsHashCode")
    static class Unequal {
        @Override
        public boolean equals(Object other) {
            throw new IllegalStateException("no equals");
        }

        @Override
        public int hashCode() {
            return 1;
        }
    }

    static class Tenants {
        public String of(String user) {
            return "tenant of " + user;
        }
    }

    static class Keyed {

        private volatile Runnable hook = () -> {};

        void hook(Runnable hook) {
            this.hook = hook;
        }

        @KeyedLock(key = "#id")
        void byName(String other, @Nullable Long id) {
            hook.run();
        }

        @KeyedLock(key = "#p1")
        void byP(String other, Long id) {
            hook.run();
        }

        @KeyedLock(key = "#a0")
        void byA(String other, Long id) {
            hook.run();
        }

        @KeyedLock(key = "#parts[1]")
        void varargs(String... parts) {
            hook.run();
        }

        @KeyedLock(
                key = "{#root.method.name, #root.targetClass.simpleName, #root.target.class.simpleName, #root.args[0]}")
        void root(String argument) {
            hook.run();
        }

        @KeyedLock(key = "args[0]")
        void rootArgument(String argument) {
            hook.run();
        }

        @KeyedLock(key = "@tenants.of(#user)")
        void bean(String user) {
            hook.run();
        }

        @KeyedLock(key = "@environment.getRequiredProperty('region') + #id")
        void property(String id) {
            hook.run();
        }

        @KeyedLock(key = "T(String).valueOf(#id)")
        void staticMethod(int id) {
            hook.run();
        }

        @KeyedLock(key = "'all'")
        void constant() {
            hook.run();
        }

        @KeyedLock(key = "{#tenant, #id}")
        void composite(String tenant, @Nullable Long id) {
            hook.run();
        }

        @KeyedLock(key = "#key", waitTime = "0s")
        void any(Object key) {
            hook.run();
        }

        @KeyedLock(keys = "#ids")
        void several(@Nullable Object ids) {
            hook.run();
        }

        @KeyedLock(keys = "{#one, #other}", waitTime = "1m")
        void severalInline(String one, Object other) {
            hook.run();
        }

        @KeyedLock(keys = "#ids", policy = KeyedLock.Policy.REJECT)
        void severalOrNone(List<String> ids) {
            hook.run();
        }

        @KeyedLock(keyGenerator = "byHash")
        void generated(String id) {
            hook.run();
        }

        @KeyedLock(keyGenerator = "noKey")
        void notGenerated(String id) {
            hook.run();
        }

        @KeyedLock(key = "#id", condition = "#locked")
        void conditional(@Nullable String id, boolean locked) {
            hook.run();
        }

        @KeyedLock(condition = "#p0")
        void strangeCondition(Object value) {
            hook.run();
        }

        @KeyedLock(key = "#order.customer.id")
        void path(@Nullable Order order) {
            hook.run();
        }

        @KeyedLock(key = "#thrower.id()")
        void thrower(Thrower thrower) {
            hook.run();
        }

        @KeyedLock(key = "#poly.id")
        void poly(Poly poly) {
            hook.run();
        }
    }
}
