// SPDX-License-Identifier: Apache-2.0
/** Use 2: the messages of a batch are processed in parallel, those of one key in order. */
@NullMarked
package io.keyedlock.demo.batches;

import org.jspecify.annotations.NullMarked;
