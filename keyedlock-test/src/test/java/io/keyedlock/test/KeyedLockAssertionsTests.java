// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.test;

import static io.keyedlock.test.KeyedLockAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.InstanceOfAssertFactories.STRING;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.Permit;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.assertj.core.api.AbstractStringAssert;
import org.assertj.core.api.SoftAssertions;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class KeyedLockAssertionsTests {

    private final KeyedLocker<String> orders =
            KeyedLocker.create(KeyedLockerSettings.defaults().withName("orders").withLimit(2));

    private final CountDownLatch end = new CountDownLatch(1);

    @AfterEach
    void endThreads() {
        end.countDown();
    }

    private static AbstractStringAssert<?> assertThatFails(ThrowingCallable assertion) {
        return assertThatExceptionOfType(AssertionError.class)
                .isThrownBy(assertion)
                .extracting(Throwable::getMessage, STRING);
    }

    /** A thread that holds a key until the test has ended. */
    private Thread holder(String name, String key) throws InterruptedException {
        CountDownLatch holds = new CountDownLatch(1);
        Thread thread = new Thread(
                () -> {
                    try {
                        orders.call(key, () -> {
                            holds.countDown();
                            end.await();
                            return null;
                        });
                    } catch (Exception e) {
                        throw new IllegalStateException(e);
                    }
                },
                name);
        thread.setDaemon(true);
        thread.start();
        holds.await();
        return thread;
    }

    /** A thread that waits for a key, which another must hold. */
    private Thread waiter(String name, String key) {
        int before = waiters(key);
        Thread thread = new Thread(
                () -> {
                    try {
                        orders.run(key, () -> {});
                    } catch (InterruptedException e) {
                        throw new IllegalStateException(e);
                    }
                },
                name);
        thread.setDaemon(true);
        thread.start();
        while (waiters(key) == before) {
            Thread.onSpinWait();
        }
        return thread;
    }

    private int waiters(String key) {
        return orders.snapshot(key).orElseThrow().waiters().size();
    }

    @Test
    void lockerHasNoActiveKeys() {
        assertThat(orders).hasNoActiveKeys().hasActiveKeyCount(0);

        orders.acquireAsync("42").join();

        assertThatFails(() -> assertThat(orders).hasNoActiveKeys())
                .startsWith("Expecting 'orders' to have no active keys, but it has 1:"
                        + "\n  key '42' of 'orders': held by an asynchronous caller for at least PT")
                .endsWith("; awaited by nobody");
    }

    @Test
    void lockerHasTheNumberOfActiveKeys() {
        orders.tryAcquire("42");
        orders.tryAcquire("43");

        assertThat(orders).hasActiveKeyCount(2);
        assertThatFails(() -> assertThat(orders).hasActiveKeyCount(3))
                .startsWith("Expecting 'orders' to have 3 active keys, but it has 2:")
                .contains("key '42'", "key '43'");
        assertThatFails(() -> assertThat(orders).hasActiveKeyCount(0)).contains("but it has 2:");
        assertThatFails(() -> assertThat(KeyedLocker.create()).hasActiveKeyCount(1))
                .isEqualTo("Expecting 'default' to have 1 active keys, but it has none");
    }

    @Test
    void keyIsActiveOrNot() {
        assertThat(orders).key("42").isNotActive().hasHolders(0).hasWaiters(0);
        assertThatFails(() -> assertThat(orders).key("42").isActive())
                .isEqualTo("Expecting key '42' of 'orders' to be active, but it is neither held nor awaited");

        orders.tryAcquire("42");

        assertThat(orders).key("42").isActive();
        assertThat(orders).key("43").isNotActive();
        assertThatFails(() -> assertThat(orders).key("42").isNotActive())
                .startsWith("Expecting key '42' of 'orders' not to be active, but it is held by '"
                        + Thread.currentThread().getName() + "' (thread ");
    }

    @Test
    void keyIsHeldByAThread() throws Exception {
        Thread holder = holder("the holder", "42");

        assertThat(orders).key("42").isHeldBy(holder).isNotHeldBy(Thread.currentThread());
        assertThatFails(() -> assertThat(orders).key("42").isNotHeldBy(holder))
                .startsWith("Expecting key '42' of 'orders' not to be held by 'the holder' (thread ");
        assertThatFails(() -> assertThat(orders).key("42").isHeldByCurrentThread())
                .contains(" to be held by '" + Thread.currentThread().getName() + "' (thread ")
                .contains(", but it is held by 'the holder' (thread ");

        Permit permit = orders.tryAcquire("42").orElseThrow();

        assertThat(orders).key("42").isHeldBy(holder).isHeldByCurrentThread().hasHolders(2);
        permit.close();
        assertThat(orders).key("42").isNotHeldBy(Thread.currentThread()).hasHolders(1);
    }

    @Test
    void threadsOfOneNameAreTwoThreads() throws Exception {
        Thread holder = holder("worker", "42");
        Thread other = holder("worker", "43");

        assertThat(orders).key("42").isHeldBy(holder).isNotHeldBy(other);
    }

    @Test
    void keyIsHeldAsynchronously() {
        orders.tryAcquire("42");

        assertThatFails(() -> assertThat(orders).key("42").isHeldAsynchronously())
                .contains(" to be held by an asynchronous caller, but it is held by '");

        orders.acquireAsync("42").join();

        assertThat(orders).key("42").isHeldAsynchronously().isHeldByCurrentThread();
        orders.acquireAsync("43").join();
        assertThat(orders).key("43").isHeldAsynchronously().isNotHeldBy(Thread.currentThread());
    }

    @Test
    void keyHasWaiters() throws Exception {
        Thread holder = holder("first", "42");
        Thread second = holder("second", "42");
        Thread waiter = waiter("the waiter", "42");
        CompletableFuture<Permit> future = orders.acquireAsync("42");

        assertThat(orders)
                .key("42")
                .isHeldBy(holder)
                .isHeldBy(second)
                .isAwaitedBy(waiter)
                .hasHolders(2)
                .hasWaiters(2);
        assertThatFails(() -> assertThat(orders).key("42").isAwaitedBy(holder))
                .startsWith("Expecting key '42' of 'orders' to be awaited by 'first' (thread ")
                .contains(", but it is held by 2: 'first' (thread ")
                .contains("; awaited by 2: 'the waiter' (thread ")
                .contains(", an asynchronous caller for PT");
        assertThatFails(() -> assertThat(orders).key("42").isHeldBy(waiter)).contains("to be held by 'the waiter'");
        assertThatFails(() -> assertThat(orders).key("42").hasWaiters(1))
                .startsWith("Expecting key '42' of 'orders' to have 1 waiters, but it is held by 2:");
        assertThatFails(() -> assertThat(orders).key("42").hasHolders(1)).contains(" to have 1 holders, but");
        assertThat(future.cancel(false)).isTrue();
        assertThat(orders).key("42").hasWaiters(1);
    }

    @Test
    void assertionsOnAKeyUseOneSnapshot() {
        Permit permit = orders.tryAcquire("42").orElseThrow();
        KeyAssert<String> key = assertThat(orders).key("42");
        permit.close();

        key.isHeldByCurrentThread();
        assertThat(orders).key("42").isNotActive();
    }

    @Test
    void keysAreNamedOnlyIfTheLockerAllowsIt() {
        KeyedLocker<String> secrets = KeyedLocker.create(
                KeyedLockerSettings.defaults().withName("secrets").withShowKeys(false));
        secrets.tryAcquire("swordfish");

        assertThatFails(() -> assertThat(secrets).hasNoActiveKeys())
                .contains("\n  a key of 'secrets': held by ")
                .doesNotContain("swordfish");
        assertThatFails(() -> assertThat(secrets).key("swordfish").isNotActive())
                .startsWith("Expecting a key of 'secrets' not to be active")
                .doesNotContain("swordfish");
    }

    @Test
    void unusualKeysAreDescribed() {
        KeyedLocker<Object> odd = KeyedLocker.create();
        Object unspeakable = new Object() {
            @Override
            public String toString() {
                throw new IllegalStateException("no words");
            }
        };
        odd.tryAcquire(unspeakable);
        odd.tryAcquire("100%s %d");
        odd.tryAcquire("two\nlines");
        odd.tryAcquire("x".repeat(300));

        assertThatFails(() -> assertThat(odd).hasNoActiveKeys())
                .contains("(its toString fails)")
                .contains("'100%s %d'", "'two\uFFFDlines'")
                .contains("x".repeat(200) + "…'")
                .doesNotContain("x".repeat(201));
        assertThatFails(() -> assertThat(odd).key("100%s %d").isNotActive()).contains("'100%s %d'");
    }

    @Test
    void manyCallersAreCut() {
        orders.acquireAsync("42").join();
        for (int i = 0; i < 26; i++) {
            orders.acquireAsync("42");
        }

        assertThatFails(() -> assertThat(orders).hasNoActiveKeys())
                .contains("awaited by 25: an asynchronous caller")
                .endsWith(" and 15 more");
    }

    @Test
    void descriptionsAndMessagesOfAssertJAreSupported() {
        assertThatFails(() -> assertThat(orders).as("after %s", "shipping").hasActiveKeyCount(1))
                .startsWith("[after shipping] Expecting 'orders'");
        assertThatFails(() ->
                        assertThat(orders).as("after %s", "shipping").key("42").isActive())
                .startsWith("[after shipping] Expecting key '42'");
        assertThatFails(() -> assertThat(orders).key("42").as("the order").isActive())
                .startsWith("[the order] Expecting key '42'");
        assertThatFails(() -> assertThat(orders)
                        .key("42")
                        .withFailMessage("nobody ships")
                        .isActive())
                .isEqualTo("nobody ships");
    }

    @Test
    @SuppressWarnings("unchecked") // a proxy is created from its class
    void failuresMayBeCollected() {
        SoftAssertions softly = new SoftAssertions();

        softly.check(() -> assertThat(orders).hasActiveKeyCount(1));
        softly.check(() -> assertThat(orders).key("42").isActive());
        softly.proxy(KeyedLockerAssert.class, KeyedLocker.class, orders).hasActiveKeyCount(2);

        assertThat(softly.errorsCollected()).hasSize(3);
    }

    @Test
    void invalidArgumentsAreRejected() {
        assertThatFails(() -> assertThat((KeyedLocker<String>) null).hasNoActiveKeys())
                .contains("not to be null");
        assertThatFails(() -> assertThat((KeyedLocker<String>) null).key("42")).contains("not to be null");
        assertThatNullPointerException()
                .isThrownBy(() -> assertThat(orders).key(null))
                .withMessage("key");
        assertThatNullPointerException()
                .isThrownBy(() -> assertThat(orders).key("42").isHeldBy(null))
                .withMessage("thread");
        assertThatNullPointerException()
                .isThrownBy(() -> assertThat(orders).key("42").isNotHeldBy(null))
                .withMessage("thread");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> assertThat(orders).hasActiveKeyCount(-1))
                .withMessage("expected must not be negative, but is -1");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> assertThat(orders).key("42").hasHolders(-1))
                .withMessage("expected must not be negative, but is -1");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> assertThat(orders).key("42").hasWaiters(-1))
                .withMessage("expected must not be negative, but is -1");
    }
}
