// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.LockRejectedException;
import io.keyedlock.LockTimeoutException;
import io.keyedlock.annotation.KeyedLock;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

/** The attributes for locker, key, limit, wait time and policy. */
class KeyedLockAdviceTests {

    static final String OWN = Orders.class.getName();

    private final ApplicationContextRunner runner = Contexts.runner(Orders.class)
            .withPropertyValues(
                    "keyedlock.locks.shared.limit=2",
                    "keyedlock.locks.shared.wait-time=0s",
                    "keyedlock.locks.exclusive.limit=1");

    @Test
    void callsOfOneKeyExcludeEachOtherAndOthersDoNot() {
        runner.run(context -> {
            Orders orders = context.getBean(Orders.class);
            try (Section section = orders.section()) {
                section.start(() -> orders.ship(new Order("1")));
                section.awaitInside(1);
                CompletableFuture<?> second = section.start(() -> orders.ship(new Order("1")));
                section.start(() -> orders.ship(new Order("2")));
                section.awaitInside(2);
                KeyedLockerRegistry lockers = context.getBean(KeyedLockerRegistry.class);
                assertThat(lockers.names()).contains(OWN + ".ship(Order)");
                assertThat(lockers.get(OWN + ".ship(Order)").activeKeys()).containsExactlyInAnyOrder("1", "2");
                assertThat(second).isNotDone();
            }
            assertThat(orders.section().entered()).isEqualTo(3);
            assertIdle(context.getBean(KeyedLockerRegistry.class));
        });
    }

    @Test
    void eachKeyAdmitsUpToTheLimitWhileOtherKeysRun() {
        runner.run(context -> {
            Orders orders = context.getBean(Orders.class);
            try (Section section = orders.section()) {
                for (int i = 0; i < 24; i++) {
                    String tenant = "tenant" + i % 3;
                    section.start(() -> orders.report(tenant));
                }
                section.awaitInside(9);
                assertThat(context.getBean(KeyedLockerRegistry.class)
                                .get(OWN + ".report(String)")
                                .snapshot())
                        .hasSize(3)
                        .allSatisfy(key -> assertThat(key.holders()).hasSize(3));
            }
            assertThat(orders.section().entered()).isEqualTo(24);
            assertThat(orders.peaks()).hasSize(3);
            assertThat(orders.peaks().values())
                    .allSatisfy(peak -> assertThat(peak.get()).isEqualTo(3));
        });
    }

    @Test
    void namedLockerIsTheConfiguredOneWithItsLimitAndWaitTime() {
        runner.run(context -> {
            Orders orders = context.getBean(Orders.class);
            try (Section section = orders.section()) {
                section.start(() -> orders.named("a"));
                section.start(() -> orders.alsoNamed("a"));
                section.awaitInside(2);
                assertThatThrownBy(() -> orders.named("a"))
                        .asInstanceOf(type(LockTimeoutException.class))
                        .satisfies(timeout -> assertThat(timeout.lockName()).isEqualTo("shared"))
                        .satisfies(timeout -> assertThat(timeout.key()).isEqualTo("a"))
                        .satisfies(timeout -> assertThat(timeout)
                                .hasMessageMatching("Locker 'shared' did not get a permit for key 'a' within 0s\\."
                                        + " Method: .*Orders\\.named\\(String\\)\\."
                                        + " Held by: thread '.+', thread '.+'"));
            }
        });
    }

    @Test
    void waitTimeOfTheMethodOverridesThatOfTheLocker() {
        runner.run(context -> {
            Orders orders = context.getBean(Orders.class);
            try (Section section = orders.section()) {
                section.start(() -> orders.brief("a"));
                section.awaitInside(1);
                assertThatThrownBy(() -> orders.brief("a"))
                        .asInstanceOf(type(LockTimeoutException.class))
                        .satisfies(timeout -> assertThat(timeout.waitTime()).hasMillis(10));
            }
            assertIdle(context.getBean(KeyedLockerRegistry.class));
        });
    }

