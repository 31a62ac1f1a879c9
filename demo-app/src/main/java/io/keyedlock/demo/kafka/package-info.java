// SPDX-License-Identifier: Apache-2.0
/** Use 2 with Kafka: the messages of a partition's batch are processed in parallel, in order per key. */
@NullMarked
package io.keyedlock.demo.kafka;

import org.jspecify.annotations.NullMarked;
