// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.actuate;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.ChangingKey;
import io.keyedlock.KeySnapshot;
import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.Permit;
import io.keyedlock.actuate.KeyedLocksEndpoint.CallerDescriptor;
import io.keyedlock.actuate.KeyedLocksEndpoint.HeldKeyDescriptor;
import io.keyedlock.actuate.KeyedLocksEndpoint.KeyFiguresDescriptor;
import io.keyedlock.actuate.KeyedLocksEndpoint.LockerDescriptor;
import io.keyedlock.actuate.KeyedLocksEndpoint.LockersDescriptor;
import java.security.Principal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.aot.hint.RuntimeHints;
import org.springframework.aot.hint.annotation.ReflectiveRuntimeHintsRegistrar;
import org.springframework.aot.hint.predicate.RuntimeHintsPredicates;
import org.springframework.boot.actuate.endpoint.SecurityContext;
import org.springframework.boot.actuate.endpoint.Show;

@SuppressWarnings("try") // the permit is only held
class KeyedLocksEndpointTests {

    private final KeyedLocker<Object> orders = KeyedLocker.create(
            KeyedLockerSettings.defaults().withName("orders").withLimit(3).withFair(true));
    private final KeyedLocker<Object> idle =
            KeyedLocker.create(KeyedLockerSettings.defaults().withName("idle"));
    private final KeyedLocksEndpoint endpoint = endpoint(Show.ALWAYS);
    private final List<CompletableFuture<Permit>> taken = new ArrayList<>();

    @AfterEach
    void giveBack() {
        taken.forEach(permit -> permit.thenAccept(Permit::close));
        assertThat(orders.activeKeyCount()).isZero();
    }

    @Test
    void theOverviewHasAllLockersWithTheMostContendedKeysFirst() {
        take(1, "held");
        take(4, "awaited");
        take(2, "twice");
        Map<String, LockerDescriptor> lockers = endpoint.lockers().lockers();
        assertThat(lockers).containsOnlyKeys("idle", "orders");
        LockerDescriptor descriptor = lockers.get("orders");
        assertThat(descriptor.limit()).isEqualTo(3);
        assertThat(descriptor.fair()).isTrue();
        assertThat(descriptor.backend()).isEqualTo("local");
        assertThat(descriptor.activeKeys()).isEqualTo(3);
        assertThat(descriptor.holders()).isEqualTo(6);
        assertThat(descriptor.waiters()).isEqualTo(1);
        assertThat(descriptor.keysShown()).isEqualTo(3);
        assertThat(descriptor.keys()).extracting("key").containsExactly("awaited", "twice", "held");
        assertThat(descriptor.keys()).extracting("holders").containsExactly(3, 2, 1);
        assertThat(descriptor.keys()).extracting("waiters").containsExactly(1, 0, 0);
        assertThat(descriptor.keys()).allSatisfy(key -> {
            KeyFiguresDescriptor figures = (KeyFiguresDescriptor) key;
            assertThat(Duration.parse(figures.longestHold())).isGreaterThanOrEqualTo(Duration.ZERO);
            assertThat(Duration.parse(figures.longestWait()).toNanos() % 1_000_000)
                    .isZero();
        });
        assertThat(lockers.get("idle").keys()).isEmpty();
    }

    @Test
    void atMostAHundredKeysAreListedAndAllAreCounted() {
        for (int key = 0; key < 250; key++) {
            take(1, key);
        }
        LockerDescriptor overview = endpoint.lockers().lockers().get("orders");
        assertThat(overview.activeKeys()).isEqualTo(250);
        assertThat(overview.keys()).hasSize(100);
        assertThat(overview.keysShown()).isEqualTo(100);
        LockerDescriptor detail = (LockerDescriptor) endpoint.locker("orders", null);
        assertThat(detail.keys()).hasSize(100);
        assertThat(detail.keysShown()).isEqualTo(100);
    }

