// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;

/** A section that bodies of locked methods enter and stay in until the test releases them. */
final class Section implements AutoCloseable {

    private final Semaphore exits = new Semaphore(0);
    private final AtomicInteger entered = new AtomicInteger();
    private final AtomicInteger inside = new AtomicInteger();
    private final List<CompletableFuture<Object>> calls = new ArrayList<>();

    /** Enters the section and waits for its release, longer than any test takes until then. Called by a body. */
    void pass() {
        entered.incrementAndGet();
        inside.incrementAndGet();
        try {
            if (!exits.tryAcquire(5, TimeUnit.MINUTES)) {
                throw new IllegalStateException("Nobody let this body go");
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        } finally {
            inside.decrementAndGet();
        }
    }

    /** Runs a call on a new thread. */
    CompletableFuture<Object> start(Callable<?> call) {
        CompletableFuture<Object> result = new CompletableFuture<>();
        Thread thread = new Thread(() -> {
            try {
                result.complete(call.call());
            } catch (Throwable e) {
                result.completeExceptionally(e);
            }
        });
        thread.setDaemon(true);
        thread.start();
        calls.add(result);
        return result;
    }

    CompletableFuture<Object> start(Action action) {
        return start(() -> {
            action.run();
            return "done";
        });
    }

    void awaitInside(int bodies) {
        Awaitility.await().atMost(Duration.ofMinutes(1)).until(() -> inside.get() == bodies);
    }

    int inside() {
        return inside.get();
    }

    int entered() {
        return entered.get();
    }

    void release(int bodies) {
        exits.release(bodies);
    }

    @Override
    public void close() {
        exits.release(1_000_000);
        calls.forEach(
                call -> assertThat(call.handle((result, failure) -> "ended")).succeedsWithin(120, TimeUnit.SECONDS));
    }

    /** A call that may throw. */
    interface Action {
        void run() throws Exception;
    }
}
