// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The examples of {@code docs/results.md} compile, each with what its words leave to the reader. */
class ResultsDocumentTests {

    private static final Pattern EXAMPLE = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);

    private static final String AROUND = """
            package examples;

            import io.keyedlock.*;
            import io.keyedlock.annotation.KeyedLock;
            import java.util.List;
            import java.util.concurrent.CompletableFuture;
            import org.apache.kafka.clients.consumer.ConsumerRecord;
            import org.springframework.context.event.EventListener;
            import org.springframework.kafka.annotation.KafkaListener;
            import org.springframework.web.bind.annotation.*;
            import org.springframework.web.context.request.async.DeferredResult;
            import reactor.core.publisher.*;

            abstract class Example%d {

              record Order(long id) {}
              record Receipt(String id) {}
              record Paid(String account) {}
              record Row(String text) {}
              record Balance(long amount) {
                Balance minus(long less) { return new Balance(amount - less); }
              }
              interface Client {
                CompletableFuture<Receipt> send(Order order);
                CompletableFuture<Receipt> ship(String id);
              }
              interface Balances {
                Mono<Balance> find(String account);
                Mono<Balance> save(Balance balance);
              }
              interface Rows { Flux<Row> of(String tenant); }
              interface Accounts { Mono<Balance> withdraw(String account, long amount); }
              interface Ledger { void add(Paid paid); }
              interface Shipments { Mono<Receipt> ship(String id); }

              Client client;
              Balances balances;
              Rows rows;
              Accounts accounts;
              Ledger ledger;
              Shipments shipments;
              KeyedLocker<String> orders;

            %s
            }
            """;

    @TempDir
    Path directory;

    @Test
    void everyExampleCompiles() throws IOException, ClassNotFoundException {
        List<String> examples = EXAMPLE.matcher(Files.readString(Path.of("..", "docs", "results.md")))
                .results()
                .map((MatchResult found) -> found.group(1))
                .toList();
        assertThat(examples).hasSizeGreaterThan(3);
        for (int i = 0; i < examples.size(); i++) {
            CompiledSource.load(directory, "examples.Example" + i, AROUND.formatted(i, examples.get(i)), "-parameters");
        }
    }
}
