// SPDX-License-Identifier: Apache-2.0
/** A PostgreSQL server that comes with the demo, and its database in place of H2. */
@NullMarked
package io.keyedlock.demo.postgres;

import org.jspecify.annotations.NullMarked;
