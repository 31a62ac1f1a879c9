// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Future;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The lock of a stripe. {@link VirtualThreadsCheck} tests it with virtual threads. */
class SpinLockTests {

    @RegisterExtension
    final Cast cast = new Cast();

    @Test
    @DisplayName("admits one owner, publishes its writes, and all threads make progress despite a slow owner")
    void admitsOne() {
        SpinLock lock = new SpinLock();
        int[] plain = new int[1];
        List<Future<?>> all = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            all.add(cast.actor("t" + i).begins(() -> {
                for (int n = 0; n < 20_000; n++) {
                    lock.lock();
                    plain[0]++;
                    lock.unlock();
                }
                return null;
            }));
        }
        all.forEach(Actor::result);
        assertThat(plain[0]).isEqualTo(80_000);
    }

    @Test
    @DisplayName("an interrupted thread waits for the owner and keeps its flag")
    void interruptedThreadKeepsItsFlag() {
        SpinLock lock = new SpinLock();
        lock.lock();
        Actor contender = cast.actor("contender");
        Future<Boolean> waiting = contender.begins(() -> {
            Thread.currentThread().interrupt();
            lock.lock();
            lock.unlock();
            return Thread.currentThread().isInterrupted();
        });
        Cast.until(() -> contender.thread().getState() == Thread.State.TIMED_WAITING);
        assertThat(waiting.isDone()).isFalse();
        lock.unlock();
        assertThat(Actor.result(waiting)).isTrue();
    }
}
