// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.LockBackendException;
import io.keyedlock.lease.LeaseBackend;
import io.keyedlock.lease.LeaseSettings;
import io.keyedlock.lease.Leases;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;

/** Measures locks that processes share, whatever they are stored in. */
public final class LockFigures {

    private static final int THREADS = 50;

    private LockFigures() {}

    /** One section under a lock, which is acquired before the body and released after it. */
    public interface Section {
        void pass(Runnable body) throws Exception;
    }

    /** Microseconds of one section, by one thread. */
    public static double alone(Section section, int calls) throws Exception {
        long start = System.nanoTime();
        for (int i = 0; i < calls; i++) {
            section.pass(() -> {});
        }
        return (System.nanoTime() - start) / 1e3 / calls;
    }

    /** Returns the number of sections that many threads complete together. */
    public static double together(Section section, int seconds) throws InterruptedException {
        LongAdder passed = new LongAdder();
        CountDownLatch done = new CountDownLatch(THREADS);
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        for (int i = 0; i < THREADS; i++) {
            new Thread(() -> {
                        try {
                            while (System.nanoTime() < end) {
                                section.pass(() -> {});
                                passed.increment();
                            }
                        } catch (Exception e) {
                            throw new IllegalStateException(e);
                        } finally {
                            done.countDown();
                        }
                    })
                    .start();
        }
        done.await();
        return passed.sum();
    }

    /** Connects repeatedly, because the first call of a JVM that has just started may be slow. */
    public static LeaseBackend connected(Leases leases, KeyedLockerSettings settings) {
        LeaseBackend backend = leases.backend(settings, LeaseSettings.defaults());
        for (int attempt = 1; ; attempt++) {
            try {
                backend.connect();
                return backend;
            } catch (LockBackendException e) {
                if (attempt == 10) {
                    throw e;
                }
            }
        }
    }

    public static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }
}
