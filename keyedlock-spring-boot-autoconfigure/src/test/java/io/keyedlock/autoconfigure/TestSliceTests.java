// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import io.keyedlock.aop.CompiledSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.junit.platform.testkit.engine.EngineExecutionResults;
import org.junit.platform.testkit.engine.EngineTestKit;
import org.springframework.util.ClassUtils;

/**
 * Annotated beans in test slices. The annotations of the slices have other names in each Spring Boot, so that the test classes are
 * compiled here.
 */
class TestSliceTests {

    private static final Path IMPORTS = Path.of("src/main/resources/META-INF/spring");

    private static final String OLD = "org.springframework.boot.test.autoconfigure.";

    private static final String OF_MVC = """
            package slices;

            import static org.assertj.core.api.Assertions.assertThat;

            import io.keyedlock.*;
            import io.keyedlock.annotation.KeyedLock;
            import org.junit.jupiter.api.Test;
            import org.springframework.beans.factory.annotation.Autowired;
            import org.springframework.boot.autoconfigure.SpringBootApplication;
            import org.springframework.context.annotation.Import;
            import org.springframework.test.context.ContextConfiguration;
            import org.springframework.test.web.servlet.MockMvc;
            import org.springframework.test.web.servlet.request.MockMvcRequestBuilders;
            import org.springframework.web.bind.annotation.*;

            @%s(properties = {"keyedlock.locks.orders.wait-time=0s", "keyedlock.locks.orders.backend=redis"})
            @ContextConfiguration(classes = SliceOfMvc.Application.class)
            @Import(SliceOfMvc.Shipping.class)
            public class SliceOfMvc {

              @SpringBootApplication
              static class Application {}

              @RestController
              static class Shipping {

                @KeyedLock(name = "orders", key = "#id")
                @GetMapping("/orders/{id}")
                public String ship(@PathVariable("id") String id) {
                  return "shipped";
                }
              }

              @Autowired
              MockMvc mvc;

              @Autowired
              KeyedLockerRegistry lockers;

              @Test
              void answers429() throws Exception {
                KeyedLocker<String> orders = lockers.get("orders");
                try (Permit elsewhere = orders.acquireAsync("42").join()) {
                  assertThat(get()).isEqualTo(429);
                }
                assertThat(get()).isEqualTo(200);
              }

              private int get() throws Exception {
                return mvc.perform(MockMvcRequestBuilders.get("/orders/42")).andReturn().getResponse().getStatus();
              }
            }
            """;

    private static final String OF_JDBC = """
            package slices;

            import static org.assertj.core.api.Assertions.assertThatThrownBy;

            import io.keyedlock.*;
            import io.keyedlock.annotation.KeyedLock;
            import org.junit.jupiter.api.Test;
            import org.springframework.beans.factory.annotation.Autowired;
            import org.springframework.boot.autoconfigure.SpringBootApplication;
            import org.springframework.context.annotation.Import;
            import org.springframework.test.context.ContextConfiguration;

            @%s
            @ContextConfiguration(classes = SliceOfJdbc.Application.class)
            @Import(SliceOfJdbc.Shipping.class)
            public class SliceOfJdbc {

              @SpringBootApplication
              static class Application {}

              static class Shipping {

                @KeyedLock(key = "#id", waitTime = "0s")
                public void ship(String id) {}
              }

              @Autowired
              Shipping shipping;

              @Autowired
              KeyedLockerRegistry lockers;

              @Test
              void locks() {
                // The transaction of the test holds this key.
                shipping.ship("41");
                KeyedLocker<String> own = lockers.get(Shipping.class.getName() + ".ship(String)");
                try (Permit elsewhere = own.acquireAsync("42").join()) {
                  assertThatThrownBy(() -> shipping.ship("42")).isInstanceOf(LockTimeoutException.class);
                }
              }
            }
            """;

    @TempDir
    Path directory;

    @Test
    void controllerIsLockedAndAnswers429InItsSlice() throws Exception {
        run(
                "slices.SliceOfMvc",
                OF_MVC,
                OLD + "web.servlet.WebMvcTest",
                "org.springframework.boot.webmvc.test.autoconfigure.WebMvcTest");
    }

    @Test
    void beanIsLockedInTheSliceOfADatabase() throws Exception {
        run(
                "slices.SliceOfJdbc",
                OF_JDBC,
                OLD + "jdbc.JdbcTest",
                "org.springframework.boot.jdbc.test.autoconfigure.JdbcTest");
    }

    private void run(String name, String source, String... annotations) throws Exception {
        String annotation = Stream.of(annotations)
                .filter(each -> ClassUtils.isPresent(each, getClass().getClassLoader()))
                .findFirst()
                .orElseThrow();
        Class<?> test = CompiledSource.load(directory, name, source.formatted(annotation), "-parameters");
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        thread.setContextClassLoader(test.getClassLoader());
        try {
            EngineExecutionResults results = EngineTestKit.engine("junit-jupiter")
                    .selectors(selectClass(test))
                    .execute();
            assertThat(results.allEvents().failed().list()).isEmpty();
            results.testEvents().assertStatistics(statistics -> statistics.succeeded(1));
        } finally {
            thread.setContextClassLoader(before);
        }
    }

    /** The other Spring Boot has these classes in other packages. */
    @ParameterizedTest
    @ValueSource(
            strings = {"web.servlet.AutoConfigureWebMvc", "jdbc.AutoConfigureJdbc", "orm.jpa.AutoConfigureDataJpa"})
    void slicesHaveTheNamesOfEachSpringBoot(String old) throws IOException {
        List<String> names = importsOf();
        assertThat(names).contains(OLD + old);
        if (!ClassUtils.isPresent(OLD + "web.servlet.WebMvcTest", getClass().getClassLoader())) {
            return;
        }
        assertThat(names.stream().filter(name -> name.startsWith(OLD)))
                .allMatch(name -> ClassUtils.isPresent(name, getClass().getClassLoader()));
    }

    @Test
    void allSlicesImportTheSame() throws IOException {
        List<String> names = importsOf();
        assertThat(names.stream().filter(name -> name.startsWith(OLD)).count()).isEqualTo(names.size() / 2);
        String content = Files.readString(IMPORTS.resolve(names.get(0) + ".imports"));
        for (String name : names) {
            assertThat(IMPORTS.resolve(name + ".imports")).hasContent(content);
        }
    }

    private static List<String> importsOf() throws IOException {
        try (Stream<Path> files = Files.list(IMPORTS)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.contains(".AutoConfigure") && name.endsWith(".imports"))
                    .map(name -> name.substring(0, name.length() - ".imports".length()))
                    .filter(name -> !name.endsWith(".AutoConfiguration"))
                    .sorted()
                    .toList();
        }
    }
}
