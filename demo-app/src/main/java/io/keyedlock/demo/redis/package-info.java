// SPDX-License-Identifier: Apache-2.0
/** A Redis server that comes with the demo, and the client through which instances of the demo share their lockers. */
@NullMarked
package io.keyedlock.demo.redis;

import org.jspecify.annotations.NullMarked;
