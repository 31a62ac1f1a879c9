// SPDX-License-Identifier: Apache-2.0
package example;

import io.keyedlock.annotation.KeyedLock;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.stereotype.Component;
import org.springframework.stereotype.Service;

/** Two topics change the same accounts. The lock makes their listeners exclude each other for one account. */
@SpringBootApplication
public class PaymentsApplication {

    public static void main(String[] args) {
        SpringApplication.run(PaymentsApplication.class, args);
    }
}

@Component
class Listeners {

    private final Ledger ledger;

    Listeners(Ledger ledger) {
        this.ledger = ledger;
    }

    @KafkaListener(topics = "payments")
    @KeyedLock(name = "accounts", key = "#record.key()")
    public void pay(ConsumerRecord<String, String> record) {
        ledger.add(record.key(), Integer.parseInt(record.value()));
    }

    @KafkaListener(topics = "refunds")
    @KeyedLock(name = "accounts", key = "#record.key()")
    public void refund(ConsumerRecord<String, String> record) {
        ledger.add(record.key(), -Integer.parseInt(record.value()));
    }
}

/** Reads a balance and writes it back, which loses updates unless the callers exclude each other. */
@Service
class Ledger {

    private final Map<String, Integer> balances = new ConcurrentHashMap<>();

    void add(String account, int amount) {
        int balance = balance(account);
        Thread.yield();
        balances.put(account, balance + amount);
    }

    int balance(String account) {
        return balances.getOrDefault(account, 0);
    }
}