    @Test
    void oneLockerShowsAtMostAHundredHoldersAndWaiters() throws Exception {
        try (Permit permit = orders.acquire("42")) {
            take(203, "42");
            LockerDescriptor detail = (LockerDescriptor) endpoint.locker("orders", null);
            HeldKeyDescriptor key = (HeldKeyDescriptor) detail.keys().get(0);
            assertThat(key.key()).isEqualTo("42");
            assertThat(key.holders()).isEqualTo(3);
            assertThat(key.waiters()).isEqualTo(201);
            assertThat(key.holding())
                    .extracting(CallerDescriptor::thread)
                    .containsExactly(Thread.currentThread().getName(), "async", "async");
            assertThat(key.holdingShown()).isEqualTo(3);
            assertThat(key.waiting())
                    .hasSize(100)
                    .extracting(CallerDescriptor::thread)
                    .containsOnly("async");
            assertThat(key.waitingShown()).isEqualTo(100);
            assertThat(Duration.parse(key.longestWait()))
                    .isEqualTo(Duration.parse(key.waiting().get(0).age()));
        }
    }

    @Test
    void oneKeyIsFoundByItsText() {
        take(1, 42L);
        take(1, List.of("a", "b"));
        assertThat(endpoint.locker("orders", "42")).isInstanceOf(HeldKeyDescriptor.class);
        assertThat(endpoint.locker("orders", "[a, b]"))
                .isInstanceOfSatisfying(
                        HeldKeyDescriptor.class,
                        key -> assertThat(key.holders()).isEqualTo(1));
    }

    @Test
    void thereIsNothingUnderAnUnknownNameOrAnIdleKey() {
        take(1, "42");
        assertThat(endpoint.locker("other", null)).isNull();
        assertThat(endpoint.locker("other", "42")).isNull();
        assertThat(endpoint.locker("orders", "43")).isNull();
        assertThat(endpoint.locker("idle", "42")).isNull();
    }

    @Test
    void aKeyWhoseHashCodeHasChangedIsShown() {
        ChangingKey key = new ChangingKey();
        take(1, key);
        key.change();
        assertThat(endpoint.locker("orders", null)).asString().contains("key=changing key");
        assertThat(endpoint.locker("orders", "changing key")).isInstanceOf(HeldKeyDescriptor.class);
    }

    @Test
    void aNativeImageHasAllTypesOfTheResponses() {
        RuntimeHints hints = new RuntimeHints();
        new ReflectiveRuntimeHintsRegistrar().registerRuntimeHints(hints, KeyedLocksEndpoint.class);
        for (Class<?> type : KeyedLocksEndpoint.class.getDeclaredClasses()) {
            if (type.isRecord()) {
                assertThat(RuntimeHintsPredicates.reflection().onType(type))
                        .as(type.getSimpleName())
                        .accepts(hints);
            }
        }
    }

    @Test
    void aKeyWhoseToStringFailsHidesNoOther() {
        take(1, new Object() {
            @Override
            public String toString() {
                throw new IllegalStateException("no text");
            }
        });
        take(1, "42");
        assertThat(endpoint.lockers().lockers().get("orders").keys())
                .extracting("key")
                .containsExactlyInAnyOrder("42", "(its toString fails)");
        assertThat(endpoint.locker("orders", "42")).isNotNull();
    }

    @ParameterizedTest
    @EnumSource(names = {"NEVER", "WHEN_AUTHORIZED"})
    void redactedKeysAppearNowhere(Show show) {
        take(4, "42");
        KeyedLocksEndpoint hiding = endpoint(show);
        LockerDescriptor overview = hiding.lockers().lockers().get("orders");
        assertThat(overview.activeKeys()).isEqualTo(1);
        assertThat(overview.holders()).isEqualTo(3);
        assertThat(overview.waiters()).isEqualTo(1);
        assertThat(overview.keys()).isEmpty();
        assertThat(overview.keysShown()).isZero();
        assertThat(((LockerDescriptor) hiding.locker("orders", null)).keys()).isEmpty();
        assertThat(hiding.locker("orders", "42")).isNull();
    }

