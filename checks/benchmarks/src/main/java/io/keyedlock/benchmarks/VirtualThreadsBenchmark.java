// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.CompilerControl;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.infra.Blackhole;

/** 10,000 virtual threads, started at once, each of which acquires one key several times. Needs JDK 21. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@SuppressWarnings("NullAway.Init") // JMH calls the set-up methods first
public class VirtualThreadsBenchmark implements Runnable {

    private static final int THREADS = 10_000;

    private static final int TIMES = 20;

    @Param("KEYEDLOCK")
    public Contestants contestant;

    /** The section, in units of {@link Blackhole#consumeCPU}. */
    @Param("50")
    public long tokens;

    Contestant locks;

    String[] keys;

    @Setup
    public void create() {
        locks = contestant.create();
        keys = new String[THREADS];
        for (int i = 0; i < THREADS; i++) {
            keys[i] = KeyRing.fresh(1, 0)[0];
        }
    }

    /** The section. */
    @Override
    @CompilerControl(CompilerControl.Mode.DONT_INLINE) // so that all contestants run the same code
    public void run() {
        Blackhole.consumeCPU(tokens);
    }

    @Benchmark
    @OperationsPerInvocation(THREADS * TIMES)
    public void acquireAndRelease() throws InterruptedException {
        CountDownLatch done = new CountDownLatch(THREADS);
        for (String key : keys) {
            VirtualThreads.start(() -> {
                for (int i = 0; i < TIMES; i++) {
                    locks.within(key, this);
                }
                done.countDown();
            });
        }
        if (!done.await(1, TimeUnit.MINUTES)) {
            throw new IllegalStateException(done.getCount() + " virtual threads are not done after a minute");
        }
    }
}
