// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.keyedlock.ChangingKey;
import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerClosedException;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.Permit;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

@ExtendWith(OutputCaptureExtension.class)
@SuppressWarnings("try") // the permit is only held
class LockerDrainTests {

    private static final Duration LONG = Duration.ofMinutes(2);

    private final KeyedLocker<String> orders = locker("orders");
    private final KeyedLocker<String> tenants = locker("tenants");
    private final Map<String, KeyedLocker<?>> lockers = new TreeMap<>(Map.of("orders", orders, "tenants", tenants));

    @Test
    void callsBackAtOnceIfEveryLockerIsIdle(CapturedOutput output) {
        LockerDrain drain = drain(LONG, false);
        CountDownLatch stopped = stop(drain);
        await().atMost(Duration.ofMinutes(1)).until(() -> stopped.getCount() == 0);
        assertThat(drain.isRunning()).isFalse();
        assertThat(output.getAll().lines().filter(LockerDrainTests::isOfTheDrain))
                .isEmpty();
    }

    @Test
    void waitsForTheLastPermit() throws Exception {
        LockerDrain drain = drain(LONG, false);
        Permit first = orders.acquireAsync("1").join();
        Permit second = tenants.acquireAsync("2").join();
        CountDownLatch stopped = stop(drain);
        first.close();
        await().atMost(Duration.ofMinutes(1)).until(() -> !orders.isActive("1"));
        assertThat(stopped.getCount()).isEqualTo(1);
        assertThat(drain.isRunning()).isTrue();
        second.close();
        stopped.await();
        assertThat(drain.isRunning()).isFalse();
    }

    @Test
    void repeatsPassesUntilOneFindsAllLockersIdle() throws Exception {
        AtomicInteger waitsForOrders = new AtomicInteger();
        AtomicInteger waitsForTenants = new AtomicInteger();
        lockers.put("orders", countingWaits(orders, waitsForOrders));
        lockers.put("tenants", countingWaits(tenants, waitsForTenants));
        Permit order = orders.acquireAsync("1").join();
        Permit tenant = tenants.acquireAsync("2").join();
        CountDownLatch stopped = stop(drain(LONG, false));
        await().atMost(Duration.ofMinutes(1)).until(() -> waitsForOrders.get() == 1);
        order.close();
        await().atMost(Duration.ofMinutes(1)).until(() -> waitsForTenants.get() == 1);

        Permit orderOfTenant = orders.acquireAsync("3").join();
        tenant.close();
        await().atMost(Duration.ofMinutes(1)).until(() -> waitsForOrders.get() == 2);
        assertThat(stopped.getCount()).isEqualTo(1);
        orderOfTenant.close();
        stopped.await();
    }

    @Test
    void callsBackAfterAwaitIdleAndReportsHoldersAndWaiters(CapturedOutput output) throws Exception {
        LockerDrain drain = drain(Duration.ofMillis(20), false);
        try (Permit permit = orders.acquire("42")) {
            CompletableFuture<Permit> waiting = orders.acquireAsync("42");
            stop(drain).await();
            assertThat(drain.isRunning()).isFalse();
            waiting.cancel(false);
        }
        assertThat(output)
                .contains("Keys are still in use after PT0.02S")
                .contains("key '42' of 'orders': held by '"
                        + Thread.currentThread().getName() + "' since 20")
                .contains("awaited by 'async' since 20");
        assertThat(output.getAll().lines().filter(LockerDrainTests::isOfTheDrain))
                .isNotEmpty();
    }

    @Test
    void doesNotWaitWithZero(CapturedOutput output) throws Exception {
        try (Permit permit = orders.acquire("42")) {
            stop(drain(Duration.ZERO, false)).await();
        }
        assertThat(output).contains("Keys are still in use after PT0S");
    }

    @Test
    void redactsKeysIfConfigured(CapturedOutput output) throws Exception {
        LockerDrain drain = new LockerDrain(() -> lockers, settings(Duration.ofMillis(1), false), false, LONG);
        drain.start();
        try (Permit permit = orders.acquire("secret")) {
            stop(drain).await();
        }
        assertThat(output).contains("a key of 'orders'").doesNotContain("secret");
    }