    @Test
    void authorizedUsersSeeKeysOverHttp() {
        take(1, "42");
        KeyedLocksEndpointWebExtension anyone = overHttp(endpoint(Show.WHEN_AUTHORIZED));
        KeyedLocksEndpointWebExtension operators =
                overHttp(new KeyedLocksEndpoint(this::lockers, Show.WHEN_AUTHORIZED, Set.of("OPERATOR")));
        SecurityContext nobody = SecurityContext.NONE;
        SecurityContext user = reader("USER");
        SecurityContext operator = reader("OPERATOR");

        assertThat(anyone.locker(nobody, "orders", "42")).isNull();
        assertThat(anyone.locker(user, "orders", "42")).isNotNull();
        assertThat(operators.locker(user, "orders", "42")).isNull();
        assertThat(operators.locker(operator, "orders", "42")).isNotNull();
        assertThat(overview(operators, user).lockers().get("orders").keys()).isEmpty();
        assertThat(overview(operators, operator).lockers().get("orders").keys()).hasSize(1);
        assertThat(live(operators, user).keys()).isEmpty();
        assertThat(live(operators, operator).keys()).hasSize(1);
    }

    @Test
    void theLivePageCountsKeysThatItRedacts() {
        LockerHistory history = new LockerHistory();
        orders.addListener(history);
        take(4, "42");
        assertThat(orders.tryAcquireAsync("42")).isCompletedExceptionally();
        LiveView view = endpoint(Show.NEVER).live(history, false, null, "42");
        assertThat(view.keys()).isEmpty();
        assertThat(view.refusals()).isEmpty();
        assertThat(endpoint(Show.NEVER).live(history, false, null, null).refusals())
                .singleElement()
                .satisfies(refusal -> assertThat(refusal.key()).isNull());
        LiveView.Locker locker = view.lockers().get("orders");
        assertThat(locker.keysHidden()).isTrue();
        assertThat(locker.waiters()).isEqualTo(1);
        assertThat(locker.counts().refused()).containsOnly(Map.entry("rejected", 1L));
    }

    @Test
    void theLivePageListsTheMostContendedKeysOfAllLockersTogether() {
        for (int key = 0; key < 60; key++) {
            take(1, key);
        }
        take(5, "hot");
        CompletableFuture<Permit> other = idle.acquireAsync("y".repeat(20_000));
        CompletableFuture<Permit> waiter = idle.acquireAsync("y".repeat(20_000));
        LiveView view = endpoint.live(new LockerHistory(), true, null, null);
        assertThat(view.keys()).hasSize(LiveView.LISTED);
        assertThat(view.keys().get(0).key()).isEqualTo("hot");
        assertThat(view.keys().get(1).lock()).isEqualTo("idle");
        assertThat(view.keys().get(1).key()).hasSizeLessThanOrEqualTo(LiveView.MAX_KEY_LENGTH + 1);
        assertThat(view.keys().get(1).cut()).isTrue();
        assertThat(view.matching()).isEqualTo(62);
        assertThat(endpoint.live(new LockerHistory(), true, null, "YYY").matching())
                .isEqualTo(1);
        other.thenAccept(Permit::close);
        waiter.thenAccept(Permit::close);
    }

    @Test
    void theLastRejectionsAreKeptAndAllAreCounted() {
        LockerHistory history = new LockerHistory();
        orders.addListener(history);
        take(3, "42");
        for (int n = 0; n < 100; n++) {
            assertThat(orders.tryAcquireAsync("42")).isCompletedExceptionally();
        }
        LiveView view = endpoint.live(history, true, "orders", null);
        assertThat(view.refusals()).hasSize(LockerHistory.OfLocker.REFUSALS);
        assertThat(view.lockers().get("orders").counts().acquired()).isEqualTo(3);
        assertThat(view.lockers().get("orders").counts().refused()).containsOnly(Map.entry("rejected", 100L));
        assertThat(view.lockers().get("idle").counts()).isNull();
    }

