// SPDX-License-Identifier: Apache-2.0
/** Use 2 on a topic: batches of a partition whose messages are worked on at once, in order per key. */
@NullMarked
package io.keyedlock.demo.kafka;

import org.jspecify.annotations.NullMarked;
