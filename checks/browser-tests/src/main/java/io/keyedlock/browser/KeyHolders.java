// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.browser;

import io.keyedlock.KeyedLocker;
import io.keyedlock.Permit;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.awaitility.Awaitility;

/** Threads that hold keys, or wait for them, until they are released. */
public final class KeyHolders {

    private final CountDownLatch released = new CountDownLatch(1);
    private final List<Thread> threads = new ArrayList<>();

    private final Duration patience;

    /**
     * Creates no threads yet.
     *
     * @param patience how long a thread may take to hold its key or to wait for it
     */
    public KeyHolders(Duration patience) {
        this.patience = patience;
    }

    /** Starts, in sequence, a thread for each name that acquires the key and holds it until the release. */
    public <K> void hold(KeyedLocker<K> locker, K key, String... names) {
        for (String name : names) {
            long before = callersOf(locker, key);
            Thread thread = new Thread(() -> holdUntilReleased(locker, key), name);
            threads.add(thread);
            thread.start();
            Awaitility.await().atMost(patience).until(() -> callersOf(locker, key) > before);
        }
    }

    private static <K> long callersOf(KeyedLocker<K> locker, K key) {
        return locker.snapshot(key)
                .map(all -> all.holders().size() + all.waiters().size())
                .orElse(0);
    }

    @SuppressWarnings("try") // the permit is only held
    private <K> void holdUntilReleased(KeyedLocker<K> locker, K key) {
        try (Permit permit = locker.acquire(key, Duration.ofMinutes(10))) {
            released.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Releases all keys. */
    public void release() {
        released.countDown();
    }

    /** Releases all keys, and waits until all threads have ended. */
    public void end() throws InterruptedException {
        release();
        for (Thread thread : threads) {
            thread.join();
        }
    }
}
