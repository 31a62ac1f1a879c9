// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import org.awaitility.Awaitility;

/** Records the key and the thread of each body of a locked method, in order. */
final class Bodies {

    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final List<String> keys = new CopyOnWriteArrayList<>();
    private final List<Thread> threads = new CopyOnWriteArrayList<>();

    void ran(String key) {
        threads.add(Thread.currentThread());
        keys.add(key);
    }

    List<String> keys() {
        return keys;
    }

    Thread thread(int body) {
        return threads.get(body);
    }

    void await(int bodies) {
        until(() -> keys.size() >= bodies);
        assertThat(keys).hasSize(bodies);
    }

    static void until(Callable<Boolean> condition) {
        until(condition, PATIENCE);
    }

    private static void until(Callable<Boolean> condition, Duration patience) {
        Awaitility.await().atMost(patience).pollInterval(Duration.ofMillis(2)).until(condition);
    }

    /** Returns the locker of the only annotated method of that name, or the locker of that name. */
    static KeyedLocker<Object> locker(KeyedLockerRegistry lockers, String name) {
        String full = lockers.names().stream()
                .filter(each -> each.equals(name) || each.contains("." + name + "("))
                .findFirst()
                .orElseThrow(() -> new AssertionError(name + " is not in " + lockers.names()));
        return lockers.get(full);
    }

    static int waiters(KeyedLocker<Object> locker, Object key) {
        return locker.snapshot(key).map(snapshot -> snapshot.waiters().size()).orElse(0);
    }

    static void awaitIdle(KeyedLockerRegistry lockers) {
        awaitIdle(lockers, PATIENCE);
    }

    static void awaitIdle(KeyedLockerRegistry lockers, Duration patience) {
        until(() -> lockers.names().stream().allMatch(name -> lockers.get(name).activeKeyCount() == 0), patience);
    }
}
