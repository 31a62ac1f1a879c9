// SPDX-License-Identifier: Apache-2.0
/**
 * The auto-configurations: lockers as beans, their registry, the advice, the endpoint, the meters, the drain at shutdown and
 * the problem details for HTTP clients.
 *
 * <p>Unless a method says otherwise, no parameter may be null and no result is null.
 */
@NullMarked
package io.keyedlock.autoconfigure;

import org.jspecify.annotations.NullMarked;
