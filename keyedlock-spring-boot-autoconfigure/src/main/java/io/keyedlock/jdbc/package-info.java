// SPDX-License-Identifier: Apache-2.0
/**
 * A store of leases in a relational database, through connections like those of a {@link javax.sql.DataSource}.
 *
 * <p>Unless a method says otherwise, no parameter may be null and no result is null.
 */
@NullMarked
package io.keyedlock.jdbc;

import org.jspecify.annotations.NullMarked;
