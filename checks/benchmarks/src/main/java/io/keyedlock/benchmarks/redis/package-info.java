// SPDX-License-Identifier: Apache-2.0
/** What a locker on Redis costs, beside the client's own locks. */
@NullMarked
package io.keyedlock.benchmarks.redis;

import org.jspecify.annotations.NullMarked;
