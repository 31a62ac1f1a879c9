// SPDX-License-Identifier: Apache-2.0
/**
 * Bundled servers, each in its own process. They outlive the demo, even if it is killed, and the next start finds them with
 * their data.
 */
@NullMarked
package io.keyedlock.demo.servers;

import org.jspecify.annotations.NullMarked;
