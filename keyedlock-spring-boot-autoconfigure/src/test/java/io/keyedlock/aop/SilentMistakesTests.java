// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.annotation.KeyedLock;
import java.lang.reflect.Constructor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.function.IntSupplier;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.beans.factory.FactoryBean;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Scope;
import reactor.core.publisher.Mono;

/** Startup findings for methods that would run without the expected lock or under a wider one. */
@ExtendWith(OutputCaptureExtension.class)
class SilentMistakesTests {

    private static List<Finding> findings(ApplicationContextRunner runner) {
        List<Finding> findings = new java.util.ArrayList<>();
        runner.run(context -> {
            if (context.getStartupFailure() instanceof InvalidKeyedLockException failure) {
                findings.addAll(failure.findings());
            } else {
                assertThat(context).hasNotFailed();
            }
        });
        return findings;
    }

    private static void assertFinding(List<Finding> findings, String method, String problem, String remedy) {
        assertThat(findings)
                .filteredOn(finding -> finding.method().startsWith(method + "("))
                .as(method)
                .singleElement()
                .satisfies(finding -> {
                    assertThat(finding.problem()).contains(problem);
                    assertThat(finding.remedy()).contains(remedy);
                });
    }

    // ---- parameter names hidden by the root

    record Node(String id, String method) {}

    static class NamedAsTheCall {

        @KeyedLock(key = "#root")
        public void wholeCall(String id) {}

        @KeyedLock(key = "#this")
        public void wholeCallAgain(String id) {}

        @KeyedLock(key = "{#id, #root}")
        public void callAmongParts(String id) {}

        @KeyedLock(key = "#root")
        public void rootParameter(String root) {}

        @KeyedLock(key = "#root.id")
        public void propertyOfRootParameter(Node root) {}

        @KeyedLock(key = "#id", condition = "#root != null")
        public void conditionOnRoot(String id, String root) {}

        @KeyedLock(key = "method")
        public void methodWithoutHash(String method) {}

        @KeyedLock(key = "{args, #id}")
        public void argsWithoutHash(String id, List<String> args) {}

        @KeyedLock(key = "T(java.util.Objects).hash(target)")
        public void targetAsArgument(String target) {}

        @KeyedLock(key = "#root.method")
        public void rightMethodOfTheCall(String method) {}

        @KeyedLock(key = "#method")
        public void rightMethod(String method) {}

        @KeyedLock(key = "method")
        public void rightWithoutSuchAParameter(String id) {}

        @KeyedLock(key = "#node.method")
        public void rightProperty(Node node, String method) {}

        @KeyedLock(key = "#nodes.![method]")
        public void rightProjection(List<Node> nodes, String method) {}

        @KeyedLock(key = "#words[method]")
        public void rightMapKey(Map<String, String> words, String method) {}

        @KeyedLock(key = "{method: #id}")
        public void rightMap(String id, String method) {}

        @KeyedLock(key = "#ids.![#this]")
        public void rightElement(List<String> ids) {}

        @KeyedLock(key = "#p0")
        public void rightByIndex(String root) {}

        @KeyedLock(key = "#root.args")
        public void rightArguments(String id) {}
    }

    @Test
    void parameterNamesHiddenByTheRootAreReported() {
        List<Finding> findings = findings(Contexts.runner(NamedAsTheCall.class));
        for (String method : List.of("wholeCall", "wholeCallAgain", "callAmongParts")) {
            assertFinding(findings, method, "uses the call itself as the key", "Use a parameter");
        }
        assertFinding(findings, "rootParameter", "uses #root, which is the call itself", "Write #p0");
        assertFinding(findings, "propertyOfRootParameter", "uses #root, which is the call itself", "Write #p0");
        assertFinding(findings, "conditionOnRoot", "uses #root, which is the call itself", "Write #p1");
        assertFinding(findings, "methodWithoutHash", "reads 'method' of the call", "Write #method for the parameter");
        assertFinding(findings, "argsWithoutHash", "reads 'args' of the call", "or #root.args for that of the call");
        assertFinding(findings, "targetAsArgument", "reads 'target' of the call", "Write #target");
        assertThat(findings).noneMatch(finding -> finding.method().startsWith("right"));
    }

    // ---- results used after the release

    /** Like an aggregate of an application. */
    record Job(String name) implements Runnable, Supplier<String> {

        @Override
        public void run() {}

        @Override
        public String get() {
            return name;
        }
    }

    /** Like a page of Spring Data. */
    interface Page<T> extends Iterable<T>, Supplier<Stream<T>> {}

    static class Lazy {

