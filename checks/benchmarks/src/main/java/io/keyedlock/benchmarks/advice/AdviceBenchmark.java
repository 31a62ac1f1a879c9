// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.advice;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.infra.Blackhole;
import org.springframework.aop.support.AopUtils;
import org.springframework.boot.autoconfigure.aop.AopAutoConfiguration;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.core.env.MapPropertySource;

/** One thread that calls a bean through its proxy, for one order after the other, and never waits. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@SuppressWarnings("NullAway.Init") // JMH calls the set-up methods first
public class AdviceBenchmark {

    @Param("KEYEDLOCK")
    public Advices advice;

    /** A power of two. */
    @Param("1024")
    public int orders;

    /** Processor time of calls before the first iteration. */
    @Param("1500")
    public long warmUpMillis;

    private AnnotationConfigApplicationContext context;

    OrderService service;

    @Setup
    public void start() {
        context = new AnnotationConfigApplicationContext();
        context.getEnvironment().getPropertySources().addFirst(new MapPropertySource("advice", advice.properties));
        context.register(AopAutoConfiguration.class, advice.configuration);
        context.refresh();
        service = context.getBean(OrderService.class);
        if (!AopUtils.isCglibProxy(service)) {
            throw new IllegalStateException(advice + " has no proxy, but " + service.getClass());
        }
    }

    @TearDown
    public void stop() {
        context.close();
    }

    /** The thread's orders. */
    @State(Scope.Thread)
    public static class Caller {

        private Order[] orders;

        private int next;

        /**
         * Creates the orders and calls for a while. Elapsed time is no measure for it: on a busy machine much of it belongs
         * to others, and iterations would begin before the calls are compiled.
         */
        @Setup
        public void create(AdviceBenchmark benchmark, Blackhole blackhole) {
            orders = new Order[benchmark.orders];
            for (int i = 0; i < orders.length; i++) {
                orders[i] = new Order("tenant-" + i % 8, "order-" + i);
            }
            long end =
                    Processor.THREADS.getCurrentThreadCpuTime() + TimeUnit.MILLISECONDS.toNanos(benchmark.warmUpMillis);
            while (Processor.THREADS.getCurrentThreadCpuTime() < end) {
                for (int i = 0; i < 100; i++) {
                    blackhole.consume(benchmark.service.ship(next()));
                }
            }
        }

        Order next() {
            return orders[next++ & (orders.length - 1)];
        }
    }

    /** The processor time of an iteration, which unlike elapsed time does not depend on other load. */
    @State(Scope.Thread)
    @AuxCounters(AuxCounters.Type.EVENTS)
    public static class Processor {

        private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

        public long cpuNanos;

        private long start;

        @Setup(Level.Iteration)
        public void start() {
            start = THREADS.getCurrentThreadCpuTime();
        }

        @TearDown(Level.Iteration)
        public void stop() {
            cpuNanos = THREADS.getCurrentThreadCpuTime() - start;
        }
    }

    @Benchmark
    public String call(Caller caller, Processor processor) {
        return service.ship(caller.next());
    }
}
