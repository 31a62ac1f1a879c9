// SPDX-License-Identifier: Apache-2.0
/** The load command: the same events with and without the lock, side by side. */
@NullMarked
package io.keyedlock.demo.load;

import org.jspecify.annotations.NullMarked;
