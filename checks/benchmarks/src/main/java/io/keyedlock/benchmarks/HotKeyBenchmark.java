// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.CompilerControl;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.infra.Blackhole;

/** Many platform threads that repeatedly acquire one key, each with a section of about 100 ns. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Threads(16)
@SuppressWarnings("NullAway.Init") // JMH calls the set-up methods first
public class HotKeyBenchmark {

    @Param("KEYEDLOCK")
    public Contestants contestant;

    /** The section, in units of {@link Blackhole#consumeCPU}. */
    @Param("50")
    public long tokens;

    Contestant locks;

    @Setup
    public void create() {
        locks = contestant.create();
    }

    /** One thread's own instance of the key, and its section. */
    @State(Scope.Thread)
    public static class Worker implements Runnable {

        String key;

        long tokens;

        @Setup
        public void create(HotKeyBenchmark benchmark) {
            key = KeyRing.fresh(1, 0)[0];
            tokens = benchmark.tokens;
        }

        @Override
        @CompilerControl(CompilerControl.Mode.DONT_INLINE) // so that all contestants run the same code
        public void run() {
            Blackhole.consumeCPU(tokens);
        }
    }

    @Benchmark
    public void acquireAndRelease(Worker worker) {
        locks.within(worker.key, worker);
    }
}
