// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.KeyedLockerSettings.DeadlockDetection;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Settings, exceptions, and the size of a new locker. */
class SettingsTests {

    private static final KeyedLockerSettings DEFAULTS = KeyedLockerSettings.defaults();

    @Test
    @DisplayName("the defaults are those that are documented")
    void documentedDefaults() {
        assertThat(DEFAULTS)
                .isEqualTo(new KeyedLockerSettings(
                        "default",
                        1,
                        false,
                        true,
                        KeyedLockerSettings.UNBOUNDED,
                        KeyedLockerSettings.FOREVER,
                        Duration.ofSeconds(30),
                        DeadlockDetection.FAIL,
                        true,
                        DEFAULTS.keyLimits()));
        assertThat(KeyedLocker.create().settings()).isEqualTo(DEFAULTS);
        assertThat(KeyedLocker.create().name()).isEqualTo("default");
    }

    private static int length(Object key) {
        return key.toString().length();
    }

    @Test
    @DisplayName("each withX changes its value and no other")
    void eachWitherChangesOnlyItsValue() {
        Duration time = Duration.ofMillis(7);
        KeyedLockerSettings changed = DEFAULTS.withName("n")
                .withLimit(2)
                .withFair(true)
                .withReentrant(false)
                .withMaxWaiters(3)
                .withWaitTime(time)
                .withLongHold(Duration.ZERO)
                .withDeadlockDetection(DeadlockDetection.OFF)
                .withShowKeys(false)
                .withKeyLimits(SettingsTests::length);
        assertThat(changed)
                .isEqualTo(new KeyedLockerSettings(
                        "n",
                        2,
                        true,
                        false,
                        3,
                        time,
                        Duration.ZERO,
                        DeadlockDetection.OFF,
                        false,
                        changed.keyLimits()));
        assertThat(changed.keyLimits().applyAsInt("four")).isEqualTo(4);
        assertThat(DEFAULTS.keyLimits().applyAsInt("four")).isZero();
        assertThat(DEFAULTS.withLimit(2).withLimit(1)).isEqualTo(DEFAULTS);
        assertThat(KeyedLocker.create(changed).settings()).isSameAs(changed);
    }

    static Stream<Arguments> invalid() {
        return Stream.of(
                rejected(() -> DEFAULTS.withName(" "), "name must not be blank"),
                rejected(() -> DEFAULTS.withLimit(0), "limit must be at least 1, but is 0"),
                rejected(() -> DEFAULTS.withLimit(-3), "limit must be at least 1, but is -3"),
                rejected(() -> DEFAULTS.withMaxWaiters(-1), "maxWaiters must not be negative, but is -1"),
                rejected(
                        () -> DEFAULTS.withWaitTime(Duration.ofSeconds(-1)),
                        "waitTime must not be negative, but is PT-1S"),
                rejected(
                        () -> DEFAULTS.withLongHold(Duration.ofNanos(-1)),
                        "longHold must not be negative, but is PT-0.000000001S"));
    }

    private static Arguments rejected(ThrowingCallable call, String message) {
        return Arguments.of(call, message);
    }

    @ParameterizedTest(name = "{1}")
    @MethodSource("invalid")
    @DisplayName("an invalid value is rejected with its name")
    void invalidValueIsRejected(ThrowingCallable call, String message) {
        assertThatThrownBy(call).isInstanceOf(IllegalArgumentException.class).hasMessage(message);
    }

    @Test
    @DisplayName("null is rejected with the name of the value")
    void nullIsRejected() {
        assertThatThrownBy(() -> DEFAULTS.withName(null))
                .isInstanceOf(NullPointerException.class)
                .hasMessage("name");
        assertThatThrownBy(() -> DEFAULTS.withWaitTime(null))
                .isInstanceOf(NullPointerException.class)
                .hasMessage("waitTime");
        assertThatThrownBy(() -> DEFAULTS.withLongHold(null))
                .isInstanceOf(NullPointerException.class)
                .hasMessage("longHold");
    }