    @Test
    void aTimeoutNamesNoHolderWhereKeysAreHidden() {
        runner.withPropertyValues("keyedlock.show-keys=false").run(context -> {
            Orders orders = context.getBean(Orders.class);
            try (Section section = orders.section()) {
                section.start(() -> orders.brief("secret"));
                section.awaitInside(1);
                assertThatThrownBy(() -> orders.brief("secret"))
                        .isInstanceOf(LockTimeoutException.class)
                        .hasMessageContaining("did not get a permit for a key within 0.01s. Method: " + OWN + ".brief(")
                        .hasMessageNotContaining("secret")
                        .hasMessageNotContaining("Held by");
            }
        });
    }

    @Test
    void rejectDoesNotWait() {
        runner.run(context -> {
            Orders orders = context.getBean(Orders.class);
            try (Section section = orders.section()) {
                section.start(() -> orders.reject("a"));
                section.awaitInside(1);
                assertThatThrownBy(() -> orders.reject("a"))
                        .isInstanceOf(LockRejectedException.class)
                        .hasMessageContaining("All permits of key 'a'")
                        .hasMessageContaining("are in use")
                        .hasMessageContaining(OWN + ".reject(String)");
                section.release(1);
                section.awaitInside(0);
            }
            assertThat(orders.section().entered()).isEqualTo(1);
            assertIdle(context.getBean(KeyedLockerRegistry.class));
        });
    }

    @Test
    void rejectionHidesTheKeyWhereKeysAreHidden() {
        runner.withPropertyValues("keyedlock.show-keys=false").run(context -> {
            Orders orders = context.getBean(Orders.class);
            try (Section section = orders.section()) {
                section.start(() -> orders.reject("secret"));
                section.awaitInside(1);
                assertThatThrownBy(() -> orders.reject("secret")).hasMessageNotContaining("secret");
            }
        });
    }

    @Test
    void skipRunsNothingAndReturnsTheEmptyValue() {
        runner.run(context -> {
            Orders orders = context.getBean(Orders.class);
            try (Section section = orders.section()) {
                section.start(() -> orders.skipVoid("a"));
                section.start(() -> orders.skipOptional("a"));
                section.awaitInside(2);
                orders.skipVoid("a");
                assertThat(orders.skipOptional("a")).isEmpty();
                assertThat(section.entered()).isEqualTo(2);
            }
            assertThat(orders.skipOptional("a")).contains("done");
        });
    }

    @Test
    void withoutAKeyTheWholeMethodIsOneLock() {
        runner.run(context -> {
            Orders orders = context.getBean(Orders.class);
            try (Section section = orders.section()) {
                section.start(() -> orders.whole("a"));
                section.awaitInside(1);
                section.start(() -> orders.whole("b"));
                KeyedLockerRegistry lockers = context.getBean(KeyedLockerRegistry.class);
                assertThat(lockers.get(OWN + ".whole(String)").activeKeys()).hasToString("[(all calls)]");
            }
            assertThat(orders.peaks().get("whole")).hasValue(1);
        });
    }

    @Test
    void overloadsHaveLockersOfTheirOwn() {
        runner.run(context -> {
            Orders orders = context.getBean(Orders.class);
            try (Section section = orders.section()) {
                section.start(() -> orders.overloaded("a"));
                section.start(() -> orders.overloaded("a", 1));
                section.awaitInside(2);
                assertThat(context.getBean(KeyedLockerRegistry.class).names())
                        .contains(OWN + ".overloaded(String)", OWN + ".overloaded(String,int)");
            }
        });
    }

    @Test
    void bodyThatThrowsReleasesAndItsExceptionArrivesUnchanged() {
        runner.run(context -> {
            Orders orders = context.getBean(Orders.class);
            Exception failure = new Exception("on purpose");
            assertThatThrownBy(() -> orders.fail("a", failure)).isSameAs(failure);
            assertIdle(context.getBean(KeyedLockerRegistry.class));
        });
    }

