// SPDX-License-Identifier: Apache-2.0
/**
 * The annotation that runs methods of Spring beans under a lock per key.
 */
@NullMarked
package io.keyedlock.annotation;

import org.jspecify.annotations.NullMarked;
