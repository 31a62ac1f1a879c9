// SPDX-License-Identifier: Apache-2.0
package example;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Primary;

/** Two instances of the application on one database. */
class JobsApplicationTests {

    static final CountDownLatch STARTED = new CountDownLatch(1);
    static final CountDownLatch GO_ON = new CountDownLatch(1);
    static final AtomicInteger WRITTEN = new AtomicInteger();

    @Test
    void secondInstanceSkipsTheJobWhileTheFirstOneRunsIt() throws Exception {
        try (ConfigurableApplicationContext first = start();
                ConfigurableApplicationContext second = start()) {
            CompletableFuture<Void> running =
                    CompletableFuture.runAsync(() -> first.getBean(NightlyReport.class).write());
            assertThat(STARTED.await(60, TimeUnit.SECONDS)).isTrue();
            second.getBean(NightlyReport.class).write();
            assertThat(WRITTEN).hasValue(1);
            GO_ON.countDown();
            running.get(60, TimeUnit.SECONDS);
            // The lease is released in the background.
            await().atMost(Duration.ofMinutes(1)).until(() -> {
                second.getBean(NightlyReport.class).write();
                return WRITTEN.get() == 2;
            });
        }
    }

    private static ConfigurableApplicationContext start() {
        return new SpringApplicationBuilder(JobsApplication.class, SlowReports.class).run();
    }

    static class SlowReports {

        @Bean
        @Primary
        Reports slowReports() {
            return new Reports() {
                @Override
                void write() {
                    WRITTEN.incrementAndGet();
                    STARTED.countDown();
                    try {
                        GO_ON.await(60, TimeUnit.SECONDS);
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                }
            };
        }
    }
}
