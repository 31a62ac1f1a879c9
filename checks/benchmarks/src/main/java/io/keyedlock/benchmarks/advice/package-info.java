// SPDX-License-Identifier: Apache-2.0
/**
 * The cost of the advice beside that of other advices: each in an application context of its own, each called through its
 * proxy.
 */
@NullMarked
package io.keyedlock.benchmarks.advice;

import org.jspecify.annotations.NullMarked;
