// SPDX-License-Identifier: Apache-2.0
/** Use 1: security events add up to a threat score per address, in a database row that concurrent events contend for. */
@NullMarked
package io.keyedlock.demo.threats;

import org.jspecify.annotations.NullMarked;