    @Test
    void redactsKeysOfALockerThatHidesThem(CapturedOutput output) throws Exception {
        KeyedLocker<String> patients = KeyedLocker.create(
                KeyedLockerSettings.defaults().withName("patients").withShowKeys(false));
        lockers.put("patients", patients);
        try (Permit permit = patients.acquire("secret");
                Permit other = orders.acquire("42")) {
            stop(drain(Duration.ofMillis(1), false)).await();
        }
        assertThat(output)
                .contains("a key of 'patients'")
                .contains("key '42' of 'orders'")
                .doesNotContain("secret");
    }

    @Test
    void reportsAKeyWhoseHashCodeHasChanged(CapturedOutput output) throws Exception {
        KeyedLocker<Object> changing = KeyedLocker.create(KeyedLockerSettings.defaults());
        lockers.put("changing", changing);
        ChangingKey key = new ChangingKey();
        try (Permit permit = changing.acquire(key)) {
            key.change();
            stop(drain(Duration.ofMillis(1), false)).await();
        }
        assertThat(output).contains("key 'changing key' of 'changing': held by '");
    }

    /** The count is read stripe by stripe, so it may be zero while keys move from one stripe to another. */
    @Test
    void aCountThatMissesAKeyDoesNotEndTheWait() throws Exception {
        CountDownLatch counted = new CountDownLatch(2);
        lockers.put("orders", (KeyedLocker<?>) Proxy.newProxyInstance(
                LockerDrainTests.class.getClassLoader(),
                new Class<?>[] {KeyedLocker.class},
                (proxy, method, arguments) -> {
                    if (method.getName().equals("activeKeyCount")) {
                        counted.countDown();
                        return 0;
                    }
                    return method.invoke(orders, arguments);
                }));
        Permit permit = orders.acquireAsync("42").join();
        CountDownLatch stopped = stop(drain(LONG, false));
        await().atMost(Duration.ofMinutes(1)).until(() -> counted.getCount() < 2);
        Permit further = tenants.acquireAsync("7").join();
        permit.close();
        further.close();
        stopped.await();
        assertThat(counted.getCount()).as("a second pass").isZero();
    }

    @Test
    void aLockerCreatedDuringTheDrainRejectsCallersToo() throws Exception {
        LockerDrain drain = drain(LONG, true);
        Permit permit = orders.acquireAsync("42").join();
        CountDownLatch stopped = stop(drain);
        awaitRefusal(tenants);
        KeyedLocker<String> late = locker("late");
        try (Permit before = late.acquire("1")) {
            drain.admit(late);
            lockers.put("late", late);
            awaitRefusal(late);
            try (Permit further = orders.acquire("43")) {
                assertThat(orders.isActive("43")).isTrue();
            }
        }
        permit.close();
        stopped.await();
        KeyedLocker<String> later = locker("later");
        drain.admit(later);
        awaitRefusal(later);
        drain.start();
        assertThat(late.tryAcquire("1")).hasValueSatisfying(Permit::close);
        KeyedLocker<String> afterwards = locker("afterwards");
        drain.admit(afterwards);
        assertThat(afterwards.tryAcquire("1")).hasValueSatisfying(Permit::close);
    }

    @Test
    void reportsTenKeysAndTheNumberOfOthers(CapturedOutput output) throws Exception {
        for (int key = 0; key < 13; key++) {
            orders.acquireAsync("" + key).join();
        }
        stop(drain(Duration.ofMillis(1), false)).await();
        assertThat(output.getAll().split("of 'orders': held by", -1)).hasSize(11);
        assertThat(output).contains("and 3 more keys of 'orders'");
    }

    @Test
    void newCallersAreRejectedUntilTheNextStartAndHoldersContinue() throws Exception {
        LockerDrain drain = drain(LONG, true);
        try (Permit permit = orders.acquire("42")) {
            CountDownLatch stopped = stop(drain);
            awaitRefusal(tenants);
            try (Permit reentry = orders.acquire("42");
                    Permit further = tenants.acquire("7")) {
                assertThat(tenants.isActive("7")).isTrue();
            }
            permit.close();
            stopped.await();
        }
        CompletableFuture.runAsync(() -> assertThatExceptionOfType(KeyedLockerClosedException.class)
                        .isThrownBy(() -> orders.tryAcquire("42")))
                .join();
        drain.start();
        assertThat(drain.isRunning()).isTrue();
        assertThat(orders.tryAcquire("42")).hasValueSatisfying(Permit::close);
    }

