// SPDX-License-Identifier: Apache-2.0
/**
 * A program that puts a small application under mixed load for long, with new application contexts all the while, and fails
 * when heap or threads grow, something stays active, or a counter that a lock guards is wrong.
 */
@NullMarked
package io.keyedlock.benchmarks.soak;

import org.jspecify.annotations.NullMarked;
