// SPDX-License-Identifier: Apache-2.0
/** What the page runs: each use in several ways, one run at a time, with figures to compare. */
@NullMarked
package io.keyedlock.demo.uses;

import org.jspecify.annotations.NullMarked;
