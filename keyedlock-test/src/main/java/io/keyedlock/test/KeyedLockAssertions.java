// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.test;

import io.keyedlock.KeyedLocker;
import org.jspecify.annotations.Nullable;

/**
 * Assertions on lockers. They look once and do not wait; the messages tell who held and who waited at that moment.
 *
 * <pre>{@code
 * import static io.keyedlock.test.KeyedLockAssertions.assertThat;
 *
 * assertThat(orders).key("42").isHeldByCurrentThread().hasWaiters(1);
 * assertThat(orders).hasNoActiveKeys();
 * }</pre>
 *
 * <p>The method may be imported beside that of AssertJ's {@code Assertions}. For a state that another thread has yet to
 * bring about, repeat the assertion until it holds, for instance with Awaitility's {@code untilAsserted}; to collect
 * failures, use {@code SoftAssertions.check}.
 *
 * <p>Messages name a key only if {@link io.keyedlock.KeyedLockerSettings#showKeys()} of its locker allows it.
 */
public final class KeyedLockAssertions {

    private KeyedLockAssertions() {}

    /**
     * Begins assertions on a locker.
     *
     * @param locker the locker; null fails the assertions
     * @param <K> the type of its keys
     * @return assertions on it
     */
    public static <K> KeyedLockerAssert<K> assertThat(@Nullable KeyedLocker<K> locker) {
        return new KeyedLockerAssert<>(locker);
    }
}