    @Test
    void newCallersAreAdmittedIfConfigured() throws Exception {
        LockerDrain drain = drain(LONG, false);
        Permit permit = orders.acquireAsync("42").join();
        CountDownLatch stopped = stop(drain);
        CompletableFuture.supplyAsync(() -> orders.tryAcquire("43"))
                .join()
                .orElseThrow()
                .close();
        permit.close();
        stopped.await();
    }

    @Test
    void aStartDuringTheDrainEndsItAndTheBeanKeepsRunning() throws Exception {
        LockerDrain drain = drain(LONG, true);
        Permit permit = orders.acquireAsync("42").join();
        CountDownLatch stopped = stop(drain);
        awaitRefusal(orders);
        drain.start();
        stopped.await();
        assertThat(drain.isRunning()).isTrue();
        assertThat(orders.tryAcquire("43")).hasValueSatisfying(Permit::close);
        permit.close();
    }

    @Test
    void stoppingWithoutACallbackWaits() throws Exception {
        LockerDrain drain = drain(LONG, true);
        AtomicBoolean released = new AtomicBoolean();
        Permit permit = orders.acquireAsync("42").join();
        // Not in the common pool, which may have one thread only, needed by the check of the rejection.
        Thread release = new Thread(() -> {
            awaitRefusal(orders);
            released.set(true);
            permit.close();
        });
        release.start();
        drain.stop();
        assertThat(released).isTrue();
        release.join();
    }

    @Test
    void callsBackIfALockerFails(CapturedOutput output) throws Exception {
        LockerDrain drain = new LockerDrain(
                () -> {
                    throw new IllegalStateException("no lockers");
                },
                settings(LONG, false),
                true,
                LONG);
        CountDownLatch stopped = new CountDownLatch(1);
        drain.stop(stopped::countDown);
        stopped.await();
        assertThat(output).contains("no lockers");
    }

    @Test
    void warnsOfAWaitThatTheContextCutsShort(CapturedOutput output) {
        new LockerDrain(() -> lockers, settings(Duration.ofSeconds(31), false), true, Duration.ofSeconds(30)).start();
        assertThat(output)
                .contains("keyedlock.shutdown.await-idle is PT31S")
                .contains("spring.lifecycle.timeout-per-shutdown-phase, which is PT30S");
    }

    /** Returns whether a message is one of the drain, as holds of other tests may be reported in between. */
    private static boolean isOfTheDrain(String line) {
        return line.contains(LockerDrain.class.getSimpleName());
    }

    private LockerDrain drain(Duration awaitIdle, boolean rejectNew) {
        LockerDrain drain = new LockerDrain(() -> lockers, settings(awaitIdle, rejectNew), true, LONG);
        drain.start();
        return drain;
    }

    private static KeyedLockProperties.Shutdown settings(Duration awaitIdle, boolean rejectNew) {
        return new KeyedLockProperties.Shutdown(awaitIdle, rejectNew, 0);
    }

    private static CountDownLatch stop(LockerDrain drain) {
        CountDownLatch stopped = new CountDownLatch(1);
        drain.stop(stopped::countDown);
        return stopped;
    }

    /** Waits until the drain rejects a thread that holds nothing. */
    private static void awaitRefusal(KeyedLocker<String> locker) {
        await().atMost(Duration.ofMinutes(1))
                .until(() -> CompletableFuture.supplyAsync(() -> {
                            try {
                                locker.tryAcquire("probe").ifPresent(Permit::close);
                                return false;
                            } catch (KeyedLockerClosedException e) {
                                return true;
                            }
                        })
                        .join());
    }

    private static KeyedLocker<String> locker(String name) {
        return KeyedLocker.create(KeyedLockerSettings.defaults().withName(name));
    }

    private static KeyedLocker<?> countingWaits(KeyedLocker<?> locker, AtomicInteger waits) {
        return (KeyedLocker<?>) Proxy.newProxyInstance(
                LockerDrainTests.class.getClassLoader(),
                new Class<?>[] {KeyedLocker.class},
                (proxy, method, arguments) -> {
                    if (method.getName().equals("awaitIdle")) {
                        waits.incrementAndGet();
                    }
                    return method.invoke(locker, arguments);
                });
    }
}
