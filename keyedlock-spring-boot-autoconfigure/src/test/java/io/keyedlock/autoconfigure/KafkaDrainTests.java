// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerClosedException;
import io.keyedlock.Permit;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.ApplicationListener;
import org.springframework.context.Lifecycle;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.event.ContextClosedEvent;
import org.springframework.kafka.annotation.EnableKafka;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.annotation.TopicPartition;
import org.springframework.kafka.config.ConcurrentKafkaListenerContainerFactory;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.EmbeddedKafkaKraftBroker;
import org.springframework.kafka.test.utils.KafkaTestUtils;

/** An application that stops while records are processed under the lock of their key. */
@ExtendWith(OutputCaptureExtension.class)
@SuppressWarnings("try") // the permit is only held
class KafkaDrainTests {

    private static final int PARTITIONS = 3;

    private static final String SHIPPING = "shipping";

    @Test
    void recordsInFlightEndBeforeTheirDependenciesAreClosedAndNoneIsLost(CapturedOutput output) throws Exception {
        EmbeddedKafkaBroker broker = new EmbeddedKafkaKraftBroker(1, PARTITIONS, "orders", "batches");
        broker.adminTimeout(120);
        broker.afterPropertiesSet();
        try {
            CompletableFuture<Listener> listening = new CompletableFuture<>();
            new ApplicationContextRunner()
                    .withConfiguration(AutoConfigurations.of(
                            KeyedLockAutoConfiguration.class, KeyedLockShutdownAutoConfiguration.class))
                    .withUserConfiguration(Application.class)
                    .withBean("broker", Broker.class, () -> new Broker(broker.getBrokersAsString()))
                    .withPropertyValues("keyedlock.locks.orders.limit=1", "keyedlock.shutdown.reject-new=true")
                    .run(context -> {
                        send(broker);
                        Listener listener = context.getBean(Listener.class);
                        await().atMost(Duration.ofMinutes(2)).until(() -> listener.begun.size() == PARTITIONS + 1);
                        listening.complete(listener);
                    });

            Listener listener = listening.join();
            assertThat(listener.begun).hasSize(PARTITIONS + 1);
            assertThat(listener.endedWhenDataWasGone).isEqualTo(listener.begun);
            assertThat(output).doesNotContain("Keys are still in use");
            for (int partition = 0; partition < PARTITIONS; partition++) {
                int asked = partition;
                await().atMost(Duration.ofMinutes(2))
                        .untilAsserted(
                                () -> assertThat(committed(broker, asked)).isEqualTo(1));
            }
        } finally {
            broker.destroy();
        }
    }

    /** Sends two records of one key to each partition, and one record to the listener that does not block. */
    private static void send(EmbeddedKafkaBroker broker) {
        DefaultKafkaProducerFactory<String, String> producers = new DefaultKafkaProducerFactory<>(
                KafkaTestUtils.producerProps(broker), new StringSerializer(), new StringSerializer());
        try {
            KafkaTemplate<String, String> kafka = new KafkaTemplate<>(producers);
            for (int partition = 0; partition < PARTITIONS; partition++) {
                kafka.send("orders", partition, "key " + partition, "first").join();
                kafka.send("orders", partition, "key " + partition, "second").join();
            }
            kafka.send("batches", 0, "key of a batch", "first").join();
        } finally {
            producers.destroy();
        }
    }

    private static long committed(EmbeddedKafkaBroker broker, int partition) throws Exception {
        OffsetAndMetadata offset =
                KafkaTestUtils.getCurrentOffset(broker.getBrokersAsString(), SHIPPING, "orders", partition);
        return offset == null ? 0 : offset.offset();
    }

    record Broker(String addresses) {}

    /**
     * Holds the key of each record until the application stops. The container waits for a listener that blocks; work that was
     * handed to other threads is awaited by the drain only.
     */
    static class Listener implements ApplicationListener<ContextClosedEvent>, DisposableBean {

        private final KeyedLocker<String> locker;
        private final KafkaListenerEndpointRegistry containers;
        private final CountDownLatch stopping = new CountDownLatch(1);
        private final Set<String> begun = ConcurrentHashMap.newKeySet();
        private final Set<String> ended = ConcurrentHashMap.newKeySet();
        private volatile Set<String> endedWhenDataWasGone = Set.of();

        Listener(KeyedLocker<String> locker, KafkaListenerEndpointRegistry containers) {
            this.locker = locker;
            this.containers = containers;
        }

        // Partitions by name: in a group, the first consumer may get all of them, and the lock that it holds then keeps
        // it
        // from giving any up to the others.
        @KafkaListener(
                id = SHIPPING,
                groupId = SHIPPING,
                topicPartitions =
                        @TopicPartition(
                                topic = "orders",
                                partitions = {"0", "1", "2"}))
        void ship(ConsumerRecord<String, String> record) throws InterruptedException {
            try (Permit permit = locker.acquire(record.key())) {
                begun.add(record.key() + " " + record.value());
                stopping.await();
                // Published before the containers stop, as a running one would poll the next record.
                await().atMost(Duration.ofMinutes(2)).until(() -> !isAnyShippingContainerRunning());
                ended.add(record.key() + " " + record.value());
            }
        }

        @KafkaListener(topics = "batches", groupId = "batches", concurrency = "1")
        CompletableFuture<Void> shipLater(ConsumerRecord<String, String> record) {
            return locker.supplyAsync(
                    record.key(),
                    () -> {
                        begun.add(record.key() + " " + record.value());
                        await().atMost(Duration.ofMinutes(2))
                                .until(() -> CompletableFuture.supplyAsync(this::refuses)
                                        .join());
                        ended.add(record.key() + " " + record.value());
                        return null;
                    },
                    task -> new Thread(task).start());
        }

        @Override
        public void onApplicationEvent(ContextClosedEvent event) {
            stopping.countDown();
        }

        private boolean isAnyShippingContainerRunning() {
            return ((ConcurrentMessageListenerContainer<?, ?>)
                            Objects.requireNonNull(containers.getListenerContainer(SHIPPING)))
                    .getContainers().stream().anyMatch(Lifecycle::isRunning);
        }

        private boolean refuses() {
            try {
                locker.tryAcquire("probe").ifPresent(Permit::close);
                return false;
            } catch (KeyedLockerClosedException e) {
                return true;
            }
        }

        @Override
        public void destroy() {
            endedWhenDataWasGone = Set.copyOf(ended);
        }
    }

    @Configuration(proxyBeanMethods = false)
    @EnableKafka
    static class Application {

        @Bean
        Listener listener(KeyedLocker<String> orders, KafkaListenerEndpointRegistry containers) {
            return new Listener(orders, containers);
        }

        @Bean
        ConcurrentKafkaListenerContainerFactory<String, String> kafkaListenerContainerFactory(Broker broker) {
            Map<String, Object> properties = new HashMap<>();
            properties.put("bootstrap.servers", broker.addresses());
            properties.put("auto.offset.reset", "earliest");
            ConcurrentKafkaListenerContainerFactory<String, String> containers =
                    new ConcurrentKafkaListenerContainerFactory<>();
            containers.setConsumerFactory(
                    new DefaultKafkaConsumerFactory<>(properties, new StringDeserializer(), new StringDeserializer()));
            containers.setConcurrency(PARTITIONS);
            containers.getContainerProperties().setAckMode(ContainerProperties.AckMode.RECORD);
            containers.getContainerProperties().setStopImmediate(true);
            return containers;
        }
    }
}
