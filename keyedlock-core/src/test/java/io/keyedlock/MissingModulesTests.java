// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** The engine in a run-time image that has only the modules it needs. */
class MissingModulesTests {

    @Test
    void waitsWorkWithoutTheFlightRecorder() throws Exception {
        ForkedJvm.run(MissingModulesTests.class, "--limit-modules", "java.base,java.logging");
    }

    public static void main(String[] args) throws Exception {
        KeyedLocker<String> locker = KeyedLocker.create();
        Permit held = locker.acquireAsync("a").join();
        CompletableFuture<Permit> timed = locker.acquireAsync("a", Duration.ofMillis(1));
        if (!(timed.handle((permit, failure) -> failure).join() instanceof LockTimeoutException)) {
            throw new AssertionError("no timeout");
        }
        CompletableFuture<Permit> waits = locker.acquireAsync("a");
        held.close();
        waits.join().close();
        Permit again = locker.acquireAsync("a").join();
        Thread waiter = new Thread(() -> {
            try {
                locker.acquire("a").close();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        waiter.start();
        while (locker.snapshot("a").orElseThrow().waiters().isEmpty()) {
            Thread.onSpinWait();
        }
        again.close();
        waiter.join();
        if (locker.activeKeyCount() != 0) {
            throw new AssertionError("active keys are left");
        }
        System.out.println(ForkedJvm.DONE);
    }
}
