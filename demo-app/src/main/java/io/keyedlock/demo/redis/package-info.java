// SPDX-License-Identifier: Apache-2.0
/** A bundled Redis server, and the client with which instances of the demo share lockers. */
@NullMarked
package io.keyedlock.demo.redis;

import org.jspecify.annotations.NullMarked;
