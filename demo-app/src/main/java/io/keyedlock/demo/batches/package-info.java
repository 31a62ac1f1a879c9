// SPDX-License-Identifier: Apache-2.0
/** Use 2: the messages of a batch are worked on at once, those of one key in their order. */
@NullMarked
package io.keyedlock.demo.batches;

import org.jspecify.annotations.NullMarked;
