// SPDX-License-Identifier: Apache-2.0
/** The demo: what locks per key are for, runnable. */
@NullMarked
package io.keyedlock.demo;

import org.jspecify.annotations.NullMarked;