        @KeyedLock
        public Stream<String> stream() {
            return Stream.of();
        }

        @KeyedLock
        public IntStream ints() {
            return IntStream.of();
        }

        @KeyedLock
        public Iterator<String> iterator() {
            return List.<String>of().iterator();
        }

        @KeyedLock
        public Supplier<String> supplier() {
            return () -> "";
        }

        @KeyedLock
        public IntSupplier intSupplier() {
            return () -> 1;
        }

        @KeyedLock
        public Runnable runnable() {
            return () -> {};
        }

        @KeyedLock
        public Optional<Stream<String>> within() {
            return Optional.empty();
        }

        @KeyedLock
        public CompletableFuture<Stream<String>> inFuture() {
            return CompletableFuture.completedFuture(Stream.of());
        }

        @KeyedLock
        public Mono<Iterator<String>> inMono() {
            return Mono.empty();
        }

        @KeyedLock
        public Callable<String> callable() {
            return () -> "";
        }

        @KeyedLock
        public List<String> rightList() {
            return List.of();
        }

        @KeyedLock
        public Iterable<String> rightIterable() {
            return List.of();
        }

        @KeyedLock
        public Job rightAggregate() {
            return new Job("");
        }

        @KeyedLock
        public Optional<Page<String>> rightPage() {
            return Optional.empty();
        }

        @KeyedLock
        public Map<String, Supplier<String>> rightMap() {
            return Map.of();
        }
    }

    @Test
    void resultsUsedAfterTheReleaseAreReported() {
        List<Finding> findings = findings(Contexts.runner(Lazy.class));
        for (Map.Entry<String, String> each : Map.of(
                        "stream", "(Stream)",
                        "ints", "(IntStream)",
                        "iterator", "(Iterator)",
                        "supplier", "(Supplier)",
                        "intSupplier", "(IntSupplier)",
                        "runnable", "(Runnable)",
                        "within", "(Optional<Stream>)",
                        "inFuture", "(CompletableFuture<Stream>)",
                        "inMono", "(Mono<Iterator>)")
                .entrySet()) {
            assertFinding(
                    findings,
                    each.getKey(),
                    "its result is used later " + each.getValue(),
                    "Return the values themselves");
        }
        assertFinding(findings, "callable", "its result finishes later (Callable)", "Return the value itself");
        assertThat(findings).noneMatch(finding -> finding.method().startsWith("right"));
    }

    static class Undeclared {

        @KeyedLock
        public Object stream() {
            return Stream.of();
        }
    }

    @Test
    void undeclaredStreamFailsItsCall() {
        Contexts.with(
                Undeclared.class,
                bean -> assertThatThrownBy(bean::stream)
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("it returned a Stream"));
    }

    // ---- prototype lockers

    @Configuration(proxyBeanMethods = false)
    static class Prototypes {

        @Bean
        @Scope("prototype")
        KeyedLocker<String> orders() {
            return KeyedLocker.create(KeyedLockerSettings.defaults().withName("orders"));
        }
    }

    static class NamesAPrototype {

        @KeyedLock("orders")
        public void ship() {}
    }

    @Test
    void prototypeOfALockerIsReported() {
        assertFinding(
                findings(Contexts.runner(NamesAPrototype.class).withUserConfiguration(Prototypes.class)),
                "ship",
                "the locker bean 'orders' is of scope prototype",
                "Make it a singleton");
    }

    // ---- two interfaces

    interface First {

        @KeyedLock(name = "orders", key = "#id")
        void ship(String id);

        @KeyedLock(name = "orders", key = "#id")
        void same(String id);

        @KeyedLock(key = "#id")
        void own(String id);

        @KeyedLock(name = "orders", key = "#id")
        void beaten(String id);
    }

    interface Second {

        @KeyedLock(name = "tenants", key = "#id")
        void ship(String id);

        @KeyedLock(name = "orders", key = "#id")
        void same(String id);

        @KeyedLock(key = "#id")
        void own(String id);

        @KeyedLock(name = "tenants", key = "#id")
        void beaten(String id);
    }

    static class Both implements First, Second {

        @Override
        public void ship(String id) {}

        @Override
        public void same(String id) {}

        @Override
        public void own(String id) {}

        @Override
        @KeyedLock(name = "orders", key = "#id")
        public void beaten(String id) {}
    }

    interface Nearer extends First {

        @Override
        @KeyedLock(name = "tenants", key = "#id")
        void ship(String id);
    }

    static class OfOneLine implements Nearer {

        @Override
        public void ship(String id) {}

        @Override
        public void same(String id) {}

