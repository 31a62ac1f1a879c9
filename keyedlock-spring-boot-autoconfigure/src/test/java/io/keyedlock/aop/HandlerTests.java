// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.annotation.KeyedLock;
import io.keyedlock.handlers.WebHandlers;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ApplicationContext;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.event.EventListener;
import org.springframework.kafka.annotation.EnableKafka;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.annotation.TopicPartition;
import org.springframework.kafka.config.ConcurrentKafkaListenerContainerFactory;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.EmbeddedKafkaKraftBroker;
import org.springframework.kafka.test.utils.KafkaTestUtils;
import org.springframework.scheduling.annotation.Async;
import org.springframework.scheduling.annotation.EnableAsync;
import org.springframework.scheduling.annotation.EnableScheduling;
import org.springframework.scheduling.annotation.Scheduled;
import org.springframework.scheduling.concurrent.ThreadPoolTaskExecutor;
import org.springframework.scheduling.concurrent.ThreadPoolTaskScheduler;
import org.springframework.transaction.TransactionDefinition;
import org.springframework.transaction.annotation.EnableTransactionManagement;
import org.springframework.transaction.event.TransactionalEventListener;
import org.springframework.transaction.support.AbstractPlatformTransactionManager;
import org.springframework.transaction.support.DefaultTransactionStatus;
import org.springframework.transaction.support.TransactionTemplate;

/**
 * Handlers of all kinds that receive three events at once, two of one key and one of another. The two exclude each
 * other, and the third does not wait.
 */
class HandlerTests {

    private static EmbeddedKafkaBroker broker;

    @BeforeAll
    static void startBroker() {
        broker = new EmbeddedKafkaKraftBroker(1, 3, "records", "batches");
        broker.adminTimeout(120);
        broker.afterPropertiesSet();
    }

    @AfterAll
    static void stopBroker() {
        broker.destroy();
    }

    /** The work of every handler. It ends when the test releases it, and must not overlap for one key. */
    static final class Desk implements AutoCloseable {

        private final Section section = new Section();
        private final Map<String, AtomicInteger> inside = new ConcurrentHashMap<>();
        private final AtomicBoolean overlapped = new AtomicBoolean();

        void work(String key) {
            AtomicInteger here = inside.computeIfAbsent(key, k -> new AtomicInteger());
            if (here.incrementAndGet() > 1) {
                overlapped.set(true);
            }
            try {
                section.pass();
            } finally {
                here.decrementAndGet();
            }
        }

        @Override
        public void close() {
            section.close();
        }
    }

    /** Sends an event of a key to a handler without waiting for its end. */
    private interface Sender {
        void send(String key);
    }

    private static void threeEvents(ApplicationContext context, Sender sender) {
        sender.send("a");
        sender.send("a");
        sender.send("b");
        twoWaitForEachOther(context);
    }

    private static void twoWaitForEachOther(ApplicationContext context) {
        Desk desk = context.getBean(Desk.class);
        desk.section.awaitInside(2);
        Bodies.until(() -> waiters(context) == 1);
        assertThat(desk.inside.keySet()).containsExactlyInAnyOrder("a", "b");
        assertThat(desk.section.entered()).isEqualTo(2);
        desk.section.release(3);
        Bodies.until(() -> desk.section.entered() == 3 && desk.section.inside() == 0);
        Bodies.awaitIdle(context.getBean(KeyedLockerRegistry.class));
        assertThat(desk.overlapped).isFalse();
    }

    private static long waiters(ApplicationContext context) {
        KeyedLockerRegistry lockers = context.getBean(KeyedLockerRegistry.class);
        return lockers.names().stream()
                .mapToLong(name -> lockers.get(name).overview(0).waiters())
                .sum();
    }

    private static Sender publisher(ApplicationContext context) {
        Desk desk = context.getBean(Desk.class);
        return key -> desk.section.start(() -> context.publishEvent(new Paid(key)));
    }

    record Paid(String account) {}

    record Refunded(String account) {}

    static class Listener {

        private final Desk desk;

        Listener(Desk desk) {
            this.desk = desk;
        }

        @KeyedLock(key = "#event.account")
        @EventListener
        public void on(Paid event) {
            desk.work(event.account());
        }
    }

