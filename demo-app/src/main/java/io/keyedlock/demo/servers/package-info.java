// SPDX-License-Identifier: Apache-2.0
/**
 * Servers that the demo brings along, each in a process of its own: the end of the demo, however sudden, is not theirs, and
 * the next start finds them again with all they hold.
 */
@NullMarked
package io.keyedlock.demo.servers;

import org.jspecify.annotations.NullMarked;
