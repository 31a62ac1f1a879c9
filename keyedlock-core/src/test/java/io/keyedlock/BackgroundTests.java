// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.lang.ref.WeakReference;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadFactory;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Test;

/** Checks that the threads of the engine retain no class loader. */
class BackgroundTests {

    /** Application code that is the first to need a thread of the engine. */
    static final class Application implements BiFunction<ThreadFactory, Runnable, Thread> {

        @Override
        public Thread apply(ThreadFactory factory, Runnable task) {
            return factory.newThread(task);
        }
    }

    private static final class ApplicationLoader extends ClassLoader {

        ApplicationLoader() {
            super(BackgroundTests.class.getClassLoader());
        }

        Class<?> define() throws Exception {
            String name = Application.class.getName();
            try (InputStream bytes = Objects.requireNonNull(
                    BackgroundTests.class.getClassLoader().getResourceAsStream(name.replace('.', '/') + ".class"))) {
                byte[] all = bytes.readAllBytes();
                return defineClass(name, all, 0, all.length);
            }
        }
    }

    @Test
    void threadDoesNotKeepTheClassLoaderOfItsFirstCallerAlive() throws Exception {
        for (ThreadFactory factory : List.of(
                Background.TIMER.getThreadFactory(),
                Background.SCANNER.getThreadFactory(),
                Background.CALLBACKS.getThreadFactory())) {
            CountDownLatch end = new CountDownLatch(1);
            Thread[] thread = new Thread[1];
            WeakReference<ClassLoader> loader = start(factory, end, thread);
            OtherThread.until(() -> {
                System.gc();
                return loader.get() == null;
            });
            assertThat(thread[0].isAlive()).isTrue();
            end.countDown();
            thread[0].join();
        }
    }

    @SuppressWarnings("unchecked")
    private static WeakReference<ClassLoader> start(ThreadFactory factory, CountDownLatch end, Thread[] thread)
            throws Exception {
        ApplicationLoader loader = new ApplicationLoader();
        Class<?> type = loader.define();
        assertThat(type.getClassLoader()).isSameAs(loader);
        var constructor = type.getDeclaredConstructor();
        constructor.setAccessible(true);
        var application = (BiFunction<ThreadFactory, Runnable, Thread>) constructor.newInstance();
        thread[0] = application.apply(factory, () -> {
            try {
                end.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        thread[0].start();
        return new WeakReference<>(loader);
    }
}