    @Test
    void eventListener() {
        Contexts.runner(Desk.class, Listener.class).run(context -> threeEvents(context, publisher(context)));
    }

    static class AsyncListener {

        private final Desk desk;

        AsyncListener(Desk desk) {
            this.desk = desk;
        }

        @Async
        @KeyedLock(key = "#event.account")
        @EventListener
        public void on(Paid event) {
            desk.work(event.account());
        }
    }

    @Configuration(proxyBeanMethods = false)
    @EnableAsync
    static class Asynchronous {

        @Bean
        ThreadPoolTaskExecutor taskExecutor() {
            ThreadPoolTaskExecutor executor = new ThreadPoolTaskExecutor();
            executor.setCorePoolSize(3);
            return executor;
        }
    }

    @Test
    void asyncEventListener() {
        Contexts.runner(Desk.class, AsyncListener.class)
                .withUserConfiguration(Asynchronous.class)
                .run(context -> threeEvents(context, key -> context.publishEvent(new Paid(key))));
    }

    static class TransactionalListener {

        private final Desk desk;

        TransactionalListener(Desk desk) {
            this.desk = desk;
        }

        @KeyedLock(key = "#event.account")
        @TransactionalEventListener
        public void on(Paid event) {
            desk.work(event.account());
        }
    }

    /** A transaction manager without resources. */
    static class Nothing extends AbstractPlatformTransactionManager {

        @Override
        protected Object doGetTransaction() {
            return new Object();
        }

        @Override
        protected void doBegin(Object transaction, TransactionDefinition definition) {}

        @Override
        protected void doCommit(DefaultTransactionStatus status) {}

        @Override
        protected void doRollback(DefaultTransactionStatus status) {}
    }

    @Configuration(proxyBeanMethods = false)
    @EnableTransactionManagement
    static class Transactions {

        @Bean
        Nothing transactionManager() {
            return new Nothing();
        }
    }

    @Test
    void transactionalEventListener() {
        Contexts.runner(Desk.class, TransactionalListener.class)
                .withUserConfiguration(Transactions.class)
                .run(context -> {
                    Desk desk = context.getBean(Desk.class);
                    TransactionTemplate transaction = new TransactionTemplate(context.getBean(Nothing.class));
                    threeEvents(
                            context,
                            key -> desk.section.start(() ->
                                    transaction.executeWithoutResult(status -> context.publishEvent(new Paid(key)))));
                });
    }

    @KeyedLock
    static class Bottleneck {

        private final Desk desk;

        Bottleneck(Desk desk) {
            this.desk = desk;
        }

        @EventListener
        public void on(Paid event) {
            desk.work("all");
        }

        @EventListener
        public void on(Refunded event) {
            desk.work("all");
        }
    }

    @Test
    void annotatedTypeLocksTheWholeHandler() {
        Contexts.runner(Desk.class, Bottleneck.class).run(context -> {
            Desk desk = context.getBean(Desk.class);
            desk.section.start(() -> context.publishEvent(new Paid("a")));
            desk.section.start(() -> context.publishEvent(new Refunded("b")));
            desk.section.start(() -> context.publishEvent(new Refunded("c")));
            desk.section.awaitInside(1);
            Bodies.until(() -> waiters(context) == 2);
            assertThat(desk.section.entered()).isEqualTo(1);
            desk.section.release(3);
            Bodies.until(() -> desk.section.entered() == 3 && desk.section.inside() == 0);
            assertThat(desk.overlapped).isFalse();
        });
    }

    static class Jobs {

        private final Desk desk;

        Jobs(Desk desk) {
            this.desk = desk;
        }

        @KeyedLock(name = "jobs", key = "'a'")
        @Scheduled(initialDelay = 1, fixedDelay = 3_600_000)
        public void one() {
            desk.work("a");
        }

        @KeyedLock(name = "jobs", key = "'a'")
        @Scheduled(initialDelay = 1, fixedDelay = 3_600_000)
        public void another() {
            desk.work("a");
        }

        @KeyedLock(name = "jobs", key = "'b'")
        @Scheduled(initialDelay = 1, fixedDelay = 3_600_000)
        public void third() {
            desk.work("b");
        }
    }

