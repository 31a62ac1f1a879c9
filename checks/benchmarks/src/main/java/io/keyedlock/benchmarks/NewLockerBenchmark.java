// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import io.keyedlock.KeyedLocker;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;

/** The cost of creating a locker, as users do for each batch of messages. */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
public class NewLockerBenchmark {

    @Benchmark
    public KeyedLocker<String> create() {
        return KeyedLocker.create();
    }
}
