// SPDX-License-Identifier: Apache-2.0
/** The demo: runnable uses of locks per key. */
@NullMarked
package io.keyedlock.demo;

import org.jspecify.annotations.NullMarked;
