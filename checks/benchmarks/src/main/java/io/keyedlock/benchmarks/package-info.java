// SPDX-License-Identifier: Apache-2.0
/**
 * The speed of the engine beside that of other ways to lock per key: workloads for JMH, figures that need a harness of
 * their own, the runner that takes forks in turns, and the table of ratios.
 */
@NullMarked
package io.keyedlock.benchmarks;

import org.jspecify.annotations.NullMarked;
