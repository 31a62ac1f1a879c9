// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.kafka;

import io.keyedlock.demo.batches.BatchProperties;
import io.keyedlock.demo.batches.BatchWay;
import io.keyedlock.demo.servers.DetachedServers;
import java.util.Arrays;
import java.util.Map;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Profile;
import org.springframework.kafka.annotation.EnableKafka;
import org.springframework.kafka.config.ConcurrentKafkaListenerContainerFactory;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaAdmin;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.core.ProducerFactory;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.util.backoff.FixedBackOff;

/**
 * The topics of the profile {@code kafka}. The broker is the one bundled with the demo, or the one at
 * {@code spring.kafka.bootstrap-servers}. The demo defines all beans itself, so it needs no Spring Boot module for Kafka.
 */
@Configuration(proxyBeanMethods = false)
@Profile("kafka")
@EnableKafka
class KafkaConfiguration {

    private static final int PARTITIONS = 4;

    @Bean
    Broker broker(@Value("${spring.kafka.bootstrap-servers:}") String given) {
        return new Broker(given.isEmpty() ? new DetachedServers().findOrStart("kafka", KafkaServer.class) : given);
    }

    @Bean
    KafkaAdmin kafkaAdmin(Broker broker) {
        KafkaAdmin admin = new KafkaAdmin(Map.of("bootstrap.servers", broker.address()));
        admin.setFatalIfBrokerNotAvailable(true);
        admin.setOperationTimeout(120);
        return admin;
    }

    @Bean
    KafkaAdmin.NewTopics topics() {
        return new KafkaAdmin.NewTopics(Arrays.stream(BatchWay.values())
                .map(way -> new NewTopic(StepTopics.of(way), PARTITIONS, (short) 1))
                .toArray(NewTopic[]::new));
    }

    @Bean
    ProducerFactory<String, String> producerFactory(Broker broker) {
        return new DefaultKafkaProducerFactory<>(Map.of(
                ProducerConfig.BOOTSTRAP_SERVERS_CONFIG,
                broker.address(),
                ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG,
                StringSerializer.class,
                ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG,
                StringSerializer.class));
    }

    @Bean
    KafkaTemplate<String, String> kafkaTemplate(ProducerFactory<String, String> producers) {
        return new KafkaTemplate<>(producers);
    }

    @Bean
    ConcurrentKafkaListenerContainerFactory<String, String> kafkaListenerContainerFactory(
            Broker broker, BatchProperties properties) {
        ConcurrentKafkaListenerContainerFactory<String, String> factory =
                new ConcurrentKafkaListenerContainerFactory<>();
        factory.setConsumerFactory(new DefaultKafkaConsumerFactory<>(Map.of(
                ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG,
                broker.address(),
                ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG,
                StringDeserializer.class,
                ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG,
                StringDeserializer.class,
                ConsumerConfig.AUTO_OFFSET_RESET_CONFIG,
                "earliest",
                ConsumerConfig.MAX_POLL_RECORDS_CONFIG,
                properties.size(),
                // After this time a killed consumer is considered dead, and its partitions are reassigned.
                ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG,
                6000,
                ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG,
                2000)));
        factory.setBatchListener(true);
        // Offsets are committed after the listener has returned, but not if it has thrown.
        factory.getContainerProperties().setAckMode(ContainerProperties.AckMode.BATCH);
        factory.getContainerProperties().setSyncCommits(true);
        // A failed batch is redelivered as a whole without limit, because skipping it would lose messages.
        factory.setCommonErrorHandler(new DefaultErrorHandler(new FixedBackOff(1000, FixedBackOff.UNLIMITED_ATTEMPTS)));
        return factory;
    }

    /** The address of the broker. */
    record Broker(String address) {}
}