    @Test
    @DisplayName("with showKeys = false no text names the key, while key() still does")
    void textsRedactKeys() throws Exception {
        KeyedLocker<String> discreet = KeyedLocker.create(
                DEFAULTS.withName("orders").withShowKeys(false).withMaxWaiters(0));
        Permit permit = discreet.acquireAsync("secret").join();
        assertThat(permit.toString()).isEqualTo("Permit[orders]");
        assertThat(discreet.asLock("secret")).hasToString("Lock[orders]");
        for (ThrowingCallable call : List.<ThrowingCallable>of(
                () -> discreet.acquire("secret"),
                () -> discreet.acquire("secret", Duration.ZERO),
                () -> discreet.asLock("secret").unlock(),
                () -> {
                    discreet.close();
                    discreet.acquire("secret");
                })) {
            assertThatThrownBy(call)
                    .satisfies(
                            e -> assertThat(e.getMessage()).contains("orders").doesNotContain("secret"));
        }
        assertThatThrownBy(() -> discreet.acquire("secret"))
                .isInstanceOfSatisfying(
                        KeyedLockerClosedException.class,
                        e -> assertThat(e.key()).isEqualTo("secret"));
    }

    static Stream<RuntimeException> failures() {
        Object key = new Object();
        return Stream.of(
                new LockTimeoutException("orders", key, 1, 0, null, Duration.ofSeconds(1), "m"),
                new LockRejectedException("orders", key, 1, 0, null, "m"),
                new LockReentryException("orders", key, "m"),
                new LockDeadlockException("orders", key, "m"),
                new LockInterruptedException("orders", key, "m", new InterruptedException()),
                new KeyedLockerClosedException("orders", key, "m"),
                new LockBackendException("orders", key, "m", new IllegalStateException()));
    }

    @ParameterizedTest
    @MethodSource("failures")
    @DisplayName("every failure names the locker and the key, and is serializable with any key")
    void failuresNameLockerAndKeyAndAreSerializable(RuntimeException failure) throws Exception {
        assertThat(failure).hasMessage("m");
        assertThat(((KeyedLockFailure) failure).lockName()).isEqualTo("orders");
        assertThat(((KeyedLockFailure) failure).key()).isNotNull();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(failure);
        }
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            Object copy = in.readObject();
            assertThat(((KeyedLockFailure) copy).lockName()).isEqualTo("orders");
            assertThat(((KeyedLockFailure) copy).key()).isNull();
            assertThat((RuntimeException) copy).hasMessage("m");
        }
    }

    @Test
    @DisplayName("an unknown locker is reported with the existing names")
    void unknownLockerIsReportedWithTheExistingNames() {
        NoSuchKeyedLockerException failure =
                new NoSuchKeyedLockerException("oders", new TreeSet<>(Set.of("orders", "invoices")));
        assertThat(failure)
                .hasMessageContaining("'oders'")
                .hasMessageContaining("there are 'invoices', 'orders'")
                .hasMessageContaining("keyedlock.locks.oders.limit");
        assertThat(failure.names()).containsExactlyInAnyOrder("orders", "invoices");
        assertThat(failure.lockName()).isEqualTo("oders");
        assertThat(failure.key()).isNull();
        assertThat(new NoSuchKeyedLockerException("a.b", Set.of()))
                .hasMessageContaining("there are none")
                .hasMessageContaining("keyedlock.locks[a.b].limit");
    }

    @Test
    @DisplayName("a local permit has no fencing token and names its locker")
    void permitNamesItsLocker() throws Exception {
        KeyedLocker<String> locker = KeyedLocker.create(DEFAULTS.withName("orders"));
        Permit permit = locker.acquire("42");
        assertThat(permit.fencingToken()).isEmpty();
        assertThat(permit).hasToString("Permit[orders, key 42]");
        assertThat(locker.acquire("42")).hasToString("Permit[orders, key 42]");
    }

    @Test
    @DisplayName("a locker creates no stripe before it is needed, and is small")
    void newLockerIsSmall() throws Exception {
        DefaultKeyedLocker<Integer> one = DefaultKeyedLocker.create(DEFAULTS, null);
        assertThat(one.stripes.all()).isEmpty();
        one.acquire(1).close();
        assertThat(one.stripes.all()).hasSize(1);
        List<KeyedLocker<Integer>> many = new ArrayList<>();
        long before = usedMemory();
        for (int i = 0; i < 10_000; i++) {
            KeyedLocker<Integer> locker = KeyedLocker.create();
            locker.acquire(i).close();
            many.add(locker);
        }
        // About 700 bytes each with compressed references; a locker that allocates all stripes exceeds the bound.
        assertThat((usedMemory() - before) / many.size()).isLessThan(4_000);
    }

    private static long usedMemory() {
        System.gc();
        Runtime runtime = Runtime.getRuntime();
        return runtime.totalMemory() - runtime.freeMemory();
    }
}
