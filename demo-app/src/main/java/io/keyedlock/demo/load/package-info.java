// SPDX-License-Identifier: Apache-2.0
/** The load command, which compares the same events with and without the lock. */
@NullMarked
package io.keyedlock.demo.load;

import org.jspecify.annotations.NullMarked;
