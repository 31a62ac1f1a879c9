// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.kafka;

import io.keyedlock.demo.batches.BatchWay;
import io.keyedlock.demo.batches.Step;
import io.keyedlock.demo.batches.StepSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.springframework.context.annotation.Profile;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.stereotype.Component;

/** Sends messages to a topic whose listener receives them in batches. */
@Component
@Profile("kafka")
class KafkaSource implements StepSource {

    private final KafkaTemplate<String, String> kafka;
    private final KafkaConfiguration.Broker broker;

    KafkaSource(KafkaTemplate<String, String> kafka, KafkaConfiguration.Broker broker) {
        this.kafka = kafka;
        this.broker = broker;
    }

    @Override
    public String description() {
        return "Kafka at " + broker.address();
    }

    @Override
    public void send(List<Step> steps, BatchWay way) {
        List<CompletableFuture<?>> sent = new ArrayList<>(steps.size());
        for (Step step : steps) {
            sent.add(kafka.send(StepTopics.of(way), step.order(), step.text()));
        }
        kafka.flush();
        CompletableFuture.allOf(sent.toArray(CompletableFuture<?>[]::new)).join();
    }
}
