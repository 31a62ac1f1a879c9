// SPDX-License-Identifier: Apache-2.0
/** A bundled PostgreSQL server, used instead of H2. */
@NullMarked
package io.keyedlock.demo.postgres;

import org.jspecify.annotations.NullMarked;