        @Override
        public void own(String id) {}

        @Override
        public void beaten(String id) {}
    }

    @KeyedLock("orders")
    interface FirstType {

        void ship(String id);

        void only(String id);
    }

    @KeyedLock("tenants")
    interface SecondType {

        void ship(String id);
    }

    static class BothTypes implements FirstType, SecondType {

        @Override
        public void ship(String id) {}

        @Override
        public void only(String id) {}
    }

    @Test
    void twoInterfacesThatLockOneMethodDifferentlyAreReported() {
        List<Finding> findings = findings(Contexts.runner(Both.class, OfOneLine.class, BothTypes.class)
                .withPropertyValues("keyedlock.locks.orders.limit=1", "keyedlock.locks.tenants.limit=1"));
        String here = SilentMistakesTests.class.getName() + "$";
        assertThat(findings)
                .extracting(Finding::problem)
                .containsExactlyInAnyOrder(
                        "two interfaces lock it differently: " + here + "First.ship(String) and " + here
                                + "Second.ship(String)",
                        "two interfaces lock it differently: " + here + "First.own(String) and " + here
                                + "Second.own(String)",
                        "two interfaces lock it differently: " + here + "FirstType and " + here + "SecondType");
        assertThat(findings).allSatisfy(finding -> {
            assertThat(finding.className()).startsWith(here + "Both");
            assertThat(finding.remedy()).startsWith("Put @KeyedLock on this method");
        });
    }

    // ---- unreadable classes

    @Test
    void unreadableClassWithAnAnnotatedMethodIsReported(@TempDir Path directory) throws Exception {
        Class<?> type = unreadable(directory, "@io.keyedlock.annotation.KeyedLock");
        assertThat(findings(made(type))).singleElement().satisfies(finding -> {
            assertThat(finding.className()).isEqualTo("sample.Unreadable");
            assertThat(finding.problem())
                    .contains("its methods cannot be read")
                    .contains("sample")
                    .contains("Gone");
            assertThat(finding.remedy()).contains("Add the missing class");
        });
    }

    @Test
    void annotationInheritedByAnUnreadableClassIsReported(@TempDir Path directory) throws Exception {
        Class<?> heir = CompiledSource.load(
                directory,
                "sample.Heir",
                SOURCE.formatted("", "@io.keyedlock.annotation.KeyedLock") + "final class Heir extends Unreadable {}");
        Files.delete(directory.resolve("sample/Gone.class"));
        assertThat(findings(made(heir)))
                .singleElement()
                .satisfies(finding -> assertThat(finding.problem()).contains("its methods cannot be read"));
    }

    @Test
    void otherUnreadableClassesCauseAWarning(@TempDir Path directory, CapturedOutput output) throws Exception {
        Class<?> type = unreadable(directory, "");
        assertThat(findings(made(type))).isEmpty();
        assertThat(output)
                .containsOnlyOnce("The methods of the bean 'made' (sample.Unreadable) cannot be read")
                .containsPattern("sample[./]Gone. Add the missing class");
    }

    @Test
    void disabledAdviceWarnsOfUnreadableClasses(@TempDir Path directory, CapturedOutput output) throws Exception {
        Class<?> type = unreadable(directory, "@io.keyedlock.annotation.KeyedLock");
        made(type)
                .withPropertyValues("keyedlock.enabled=false")
                .run(context -> assertThat(context).hasNotFailed());
        assertThat(output).contains("The methods of the bean 'made' (sample.Unreadable) cannot be read");
    }

    private static final String SOURCE = """
            package sample;

            class Gone {}

            %s class Unreadable {
                %s
                public void ship() {}

                public void other(Gone gone) {}
            }
            """;

    /** A class that refers to a missing one. It is final, so that no proxy creator reads it. */
    private static Class<?> unreadable(Path directory, String annotation) throws Exception {
        Class<?> type = CompiledSource.load(directory, "sample.Unreadable", SOURCE.formatted("final", annotation));
        Files.delete(directory.resolve("sample/Gone.class"));
        return type;
    }

    private static ApplicationContextRunner made(Class<?> type) {
        return Contexts.runner().withBean("made", Made.class, () -> new Made(type));
    }

    /** Spring reads the class of a factory's product only to proxy it. */
    record Made(Class<?> type) implements FactoryBean<Object> {

        @Override
        public Object getObject() throws ReflectiveOperationException {
            Constructor<?> constructor = type.getDeclaredConstructor();
            constructor.setAccessible(true);
            return constructor.newInstance();
        }

        @Override
        public Class<?> getObjectType() {
            return type;
        }
    }
}
