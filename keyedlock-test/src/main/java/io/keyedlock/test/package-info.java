// SPDX-License-Identifier: Apache-2.0
/**
 * Help for tests of code that uses keyed locks.
 *
 * <ul>
 *   <li>{@link io.keyedlock.test.KeyedLockExtension} fails a JUnit test that leaves keys active, and tells who holds them;
 *   <li>{@link io.keyedlock.test.KeyedLockAssertions} has AssertJ assertions on who holds and who awaits a key.
 * </ul>
 *
 * <p>JUnit 5.12 or newer and AssertJ are those of the tests; a Spring test brings Spring. No parameter may be null unless a
 * method says otherwise; a null argument is answered with a {@link NullPointerException}.
 */
@NullMarked
package io.keyedlock.test;

import org.jspecify.annotations.NullMarked;