    @Configuration(proxyBeanMethods = false)
    @EnableScheduling
    static class Scheduling {

        @Bean
        ThreadPoolTaskScheduler taskScheduler() {
            ThreadPoolTaskScheduler scheduler = new ThreadPoolTaskScheduler();
            scheduler.setPoolSize(3);
            return scheduler;
        }
    }

    @Test
    void scheduledMethods() {
        Contexts.runner(Desk.class, Jobs.class)
                .withUserConfiguration(Scheduling.class)
                .withPropertyValues("keyedlock.locks.jobs.limit=1")
                .run(HandlerTests::twoWaitForEachOther);
    }

    static class Consumers {

        private final Desk desk;

        Consumers(Desk desk) {
            this.desk = desk;
        }

        @KeyedLock(key = "#record.key()")
        @KafkaListener(
                groupId = "records",
                topicPartitions =
                        @TopicPartition(
                                topic = "records",
                                partitions = {"0", "1", "2"}))
        public void on(ConsumerRecord<String, String> record) {
            desk.work(record.key());
        }

        @KeyedLock(keys = "#records.![key()]")
        @KafkaListener(
                groupId = "batches",
                batch = "true",
                topicPartitions =
                        @TopicPartition(
                                topic = "batches",
                                partitions = {"0", "1", "2"}))
        public void on(List<ConsumerRecord<String, String>> records) {
            desk.work(records.get(0).key());
        }
    }

    @Configuration(proxyBeanMethods = false)
    @EnableKafka
    static class Kafka {

        @Bean
        ConcurrentKafkaListenerContainerFactory<String, String> kafkaListenerContainerFactory() {
            ConcurrentKafkaListenerContainerFactory<String, String> containers =
                    new ConcurrentKafkaListenerContainerFactory<>();
            containers.setConsumerFactory(new DefaultKafkaConsumerFactory<>(
                    Map.of("bootstrap.servers", broker.getBrokersAsString(), "auto.offset.reset", "earliest"),
                    new StringDeserializer(),
                    new StringDeserializer()));
            containers.setConcurrency(3);
            return containers;
        }
    }

    @Test
    void kafkaListenerOfRecordsAndOfBatches() {
        DefaultKafkaProducerFactory<String, String> producers = new DefaultKafkaProducerFactory<>(
                KafkaTestUtils.producerProps(broker), new StringSerializer(), new StringSerializer());
        try {
            KafkaTemplate<String, String> kafka = new KafkaTemplate<>(producers);
            for (String topic : List.of("records", "batches")) {
                Contexts.runner(Desk.class, Consumers.class)
                        .withUserConfiguration(Kafka.class)
                        .run(context -> {
                            // Each of these runs on a separate thread.
                            AtomicInteger partition = new AtomicInteger();
                            threeEvents(
                                    context,
                                    key -> kafka.send(topic, partition.getAndIncrement(), key, "value")
                                            .join());
                        });
            }
        } finally {
            producers.destroy();
        }
    }

    private static void addDesk(ConfigurableApplicationContext context) {
        Desk desk = new Desk();
        Consumer<String> work = desk::work;
        context.getBeanFactory().registerSingleton("desk", desk);
        context.getBeanFactory().registerSingleton("work", work);
    }

    private static void overHttp(WebApplicationType type, String path) {
        HttpClient client = HttpClient.newHttpClient();
        try (ConfigurableApplicationContext context = new SpringApplicationBuilder(WebHandlers.class)
                .web(type)
                .initializers(HandlerTests::addDesk)
                .run("--server.port=0")) {
            String base = "http://localhost:" + context.getEnvironment().getProperty("local.server.port");
            List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
            threeEvents(
                    context,
                    key -> answers.add(client.sendAsync(
                            HttpRequest.newBuilder(URI.create(base + path + key))
                                    .build(),
                            HttpResponse.BodyHandlers.ofString())));
            assertThat(answers)
                    .extracting(answer -> answer.join().body())
                    .containsExactly("shipped a", "shipped a", "shipped b");
        }
    }

    @Test
    void controllerMethod() {
        overHttp(WebApplicationType.SERVLET, "/orders/");
    }

    @Test
    void reactiveControllerMethod() {
        overHttp(WebApplicationType.REACTIVE, "/later/");
    }
}
