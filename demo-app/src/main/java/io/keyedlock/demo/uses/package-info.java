// SPDX-License-Identifier: Apache-2.0
/** The runs of the page: each use in several ways, one run at a time, with figures to compare. */
@NullMarked
package io.keyedlock.demo.uses;

import org.jspecify.annotations.NullMarked;
