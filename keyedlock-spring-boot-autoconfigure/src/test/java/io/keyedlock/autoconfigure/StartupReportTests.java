// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.annotation.KeyedLock;
import io.keyedlock.aop.InvalidKeyedLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.aop.AopAutoConfiguration;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.cache.interceptor.KeyGenerator;

/**
 * Compares the startup report with startup-report.txt. If it differs, the new one is in
 * target/startup-report.txt: review it before replacing the other.
 */
class StartupReportTests {

    private static final String REPORT = "startup-report.txt";

    @Test
    void theReportOfManyMistakesMatchesTheExpectedText() throws Exception {
        String[] report = {""};
        new ApplicationContextRunner()
                .withConfiguration(AutoConfigurations.of(
                        AopAutoConfiguration.class,
                        KeyedLockAutoConfiguration.class,
                        KeyedLockAopAutoConfiguration.class))
                .withPropertyValues("keyedlock.locks.orders.limit=2", "keyedlock.locks.stock.limit=1")
                .withBean("byUser", KeyGenerator.class, () -> (target, method, args) -> "key")
                .withBean("text", String.class, () -> "text")
                .withBean(Expressions.class)
                .withBean(Attributes.class)
                .withBean(Methods.class)
                .withBean(Ledger.class)
                .withBean(Trade.class)
                .run(context -> {
                    assertThat(context).getFailure().isInstanceOf(InvalidKeyedLockException.class);
                    FailureAnalysis analysis =
                            new InvalidKeyedLockFailureAnalyzer().analyze(context.getStartupFailure());
                    report[0] = ("Description:\n\n" + analysis.getDescription() + "\nAction:\n\n" + analysis.getAction()
                                    + "\n")
                            .replace(StartupReportTests.class.getName() + "$", "com.acme.");
                });
        Files.writeString(Path.of("target", REPORT), report[0]);
        try (var expected = StartupReportTests.class.getResourceAsStream("/" + REPORT)) {
            assertThat(report[0]).isEqualTo(new String(expected.readAllBytes(), StandardCharsets.UTF_8));
        }
    }

    record Order(String id, String tenant) {}

    static class Expressions {

        @KeyedLock(key = "#ordr.id")
        public void parameter(Order order) {}

        @KeyedLock(key = "order.id")
        public void hash(Order order) {}

        @KeyedLock(key = "everything")
        public void quotes(Order order) {}

        @KeyedLock(key = "#{#order.id}")
        public void template(Order order) {}

        @KeyedLock(key = "#order.")
        public void syntax(Order order) {}

        @KeyedLock(key = "@tenants.current()")
        public void bean() {}

        @KeyedLock(key = "#hash(#order)")
        public void function(Order order) {}

        @KeyedLock(key = "hash(#order)")
        public void rootMethod(Order order) {}

        @KeyedLock(key = "'${region}' + #order.id")
        public void placeholder(Order order) {}

        @KeyedLock(key = "#root")
        public void wholeCall(Order order) {}

        @KeyedLock(key = "#root")
        public void namedAsTheCall(Order root) {}

        @KeyedLock(key = "#order.idd")
        public void property(Order order) {}

        @KeyedLock(keys = "#orders.![tenat]")
        public void propertyOfElements(List<Order> orders) {}

        @KeyedLock(key = "#order.tenant.lenght()")
        public void method(Order order) {}

        @KeyedLock(key = "#order.id", condition = "#urgnt")
        public void condition(Order order, boolean urgent) {}

        @KeyedLock(key = "#id")
        public void noParameters() {}
    }

    static class Attributes {

        @KeyedLock("order")
        public void locker() {}

        @KeyedLock("acme.orders")
        public void dottedLocker() {}

        @KeyedLock("#order.id")
        public void expressionForName(Order order) {}

        @KeyedLock(name = "orders", limit = 3)
        public void limitOfLocker() {}

        @KeyedLock(key = "#order.id", keys = "#order.tenant")
        public void keyAndKeys(Order order) {}

        @KeyedLock(keyGenerator = "byUsr")
        public void generator() {}

        @KeyedLock(keyGenerator = "text")
        public void notAGenerator() {}

        @KeyedLock(limit = 0)
        public void limit() {}

        @KeyedLock(limit = 2, limitString = "2")
        public void twoLimits() {}

        @KeyedLock(limitString = "many")
        public void limitString() {}

        @KeyedLock(waitTime = "soon")
        public void waitTime() {}

        @KeyedLock(waitTime = "500")
        public void unit() {}

        @KeyedLock(waitTime = "-2s")
        public void negative() {}

        @KeyedLock(waitTime = "${patience}")
        public void unresolved() {}

        @KeyedLock(waitTime = "1s", policy = KeyedLock.Policy.REJECT)
        public void waitAndReject() {}

        @KeyedLock(policy = KeyedLock.Policy.SKIP)
        public int skip() {
            return 1;
        }
    }

    @SuppressWarnings("UnusedMethod")
    static class Methods {

        @KeyedLock
        public final void ending() {}

        @KeyedLock
        private void hidden() {}

        @KeyedLock
        public static void common() {}

        @KeyedLock
        public List<CompletableFuture<String>> late() {
            return List.of();
        }

        @KeyedLock
        public Stream<String> stream() {
            return Stream.empty();
        }
    }

    interface Imports {

        @KeyedLock(name = "orders", key = "#id")
        void book(String id);
    }

    interface Exports {

        @KeyedLock(name = "stock", key = "#id")
        void book(String id);
    }

    static class Trade implements Imports, Exports {

        @Override
        public void book(String id) {}
    }

    @KeyedLock
    static final class Ledger {

        public void add() {}
    }
}
