// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

/** One way to run a section under the lock of a key. Each JVM loads one implementation, so that calls are bound to it. */
interface Contestant {

    void within(String key, Runnable section);
}
