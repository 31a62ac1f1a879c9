// SPDX-License-Identifier: Apache-2.0
/** What the page at {@code /} needs besides the actuator. The page itself is among the static resources. */
@NullMarked
package io.keyedlock.demo.page;

import org.jspecify.annotations.NullMarked;
