// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.kafka;

import io.keyedlock.demo.servers.EmbeddedServer;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.EmbeddedKafkaKraftBroker;

/** A Kafka broker in KRaft mode. Its topics live as long as it does. */
public final class KafkaServer implements EmbeddedServer {

    private @Nullable EmbeddedKafkaBroker broker;

    /** Makes a broker that is not started yet. */
    public KafkaServer() {}

    @Override
    public String start(Path directory) {
        EmbeddedKafkaBroker starting = new EmbeddedKafkaKraftBroker(1, 1).adminTimeout(120);
        starting.afterPropertiesSet();
        broker = starting;
        return starting.getBrokersAsString();
    }

    @Override
    public void stop() {
        if (broker != null) {
            broker.destroy();
        }
    }
}
