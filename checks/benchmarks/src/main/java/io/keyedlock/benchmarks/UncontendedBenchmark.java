// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.infra.ThreadParams;

/** The cost of acquiring and releasing for threads that iterate over many keys and seldom compete. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@SuppressWarnings("NullAway.Init") // JMH calls the set-up methods first
public class UncontendedBenchmark {

    @Param("KEYEDLOCK")
    public Contestants contestant;

    @Param("1000")
    public int keys;

    Contestant locks;

    @Setup
    public void create() {
        locks = contestant.create();
    }

    /** The keys of one thread, and its section, a counter. */
    @State(Scope.Thread)
    public static class Walker implements Runnable {

        KeyRing ring;

        long count;

        @Setup
        public void create(UncontendedBenchmark benchmark, ThreadParams thread) {
            ring = new KeyRing(benchmark.keys, thread.getThreadIndex());
        }

        @Override
        public void run() {
            count++;
        }
    }

    @Benchmark
    public void acquireAndRelease(Walker walker) {
        locks.within(walker.ring.next(), walker);
    }
}
