// SPDX-License-Identifier: Apache-2.0
/** The server side of the page at {@code /}, besides the actuator. The page itself is a static resource. */
@NullMarked
package io.keyedlock.demo.page;

import org.jspecify.annotations.NullMarked;
