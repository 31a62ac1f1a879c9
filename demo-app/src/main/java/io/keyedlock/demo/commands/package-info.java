// SPDX-License-Identifier: Apache-2.0
/** What the commands of the demo share. */
@NullMarked
package io.keyedlock.demo.commands;

import org.jspecify.annotations.NullMarked;
