// SPDX-License-Identifier: Apache-2.0
/**
 * A program that uses the engine in every way at once, at random and for as long as one likes, and fails when a counter is
 * wrong, too many are inside, something stays active, or nothing moves any more.
 */
@NullMarked
package io.keyedlock.benchmarks.stress;

import org.jspecify.annotations.NullMarked;
