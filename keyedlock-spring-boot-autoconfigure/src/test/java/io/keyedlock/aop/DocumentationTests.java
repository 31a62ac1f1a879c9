// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Checks the documentation: its Java examples compile ({@code …} is
 * an omitted body), its links have targets, the error texts that it quotes are in the sources, and no text of
 * the sources that a user may see is missing.
 */
class DocumentationTests {

    private static final Path ROOT = Path.of("..");

    private static final Pattern EXAMPLE = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);

    private static final Pattern CODE = Pattern.compile("```.*?```", Pattern.DOTALL);

    private static final Pattern LINK = Pattern.compile("\\]\\(([^)\\s]+)\\)");

    private static final Pattern HEADING = Pattern.compile("(?m)^#+ (.*)$");

    /** A frame of ours in a stack trace: its class and its method. */
    private static final Pattern FRAME = Pattern.compile("\\tat (io\\.keyedlock\\.[\\w.]+)\\.(\\w+)\\(");

    private static final Pattern QUOTED = Pattern.compile("`([^`]+)`");

    /** The end of a statement, a literal (its text is the group), or a comment, which may contain either. */
    private static final Pattern TOKEN = Pattern.compile(
            "\"\"\".*?\"\"\"|\"((?:[^\"\\\\\n]|\\\\.)*)\"|'(?:[^'\\\\]|\\\\.)+'|/\\*.*?\\*/|//[^\n]*|[;{}]",
            Pattern.DOTALL);

    /** Texts of the sources, or parts of them, that need no explanation. */
    private static final List<String> NOT_TO_BE_EXPLAINED = List.of(
            // Internal errors.
            "a stuck thread waits for a key whose holders are stuck",
            " did not answer each claim of a heartbeat",
            " could not renew the key",
            "the future of the idle moment does not fail",
            "a thread's waiter",
            "an entry that is not in its table",
            "every JVM has SHA-1",
            "every JVM has SHA-256",
            "'name' must not be null",
            "This JDK does not create virtual threads",
            "These metrics are already bound to a registry",
            // SQL statements.
            "SET LOCK_TIMEOUT",
            "SELECT ID",
            "SELECT has_function_privilege",
            " ORDER BY ID FOR UPDATE",
            "UPDATE ",
            "LAST_DAY) VALUES",
            " (ID, LOCK_NAME, KEY_NAME, STATE, TOKEN, LAST_DAY) ",
            "DELETE FROM ",
            // Advice in texts whose beginning a row quotes.
            "Use a public ",
            "Give the method a parameter, or leave the attribute out",
            "acquire the lock with KeyedLocker.acquireAsync and close the permit when",
            "Add io.projectreactor:reactor-core",
            "Return the value itself (with @Async",
            "Change the annotations as the arrows say",
            ", or inject the bean that you meant by its own name.",
            "Give the locker another name: write ",
            "onfigure the locker: ",
            "%n%s        %s%n",
            "%n    %s: %s",
            "Give that bean another name: write for instance",
            "Add the dependency org.springframework.boot:spring-boot-starter-data-redis",
            "no value, but nested properties",
            "Write one of ",
            "Write a duration such as 500ms, 30s or PT1M.",
            "Write true or false.",
            "Write the nested properties",
            // Parts of such texts.
            "an asynchronous caller",
            "an unauthenticated caller",
            " more keys of '",
            "a locker without settings, such as a mock,",
            // Texts that a user must enable: debug lines, recordings, meters.
            "Changed the limit of locker '{}' from {} to {}, as asked by {}",
            "Acquired {} of '{}' after {} ms",
            "Did not acquire {} of '{}' after {} ms",
            "Keyed Lock Wait",
            "A caller waited for a permit of a key",
            "Empty unless the settings of the locker show keys",
            "Time for which permits were held",
            // Messages of drivers that the code searches for.
            "onnection is closed");

    private static final String AROUND = """
            package examples;

            import static io.keyedlock.test.KeyedLockAssertions.assertThat;
            import static org.assertj.core.api.Assertions.assertThat;
            import static org.assertj.core.api.Assertions.assertThatThrownBy;
            import static org.awaitility.Awaitility.await;
            import static org.mockito.Mockito.mock;
            import static org.mockito.Mockito.when;

            import io.keyedlock.*;
            import io.keyedlock.annotation.KeyedLock;
            import io.keyedlock.aop.CurrentPermit;
            import io.keyedlock.autoconfigure.KeyLimits;
            import io.keyedlock.integration.IntegrationLockRegistry;
            import io.keyedlock.test.KeyedLockExtension;
            import jakarta.validation.Validator;
            import java.lang.annotation.*;
            import java.time.Duration;
            import java.util.*;
            import java.util.concurrent.*;
            import java.util.concurrent.locks.ReentrantLock;
            import org.apache.kafka.clients.consumer.ConsumerRecord;
            import org.junit.jupiter.api.Test;
            import org.junit.jupiter.api.extension.ExtendWith;
            import org.junit.jupiter.api.extension.RegisterExtension;
            import org.springframework.beans.factory.ObjectProvider;
            import org.springframework.beans.factory.annotation.Autowired;
            import org.springframework.beans.factory.annotation.Qualifier;
            import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
            import org.springframework.boot.test.context.SpringBootTest;
            import org.springframework.cache.annotation.Cacheable;
            import org.springframework.context.ConfigurableApplicationContext;
            import org.springframework.context.annotation.Bean;
            import org.springframework.context.event.EventListener;
            import org.springframework.core.annotation.AliasFor;
            import org.springframework.http.*;
            import org.springframework.integration.support.locks.LockRegistry;
            import org.springframework.kafka.annotation.KafkaListener;
            import org.springframework.kafka.support.Acknowledgment;
            import org.springframework.scheduling.annotation.Scheduled;
            import org.springframework.stereotype.Service;
            import org.springframework.test.context.bean.override.convention.TestBean;
            import org.springframework.test.context.bean.override.mockito.MockitoBean;
            import org.springframework.transaction.annotation.Transactional;
            import org.springframework.validation.beanvalidation.MethodValidationPostProcessor;
            import org.springframework.web.bind.annotation.*;
            import org.springframework.web.context.request.async.DeferredResult;
            import reactor.core.publisher.*;
            import reactor.core.scheduler.Schedulers;
            %s

            abstract class Given {
              record Order(long id, String customerId) {}
              record Receipt(String id) {}
              record Paid(String account) {}
              record Row(String text) {}
              record Product(String id) {}
              record Report(String text) {}
              record SecurityEvent(String address, int severity) {}
              record Balance(long amount) {
                Balance minus(long less) { return new Balance(amount - less); }
              }
              interface Client {
                CompletableFuture<Receipt> send(Order order);
                CompletableFuture<Receipt> ship(String id);
                Receipt charge(Order order);
              }
              interface Balances {
                Mono<Balance> find(String account);
                Mono<Balance> save(Balance balance);
              }
              interface Rows { Flux<Row> of(String tenant); }
              interface Accounts { Mono<Balance> withdraw(String account, long amount); }
              interface Ledger {
                boolean add(Paid paid);
                void move(String from, String to, long amount);
              }
              interface Warehouse { Receipt pack(String id); }
              interface Shipments { Mono<Receipt> ship(String id); }
              interface Cancellations { void cancel(String id); }
              interface Reports { Report write(String tenant); }
              interface Catalogue { Product load(String id); }
              interface Scores { void add(SecurityEvent event); }
              interface Receipts {
                Optional<Receipt> find(String requestId);
                Receipt save(String requestId, Receipt receipt);
              }
              interface Plans { OptionalInt limitOf(Object tenant); }
              interface Jdbc { int update(String sql, Object... arguments); }

              Client client;
              Balances balances;
              Rows rows;
              Accounts accounts;
              Ledger ledger;
              Warehouse warehouse;
              Shipments shipments;
              Reports reports;
              Catalogue catalogue;
              Scores scores;
              Receipts receipts;
              Jdbc jdbc;
              Executor executor;
              KeyedLocker<String> orders;
            }

            abstract class Example extends Given {
            %s
            }
            """;

    @TempDir
    Path directory;

    static List<Path> documents() throws IOException {
        List<Path> all = new ArrayList<>(Stream.of(
                        "README.md",
                        "CONTRIBUTING.md",
                        "checks/benchmarks/README.md",
                        "demo-app/README.md",
                        "examples/README.md")
                .map(ROOT::resolve)
                .toList());
        try (Stream<Path> files = Files.walk(ROOT.resolve("docs"))) {
            files.filter(file -> file.toString().endsWith(".md")).sorted().forEach(all::add);
        }
        return all;
    }

    @ParameterizedTest
    @MethodSource("documents")
    void everyExampleCompiles(Path document) throws Exception {
        List<String> examples = EXAMPLE.matcher(Files.readString(document))
                .results()
                .map((MatchResult found) -> found.group(1))
                .toList();
        for (String example : examples) {
            String text = example.strip();
            // What ends with an annotation stands on any method; a body that is left out is not what an example is
            // about.
            String whole = (text.endsWith(")") ? text + " void example(Order order) {}" : text)
                    .replace("…", "throw new UnsupportedOperationException();");
            Map<Boolean, String> byImport = whole.lines()
                    .collect(Collectors.partitioningBy(line -> line.startsWith("import "), Collectors.joining("\n")));
            String source = AROUND.formatted(byImport.get(true), byImport.get(false));
            CompiledSource.load(directory, "examples.Example", source, "-parameters");
        }
    }

    @ParameterizedTest
    @MethodSource("documents")
    void everyLinkHasATarget(Path document) throws Exception {
        String text = CODE.matcher(Files.readString(document)).replaceAll("");
        List<String> broken = new ArrayList<>();
        for (Matcher link = LINK.matcher(text); link.find(); ) {
            String target = link.group(1);
            if (target.contains("://")) {
                continue;
            }
            List<String> parts = List.of(target.split("#", 2));
            Path file = parts.get(0).isEmpty()
                    ? document
                    : document.resolveSibling(parts.get(0)).normalize();
            if (!Files.exists(file) || (parts.size() > 1 && !headings(file).contains(parts.get(1)))) {
                broken.add(target);
            }
        }
        assertThat(broken).isEmpty();
    }

    /** A frame of a thread dump or a logged stack trace refers to a method that the sources have. */
    @ParameterizedTest
    @MethodSource("documents")
    void everyQuotedFrameIsInTheSources(Path document) throws IOException {
        List<String> unknown = new ArrayList<>();
        for (Matcher frame = FRAME.matcher(Files.readString(document)); frame.find(); ) {
            String file = frame.group(1).replace('.', '/') + ".java";
            String method = " " + frame.group(2) + "(";
            boolean known = Stream.of("keyedlock-core", "keyedlock-spring-boot-autoconfigure", "demo-app")
                    .map(module -> ROOT.resolve(module).resolve("src/main/java").resolve(file))
                    .filter(Files::exists)
                    .anyMatch(source -> read(source).contains(method));
            if (!known) {
                unknown.add(frame.group());
            }
        }
        assertThat(unknown).isEmpty();
    }

    private static List<String> headings(Path file) throws IOException {
        return HEADING.matcher(Files.readString(file))
                .results()
                .map(found -> found.group(1)
                        .toLowerCase(Locale.ROOT)
                        .replaceAll("[^\\p{L}\\p{N} -]", "")
                        .replace(' ', '-'))
                .toList();
    }

    /** The first column of the tables quotes the constant parts of messages. */
    @Test
    void errorTextsMatchTheSources() throws IOException {
        String sources = sources()
                .collect(Collectors.joining())
                // Texts that are concatenated from several lines.
                .replaceAll("\"\\s*\\+\\s*\"", "");
        List<String> unknown = new ArrayList<>();
        for (List<String> quotes : quotesOfTroubleshooting()) {
            quotes.stream().filter(quote -> !sources.contains(quote)).forEach(unknown::add);
        }
        assertThat(unknown).isEmpty();
    }

    /** Each statement with a text of three words or more contains all quotes of a row. */
    @Test
    void errorTextsOfTheSourcesAreExplained() throws IOException {
        List<List<String>> rows = quotesOfTroubleshooting();
        List<String> excepted = new ArrayList<>(NOT_TO_BE_EXPLAINED);
        List<List<String>> unexplained = new ArrayList<>();
        for (String source : sources().toList()) {
            for (List<String> texts : textsByStatement(source)) {
                boolean explained =
                        rows.stream().anyMatch(quotes -> quotes.stream().allMatch(isIn(texts)));
                if (!explained && NOT_TO_BE_EXPLAINED.stream().noneMatch(isIn(texts))) {
                    unexplained.add(texts);
                }
                if (!explained) {
                    excepted.removeIf(isIn(texts));
                }
            }
        }
        assertThat(unexplained)
                .as("texts without a row in docs/troubleshooting.md or an exception in this test")
                .isEmpty();
        assertThat(excepted).as("exceptions that match no text").isEmpty();
    }

    private static Predicate<String> isIn(List<String> texts) {
        return quote -> texts.stream().anyMatch(text -> text.contains(quote));
    }

    /** Returns the quotes in the first column of each row. */
    private static List<List<String>> quotesOfTroubleshooting() throws IOException {
        return Files.readAllLines(ROOT.resolve("docs/troubleshooting.md")).stream()
                .filter(line -> line.startsWith("| `"))
                .map(line -> QUOTED.matcher(line.substring(1, line.indexOf('|', 1)))
                        .results()
                        .map(found -> found.group(1))
                        .toList())
                .toList();
    }

    /** Returns the literals of each statement that has one of three words or more. Concatenated literals are joined. */
    private static List<List<String>> textsByStatement(String source) {
        List<List<String>> statements = new ArrayList<>();
        List<String> texts = new ArrayList<>();
        int end = 0;
        for (Matcher token = TOKEN.matcher(source); token.find(); ) {
            String text = token.group(1);
            if (text != null) {
                int last = texts.size() - 1;
                if (last >= 0 && source.substring(end, token.start()).strip().equals("+")) {
                    texts.set(last, texts.get(last) + text);
                } else {
                    texts.add(text);
                }
                end = token.end();
            } else if (";{}".contains(token.group())) {
                if (texts.stream().anyMatch(DocumentationTests::hasThreeWords)) {
                    statements.add(List.copyOf(texts));
                }
                texts.clear();
            }
        }
        return statements;
    }

    private static boolean hasThreeWords(String text) {
        return Stream.of(text.split("\\s+", -1))
                        .filter(word -> word.matches(".*[A-Za-z].*"))
                        .count()
                >= 3;
    }

    private static Stream<String> sources() throws IOException {
        List<Path> files;
        try (Stream<Path> core = Files.walk(ROOT.resolve("keyedlock-core/src/main/java"));
                Stream<Path> ours = Files.walk(Path.of("src/main/java"))) {
            files = Stream.concat(core, ours)
                    .filter(file -> file.toString().endsWith(".java"))
                    .toList();
        }
        return files.stream().map(DocumentationTests::read);
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
