// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.test;

import io.keyedlock.KeyedLocker;
import org.jspecify.annotations.Nullable;

/**
 * Assertions on lockers. Each checks once and does not wait. Its message describes the holders and waiters at that moment.
 *
 * <pre>{@code
 * import static io.keyedlock.test.KeyedLockAssertions.assertThat;
 *
 * assertThat(orders).key("42").isHeldByCurrentThread().hasWaiters(1);
 * assertThat(orders).hasNoActiveKeys();
 * }</pre>
 *
 * <p>The method may be imported together with that of AssertJ's {@code Assertions}. To wait for a state that another thread
 * brings about, repeat the assertion until it succeeds, for instance with Awaitility's {@code untilAsserted}. To collect
 * failures, use {@code SoftAssertions.check}.
 *
 * <p>Messages name a key only if {@link io.keyedlock.KeyedLockerSettings#showKeys()} of its locker allows it.
 *
 * @since 0.1.0
 */
public final class KeyedLockAssertions {

    private KeyedLockAssertions() {}

    /**
     * Creates assertions on a locker.
     *
     * @param locker the locker; null fails the assertions
     * @param <K> the type of its keys
     * @return assertions on it
     */
    public static <K> KeyedLockerAssert<K> assertThat(@Nullable KeyedLocker<K> locker) {
        return new KeyedLockerAssert<>(locker);
    }
}
