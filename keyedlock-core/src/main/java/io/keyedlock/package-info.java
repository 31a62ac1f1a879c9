// SPDX-License-Identifier: Apache-2.0
/**
 * Locks per key for one Java process or, with a backend, for several. Has no dependencies.
 *
 * <p>A {@link io.keyedlock.KeyedLocker} is a named table of locks, one lock per key. Each key admits up to
 * {@linkplain io.keyedlock.KeyedLockerSettings#limit() limit} callers at once. An admitted caller holds a
 * {@link io.keyedlock.Permit} until it closes it. Locks are created on demand and removed as soon as nobody holds or waits for
 * them.
 *
 * <p>The types:
 *
 * <ul>
 *   <li>{@link io.keyedlock.KeyedLocker} is the main interface, created from {@link io.keyedlock.KeyedLockerSettings}.
 *   <li>{@link io.keyedlock.KeyedLockerBackend} grants permits across processes.
 *   <li>{@link io.keyedlock.KeyedLockerRegistry} finds lockers by name.
 *   <li>{@link io.keyedlock.KeyedLockerListener} is notified of events. {@link io.keyedlock.KeySnapshot} and
 *       {@link io.keyedlock.LockerOverview} show the current state, and {@link io.keyedlock.KeyText} converts keys to text.
 *   <li>Each way in which an acquisition can fail has its own exception. All of them implement
 *       {@link io.keyedlock.KeyedLockFailure}.
 * </ul>
 *
 * <p>Unless a method says otherwise, no parameter may be null and no result is null. A null argument causes a
 * {@link NullPointerException} before anything else happens. Times are {@link java.time.Duration}s. A duration too long to be
 * counted in nanoseconds (292 years) means "without limit"; a negative one causes an {@link IllegalArgumentException}.
 */
@NullMarked
package io.keyedlock;

import org.jspecify.annotations.NullMarked;
