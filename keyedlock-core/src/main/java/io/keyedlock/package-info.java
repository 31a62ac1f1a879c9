// SPDX-License-Identifier: Apache-2.0
/**
 * Per-key locks for one Java process, without dependencies; with a backend, for several.
 *
 * <p>A {@link io.keyedlock.KeyedLocker} is one named table of locks, one lock per key. Each key admits up to
 * {@linkplain io.keyedlock.KeyedLockerSettings#limit() limit} callers at once; whoever is admitted holds a
 * {@link io.keyedlock.Permit} until it is closed. Locks are made when a key is first asked for and are gone as soon as
 * nobody holds or awaits them.
 *
 * <p>How the types relate:
 *
 * <ul>
 *   <li>{@link io.keyedlock.KeyedLocker} is what users call, made from {@link io.keyedlock.KeyedLockerSettings};
 *   <li>{@link io.keyedlock.KeyedLockerBackend} is where permits come from beyond this process, for a locker that has
 *       one;
 *   <li>{@link io.keyedlock.KeyedLockerRegistry} finds lockers by name;
 *   <li>{@link io.keyedlock.KeyedLockerListener} hears what happens, {@link io.keyedlock.KeySnapshot} and
 *       {@link io.keyedlock.LockerOverview} show what is, and {@link io.keyedlock.KeyText} is the text of any key in
 *       it;
 *   <li>each way in which an acquisition can fail has an exception of its own, and all of them implement
 *       {@link io.keyedlock.KeyedLockFailure}.
 * </ul>
 *
 * <p>Unless a method says otherwise, no parameter may be null and no result is null; a null argument is answered with a
 * {@link NullPointerException} before anything else happens. Times are {@link java.time.Duration}s; a duration too long
 * to be counted in nanoseconds (292 years) means "without end", a negative one is refused with an
 * {@link IllegalArgumentException}.
 */
@NullMarked
package io.keyedlock;

import org.jspecify.annotations.NullMarked;
