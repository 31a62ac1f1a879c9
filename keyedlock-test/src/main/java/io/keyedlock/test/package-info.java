// SPDX-License-Identifier: Apache-2.0
/**
 * Support for tests of code that uses keyed locks.
 *
 * <ul>
 *   <li>{@link io.keyedlock.test.KeyedLockExtension} fails a JUnit test that leaves keys active, and reports who holds them.
 *   <li>{@link io.keyedlock.test.KeyedLockAssertions} has AssertJ assertions on the holders and waiters of a key.
 * </ul>
 *
 * <p>Requires JUnit 5.12 or newer and AssertJ on the class path of the tests; Spring tests also require Spring. No parameter
 * may be null unless a method says otherwise; a null argument causes a {@link NullPointerException}.
 */
@NullMarked
package io.keyedlock.test;

import org.jspecify.annotations.NullMarked;
