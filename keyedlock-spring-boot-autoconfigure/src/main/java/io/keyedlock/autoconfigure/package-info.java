// SPDX-License-Identifier: Apache-2.0
/**
 * What Spring Boot finds and sets up: lockers as beans, their registry, the advice, the endpoint, the meters, the drain at
 * shutdown and the answers to HTTP clients, each in an auto-configuration of its own.
 *
 * <p>Unless a method says otherwise, no parameter may be null and no result is null.
 */
@NullMarked
package io.keyedlock.autoconfigure;

import org.jspecify.annotations.NullMarked;