    @Test
    void aLongHoldIsShownWithTheStackOfItsThread() throws Exception {
        KeyedLocker<Object> slow = KeyedLocker.create(
                KeyedLockerSettings.defaults().withName("slow").withLimit(2).withLongHold(Duration.ofMillis(1)));
        KeyedLocksEndpoint ofSlow = new KeyedLocksEndpoint(() -> Map.of("slow", slow), Show.ALWAYS, Set.of());
        try (Permit permit = slow.acquire("42");
                Permit async = slow.acquireAsync("42").join()) {
            Awaitility.await().untilAsserted(() -> {
                HeldKeyDescriptor key = (HeldKeyDescriptor) ofSlow.locker("slow", "42");
                assertThat(key.holding().get(0).stack()).anyMatch(frame -> frame.contains("KeyedLocksEndpointTests"));
                assertThat(key.holding().get(1).stack()).isEmpty();
            });
            HeldKeyDescriptor listed = (HeldKeyDescriptor)
                    ((LockerDescriptor) ofSlow.locker("slow", null)).keys().get(0);
            assertThat(listed.holding().get(0).stack()).isEmpty();
        }
    }

    @Test
    void aThreadThatHasReleasedTheKeyMeanwhileHasNoStack() {
        KeySnapshot.Caller holder = new KeySnapshot.Caller(
                Thread.currentThread().getName(), Thread.currentThread().getId(), false, Duration.ofSeconds(2));
        KeySnapshot<String> before = new KeySnapshot<>("42", 1, List.of(holder), List.of());
        KeySnapshot.Caller again = new KeySnapshot.Caller(
                Thread.currentThread().getName(), Thread.currentThread().getId(), false, Duration.ZERO);
        KeySnapshot<String> after = new KeySnapshot<>("42", 1, List.of(again), List.of());
        assertThat(HolderStacks.of(before, Duration.ofSeconds(1), () -> Optional.of(before)))
                .hasSize(1);
        assertThat(HolderStacks.of(before, Duration.ofSeconds(1), () -> Optional.of(after)))
                .isEmpty();
        assertThat(HolderStacks.of(before, Duration.ofSeconds(1), Optional::empty))
                .isEmpty();
        assertThat(HolderStacks.of(before, Duration.ZERO, () -> Optional.of(before)))
                .isEmpty();
    }

    private static KeyedLocksEndpointWebExtension overHttp(KeyedLocksEndpoint endpoint) {
        return new KeyedLocksEndpointWebExtension(endpoint, new LockerHistory(), "keyedlocks");
    }

    private static LockersDescriptor overview(KeyedLocksEndpointWebExtension extension, SecurityContext reader) {
        return (LockersDescriptor) extension.lockers(reader, Format.V3).getBody();
    }

    private static LiveView live(KeyedLocksEndpointWebExtension extension, SecurityContext reader) {
        return (LiveView) extension.page(reader, "page", "state", null, null).getBody();
    }

    @Test
    void theContendedKeyIsFoundAmongAMillionActiveKeys() {
        for (int key = 0; key < 1_000_000; key++) {
            take(1, key);
        }
        take(5, 777_777);
        LockerDescriptor overview = endpoint.lockers().lockers().get("orders");
        assertThat(overview.activeKeys()).isEqualTo(1_000_000);
        assertThat(overview.keys()).hasSize(100).first().hasFieldOrPropertyWithValue("key", "777777");
        assertThat(endpoint.locker("orders", "777777"))
                .hasFieldOrPropertyWithValue("holders", 3)
                .hasFieldOrPropertyWithValue("waiters", 3);
        assertThat(endpoint.locker("orders", "not there")).isNull();
        assertThat(((LockerDescriptor) endpoint.locker("orders", null)).keysShown())
                .isEqualTo(100);
    }

    private void take(int times, Object key) {
        for (int i = 0; i < times; i++) {
            taken.add(orders.acquireAsync(key));
        }
    }

    private Map<String, KeyedLocker<?>> lockers() {
        return Map.of("orders", orders, "idle", idle);
    }

    private KeyedLocksEndpoint endpoint(Show show) {
        return new KeyedLocksEndpoint(this::lockers, show, Set.of());
    }

    private static SecurityContext reader(String role) {
        return new SecurityContext() {
            @Override
            public Principal getPrincipal() {
                return () -> "reader";
            }

            @Override
            public boolean isUserInRole(String asked) {
                return asked.equals(role);
            }
        };
    }
}
