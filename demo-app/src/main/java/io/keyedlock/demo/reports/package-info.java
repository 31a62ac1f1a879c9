// SPDX-License-Identifier: Apache-2.0
/** Use 3: at most three concurrent reports per tenant. */
@NullMarked
package io.keyedlock.demo.reports;

import org.jspecify.annotations.NullMarked;
