// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.LockInterruptedException;
import io.keyedlock.annotation.KeyedLock;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Interrupts of callers and bodies. */
class InterruptTests {

    @AfterEach
    void clearFlag() {
        Thread.interrupted();
    }

    @Test
    void methodThatDeclaresItGetsInterruptedException() {
        Contexts.with(Interruptible.class, bean -> {
            assertInterrupted(() -> bean.declared("a"));
            assertInterrupted(() -> bean.declaredBroadly("a"));
            assertInterrupted(() -> bean.several("a"));
        });
    }

    @Test
    void otherMethodGetsTheFlagAndAnUncheckedException() {
        Contexts.runner(Interruptible.class).run(context -> {
            Interruptible bean = context.getBean(Interruptible.class);
            Thread.currentThread().interrupt();
            assertThatThrownBy(() -> bean.undeclared("a")).isInstanceOfSatisfying(LockInterruptedException.class, e -> {
                assertThat(e.key()).isEqualTo("a");
                assertThat(e).hasCauseInstanceOf(InterruptedException.class);
            });
            assertThat(Thread.interrupted()).isTrue();
            assertThat(bean.runs()).isZero();
            KeyedLockAdviceTests.assertIdle(context.getBean(KeyedLockerRegistry.class));
        });
    }

    @Test
    void waitingCallerIsInterrupted() {
        Contexts.with(Interruptible.class, bean -> {
            try (Section section = new Section()) {
                bean.hook(section::pass);
                section.start(() -> bean.undeclared("a"));
                section.awaitInside(1);
                Thread[] waiter = new Thread[1];
                var second = section.start(() -> {
                    waiter[0] = Thread.currentThread();
                    try {
                        bean.undeclared("a");
                    } finally {
                        assertThat(Thread.currentThread().isInterrupted()).isTrue();
                    }
                });
                org.awaitility.Awaitility.await()
                        .atMost(Duration.ofMinutes(1))
                        .until(() -> waiter[0] != null && waiter[0].getState() != Thread.State.RUNNABLE);
                waiter[0].interrupt();
                assertThatThrownBy(second::join).hasCauseInstanceOf(LockInterruptedException.class);
            }
        });
    }

    @Test
    void interruptedExceptionOfTheBodyArrivesUnchanged() {
        Contexts.with(
                Interruptible.class,
                bean -> assertThatThrownBy(bean::throwing)
                        .isInstanceOf(InterruptedException.class)
                        .hasMessage("of the body"));
    }

    @Test
    void rejectIgnoresTheFlag() {
        Contexts.with(Interruptible.class, bean -> {
            Thread.currentThread().interrupt();
            bean.reject("a");
            assertThat(bean.runs()).isOne();
        });
    }

    private static void assertInterrupted(Section.Action call) {
        Thread.currentThread().interrupt();
        assertThatThrownBy(call::run).isInstanceOf(InterruptedException.class);
        assertThat(Thread.interrupted()).isFalse();
    }

    static class Interruptible {

        private volatile Runnable hook = () -> {};
        private int runs;

        void hook(Runnable hook) {
            this.hook = hook;
        }

        int runs() {
            return runs;
        }

        @KeyedLock(key = "#id")
        public void declared(String id) throws InterruptedException {
            runs++;
        }

        @KeyedLock(key = "#id")
        public void declaredBroadly(String id) throws Exception {
            runs++;
        }

        @KeyedLock(keys = "{#id, 'b'}")
        public void several(String id) throws InterruptedException {
            runs++;
        }

        @KeyedLock(key = "#id")
        public void undeclared(String id) {
            runs++;
            hook.run();
        }

        @KeyedLock
        public void throwing() throws InterruptedException {
            throw new InterruptedException("of the body");
        }

        @KeyedLock(key = "#id", policy = KeyedLock.Policy.REJECT)
        public void reject(String id) {
            runs++;
        }
    }
}
