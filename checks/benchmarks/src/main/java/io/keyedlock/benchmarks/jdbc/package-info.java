// SPDX-License-Identifier: Apache-2.0
/** What a locker on a database costs, beside other locks in it. */
@NullMarked
package io.keyedlock.benchmarks.jdbc;

import org.jspecify.annotations.NullMarked;
