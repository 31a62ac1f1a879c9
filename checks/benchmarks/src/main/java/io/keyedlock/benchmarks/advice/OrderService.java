// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.advice;

/** What is called. Each JVM loads one implementation, so that calls are bound to its proxy. */
public interface OrderService {

    String ship(Order order);
}
