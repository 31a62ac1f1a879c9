// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.kafka;

import io.keyedlock.demo.batches.BatchWay;
import io.keyedlock.demo.batches.Step;
import io.keyedlock.demo.batches.StepBatches;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.springframework.context.annotation.Profile;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.stereotype.Component;

/** Processes the batches of the topics. Each is committed after success and redelivered after a failure. */
@Component
@Profile("kafka")
class StepListener {

    private static final String LISTEN = "${demo.kafka.listen:true}";

    private final StepBatches batches;

    StepListener(StepBatches batches) {
        this.batches = batches;
    }

    @KafkaListener(topics = StepTopics.IN_ORDER, groupId = StepTopics.IN_ORDER, autoStartup = LISTEN)
    void inOrder(List<ConsumerRecord<String, String>> batch) throws InterruptedException {
        handle(batch, BatchWay.IN_ORDER);
    }

    @KafkaListener(topics = StepTopics.UNORDERED, groupId = StepTopics.UNORDERED, autoStartup = LISTEN)
    void unordered(List<ConsumerRecord<String, String>> batch) throws InterruptedException {
        handle(batch, BatchWay.UNORDERED);
    }

    @KafkaListener(topics = StepTopics.ONE_BY_ONE, groupId = StepTopics.ONE_BY_ONE, autoStartup = LISTEN)
    void oneByOne(List<ConsumerRecord<String, String>> batch) throws InterruptedException {
        handle(batch, BatchWay.ONE_BY_ONE);
    }

    private void handle(List<ConsumerRecord<String, String>> batch, BatchWay way) throws InterruptedException {
        batches.handle(
                batch.stream()
                        .map(message -> Step.of(message.key(), message.value()))
                        .toList(),
                way);
    }
}