    @Test
    void threadThatHoldsTheKeyReentersThroughAnotherMethod() {
        runner.withBean(Outer.class).run(context -> {
            assertThat(context.getBean(Outer.class).outer("a")).isEqualTo("inner a");
            assertIdle(context.getBean(KeyedLockerRegistry.class));
        });
    }

    @Test
    void withoutAWaitTimeTheConfiguredDefaultApplies() {
        runner.withPropertyValues("keyedlock.defaults.wait-time=7s", "keyedlock.defaults.limit=4")
                .run(context -> {
                    context.getBean(Orders.class).overloaded("a", 0);
                    assertThat(context.getBean(KeyedLockerRegistry.class)
                                    .get(OWN + ".overloaded(String,int)")
                                    .settings())
                            .satisfies(
                                    settings -> assertThat(settings.waitTime()).hasSeconds(7))
                            .satisfies(settings -> assertThat(settings.limit()).isEqualTo(4));
                });
    }

    static void assertIdle(KeyedLockerRegistry lockers) {
        assertThat(lockers.names())
                .allSatisfy(name ->
                        assertThat(lockers.get(name).activeKeyCount()).as(name).isZero());
    }

    record Order(String id) {}

    static class Outer {

        private final Orders orders;

        Outer(Orders orders) {
            this.orders = orders;
        }

        @KeyedLock(name = "exclusive", key = "#id")
        String outer(String id) {
            return orders.inner(id);
        }
    }

    static class Orders {

        private final Section section = new Section();
        private final ConcurrentHashMap<String, AtomicInteger> inside = new ConcurrentHashMap<>();
        private final ConcurrentHashMap<String, AtomicInteger> peaks = new ConcurrentHashMap<>();

        @KeyedLock(key = "#order.id")
        public void ship(Order order) {
            section.pass();
        }

        @KeyedLock(key = "#tenant", limit = 3)
        public void report(String tenant) {
            count(tenant, section::pass);
        }

        @KeyedLock(name = "shared", key = "#key")
        public void named(String key) {
            section.pass();
        }

        @KeyedLock(value = "shared", key = "#other", limit = 2)
        public void alsoNamed(String other) {
            section.pass();
        }

        @KeyedLock(key = "#key", waitTime = "10ms")
        public void brief(String key) {
            section.pass();
        }

        @KeyedLock(key = "#key", policy = KeyedLock.Policy.REJECT)
        public void reject(String key) {
            section.pass();
        }

        @KeyedLock(key = "#key", policy = KeyedLock.Policy.SKIP)
        public void skipVoid(String key) {
            section.pass();
        }

        @KeyedLock(key = "#key", policy = KeyedLock.Policy.SKIP)
        public Optional<String> skipOptional(String key) {
            section.pass();
            return Optional.of("done");
        }

        @KeyedLock
        public void whole(String ignored) {
            count("whole", section::pass);
        }

        @KeyedLock(key = "#key")
        public void overloaded(String key) {
            section.pass();
        }

        @KeyedLock(key = "#key")
        public void overloaded(String key, int times) {
            for (int i = 0; i < times; i++) {
                section.pass();
            }
        }

        @KeyedLock(key = "#key")
        public void fail(String key, Exception failure) throws Exception {
            throw failure;
        }

        @KeyedLock(name = "exclusive", key = "#id")
        public String inner(String id) {
            return "inner " + id;
        }

        Section section() {
            return section;
        }

        Map<String, AtomicInteger> peaks() {
            return peaks;
        }

        private void count(String key, Runnable body) {
            int now = inside.computeIfAbsent(key, absent -> new AtomicInteger()).incrementAndGet();
            peaks.computeIfAbsent(key, absent -> new AtomicInteger()).accumulateAndGet(now, Math::max);
            body.run();
            inside.get(key).decrementAndGet();
        }
    }
}
