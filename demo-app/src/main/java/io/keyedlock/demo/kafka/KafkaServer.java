// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.kafka;

import io.keyedlock.demo.servers.EmbeddedServer;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.EmbeddedKafkaKraftBroker;

/** A Kafka broker in KRaft mode. Its topics are lost when it stops. */
public final class KafkaServer implements EmbeddedServer {

    private @Nullable EmbeddedKafkaBroker broker;

    /** Creates a broker without starting it. */
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
