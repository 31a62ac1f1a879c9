// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.advice;

/** What is shipped. Public, as expressions on other types are never compiled. */
public record Order(String tenant, String id) {}
