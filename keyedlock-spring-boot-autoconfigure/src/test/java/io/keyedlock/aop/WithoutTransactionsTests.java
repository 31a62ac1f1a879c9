// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.annotation.KeyedLock;
import java.io.File;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** An application without spring-tx, in a class loader that hides it. */
class WithoutTransactionsTests {

    private static final String TRANSACTIONS = "org.springframework.transaction.support.TransactionSynchronization";

    @Test
    void methodsAreLocked() throws Exception {
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        try (URLClassLoader loader =
                new URLClassLoader(classPathWithoutTransactions(), ClassLoader.getPlatformClassLoader())) {
            assertThatThrownBy(() -> loader.loadClass(TRANSACTIONS)).isInstanceOf(ClassNotFoundException.class);
            thread.setContextClassLoader(loader);
            Callable<?> application = (Callable<?>) loader.loadClass(Application.class.getName())
                    .getDeclaredConstructor()
                    .newInstance();
            assertThat(application.call()).isEqualTo("shipped 42");
        } finally {
            thread.setContextClassLoader(before);
        }
    }

    private static URL[] classPathWithoutTransactions() {
        List<Path> paths = Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                .map(Path::of)
                .filter(path -> !path.getFileName().toString().startsWith("spring-tx-"))
                .toList();
        return paths.stream().map(WithoutTransactionsTests::url).toArray(URL[]::new);
    }

    private static URL url(Path path) {
        try {
            return path.toUri().toURL();
        } catch (MalformedURLException e) {
            throw new IllegalArgumentException(e);
        }
    }

    /** Starts, calls a locked method, and stops. */
    public static class Application implements Callable<String> {

        @Override
        public String call() {
            String[] answer = new String[1];
            Contexts.with(Orders.class, orders -> answer[0] = orders.ship("42"));
            return answer[0];
        }
    }

    static class Orders {

        @KeyedLock(key = "#id")
        public String ship(String id) {
            return "shipped " + id;
        }
    }
}
