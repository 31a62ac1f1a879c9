// SPDX-License-Identifier: Apache-2.0
/** Shared code of the commands. */
@NullMarked
package io.keyedlock.demo.commands;

import org.jspecify.annotations.NullMarked;
