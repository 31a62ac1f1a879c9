// SPDX-License-Identifier: Apache-2.0
package example;

import static org.awaitility.Awaitility.await;

import io.keyedlock.KeyedLocker;
import io.keyedlock.Permit;
import io.keyedlock.test.KeyedLockExtension;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.test.context.EmbeddedKafka;

@SpringBootTest(properties = "keyedlock.locks.accounts.wait-time=60s")
@EmbeddedKafka(
        topics = {"payments", "refunds"},
        partitions = 1,
        kraft = true,
        bootstrapServersProperty = "spring.kafka.bootstrap-servers")
@ExtendWith(KeyedLockExtension.class)
class PaymentsApplicationTests {

    @Autowired
    KafkaTemplate<String, String> kafka;

    @Autowired
    Ledger ledger;

    @Autowired
    @Qualifier("accounts")
    KeyedLocker<String> accounts;

    @Test
    void listenersOfTwoTopicsWaitForTheSameAccount() {
        try (Permit permit = accounts.acquireAsync("42").join()) {
            kafka.send("payments", "42", "100");
            kafka.send("refunds", "42", "30");
            await().atMost(Duration.ofMinutes(1))
                    .until(() -> accounts.snapshot("42").orElseThrow().waiters().size() == 2);
        }
        await().atMost(Duration.ofMinutes(1)).until(() -> ledger.balance("42") == 70);
    }
}
