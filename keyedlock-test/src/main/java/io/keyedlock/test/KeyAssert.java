// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.test;

import io.keyedlock.KeySnapshot;
import io.keyedlock.KeyedLockerSettings;
import java.util.List;
import java.util.Objects;
import org.assertj.core.api.AbstractAssert;

/**
 * Assertions on one key at one moment, from {@link KeyedLockerAssert#key}.
 *
 * @param <K> the type of the key
 * @since 0.1.0
 */
public class KeyAssert<K> extends AbstractAssert<KeyAssert<K>, KeySnapshot<K>> {

    private final KeyedLockerSettings settings;

    KeyAssert(KeySnapshot<K> actual, KeyedLockerSettings settings) {
        super(actual, KeyAssert.class);
        this.settings = settings;
    }

    /**
     * Verifies that the key is held or awaited.
     *
     * @return these assertions
     * @throws AssertionError if it is not
     */
    public KeyAssert<K> isActive() {
        return verify(!actual.holders().isEmpty() || !actual.waiters().isEmpty(), "to be active");
    }

    /**
     * Verifies that the key is neither held nor awaited.
     *
     * @return these assertions
     * @throws AssertionError if it is
     */
    public KeyAssert<K> isNotActive() {
        return verify(actual.holders().isEmpty() && actual.waiters().isEmpty(), "not to be active");
    }

    /**
     * Verifies that a thread holds the key, possibly with other holders. A permit from {@code acquireAsync} belongs to no
     * thread and does not count.
     *
     * @param thread the thread
     * @return these assertions
     * @throws AssertionError if it does not
     */
    public KeyAssert<K> isHeldBy(Thread thread) {
        return verify(contains(actual.holders(), thread), "to be held by " + name(thread));
    }

    /**
     * Verifies that the current thread holds the key, possibly with other holders.
     *
     * @return these assertions
     * @throws AssertionError if it does not
     */
    public KeyAssert<K> isHeldByCurrentThread() {
        return isHeldBy(Thread.currentThread());
    }

    /**
     * Verifies that a thread does not hold the key.
     *
     * @param thread the thread
     * @return these assertions
     * @throws AssertionError if it does
     */
    public KeyAssert<K> isNotHeldBy(Thread thread) {
        return verify(!contains(actual.holders(), thread), "not to be held by " + name(thread));
    }

    /**
     * Verifies that the key has a holder without a thread, possibly with other holders: a permit from {@code acquireAsync}, or
     * that of an annotated method that returns a future or a publisher.
     *
     * @return these assertions
     * @throws AssertionError if it is not
     */
    public KeyAssert<K> isHeldAsynchronously() {
        return verify(
                actual.holders().stream().anyMatch(Descriptions::isAsync), "to be held by an asynchronous caller");
    }

    /**
     * Verifies that a thread awaits the key.
     *
     * @param thread the thread
     * @return these assertions
     * @throws AssertionError if it does not
     */
    public KeyAssert<K> isAwaitedBy(Thread thread) {
        return verify(contains(actual.waiters(), thread), "to be awaited by " + name(thread));
    }

    /**
     * Verifies the number of holders of the key. A thread that has reentered is one holder.
     *
     * @param expected the expected number
     * @return these assertions
     * @throws AssertionError if the number differs
     * @throws IllegalArgumentException if {@code expected} is negative
     */
    public KeyAssert<K> hasHolders(int expected) {
        return verifyCount(actual.holders().size(), expected, "holders");
    }

    /**
     * Verifies the number of waiters of the key, both threads and futures.
     *
     * @param expected the expected number
     * @return these assertions
     * @throws AssertionError if the number differs
     * @throws IllegalArgumentException if {@code expected} is negative
     */
    public KeyAssert<K> hasWaiters(int expected) {
        return verifyCount(actual.waiters().size(), expected, "waiters");
    }

    static void requireCount(int expected) {
        if (expected < 0) {
            throw new IllegalArgumentException("expected must not be negative, but is " + expected);
        }
    }

    private KeyAssert<K> verify(boolean holds, String expectation) {
        if (!holds) {
            failWithMessage("%s", message(expectation));
        }
        return myself;
    }

    private KeyAssert<K> verifyCount(int count, int expected, String what) {
        requireCount(expected);
        if (count != expected) {
            throw failureWithActualExpected(count, expected, "%s", message("to have " + expected + " " + what));
        }
        return myself;
    }

    private String message(String expectation) {
        return "Expecting " + Descriptions.key(settings, actual.key()) + " " + expectation + ", but it is "
                + Descriptions.state(actual);
    }

    private static String name(Thread thread) {
        return "'" + thread.getName() + "' (thread " + idOf(thread) + ")";
    }

    private static boolean contains(List<KeySnapshot.Caller> callers, Thread thread) {
        long id = idOf(Objects.requireNonNull(thread, "thread"));
        return callers.stream().anyMatch(caller -> caller.threadId() == id);
    }

    @SuppressWarnings("deprecation") // threadId() came with Java 19
    private static long idOf(Thread thread) {
        return thread.getId();
    }
}
