// SPDX-License-Identifier: Apache-2.0
/** Use 3: at most three reports of one tenant at once. */
@NullMarked
package io.keyedlock.demo.reports;

import org.jspecify.annotations.NullMarked;
