// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.mockito.Mockito.mock;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.annotation.KeyedLock;
import io.keyedlock.autoconfigure.KeyedLockAopAutoConfiguration;
import io.keyedlock.autoconfigure.KeyedLockAutoConfiguration;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.beans.factory.BeanCreationException;
import org.springframework.beans.factory.BeanFactory;
import org.springframework.beans.factory.BeanFactoryAware;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.beans.factory.config.BeanFactoryPostProcessor;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.beans.factory.support.BeanDefinitionRegistry;
import org.springframework.beans.factory.support.RootBeanDefinition;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.cache.interceptor.KeyGenerator;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.PriorityOrdered;
import org.springframework.core.annotation.AliasFor;

/** The startup report of invalid annotations. */
@ExtendWith(OutputCaptureExtension.class)
class StartupValidationTests {

    private static final String HERE = StartupValidationTests.class.getName() + "$";

    @Test
    void everyMistakeIsInOneReport() {
        List<Finding> findings = findings(Wrong.class, "keyedlock.locks.orders.limit=2");
        assertFinding(findings, "syntax", "key = \"#id.\" is not an expression", "Write for instance \"#order.id\"");
        assertFinding(findings, "template", "key = \"#{#id}\" is not an expression", "Leave out #{ and }");
        assertFinding(
                findings,
                "typo",
                "uses #ordr, and typo has no parameter of that name (it has #order",
                "Did you mean #order?");
        assertFinding(findings, "farOff", "uses #zzzzzz", "Use one of them, or #p0 for the first");
        assertFinding(findings, "noParameters", "it has none", "Give the method a parameter");
        assertFinding(findings, "badIndex", "uses #p1", "Use one of them");
        assertFinding(findings, "conditionTypo", "condition = \"#ordr != null\" uses #ordr", "Did you mean #order?");
        assertFinding(
                findings, "forgottenHash", "reads a property 'order' of #root", "Did you mean the parameter #order?");
        assertFinding(findings, "forgottenQuotes", "reads a property 'everything'", "'everything' in single quotes");
        assertFinding(findings, "function", "calls a function #hash", "Call a method of a bean");
        assertFinding(findings, "unknownBean", "uses @tenants, and there is no bean", "Define the bean");
        assertFinding(
                findings, "unknownLocker", "there is no locker 'order'; there is 'orders'", "Did you mean 'orders'?");
        assertFinding(findings, "unknownLocker", "", "keyedlock.locks.order.limit: 1");
        assertFinding(
                findings,
                "otherLimit",
                "limit = 3, but the locker 'orders' that it names has limit 2",
                "Leave the limit out");
        assertFinding(findings, "keyAndKeys", "key and keys are mutually exclusive", "Keep one of them");
        assertFinding(findings, "keyAndGenerator", "key and keyGenerator are mutually exclusive", "Keep one of them");
        assertFinding(findings, "limitZero", "limit = 0 admits nobody", "Write 1 or more");
        assertFinding(findings, "limitNegative", "limit = -7 admits nobody", "Write 1 or more");
        assertFinding(findings, "limitTwice", "limit and limitString are mutually exclusive", "Keep one of them");
        assertFinding(findings, "limitGarbage", "limitString = \"many\" is not a limit", "whole number");
        assertFinding(findings, "limitStringZero", "limitString = \"0\" is not a limit", "1 or more");
        assertFinding(findings, "waitGarbage", "waitTime = \"soon\" is not a duration", "\"500ms\"");
        assertFinding(findings, "waitNegative", "waitTime = \"-2s\" is negative", "\"0s\"");
        assertFinding(findings, "waitNoUnit", "waitTime = \"500\" has no unit", "\"500ms\"");
        assertFinding(findings, "waitAndReject", "no meaning with policy = REJECT", "Leave out waitTime");
        assertFinding(findings, "waitAndSkip", "no meaning with policy = SKIP", "Leave out waitTime");
        assertFinding(
                findings,
                "placeholder",
                "waitTime = \"${no.such}\" has a placeholder that does not resolve",
                "${name:default}");
        assertFinding(findings, "keyPlaceholder", "key = \"'${no.such}'\" has a placeholder", "@environment");
        assertFinding(findings, "skipPrimitive", "policy = SKIP returns nothing, and int has no empty value", "REJECT");
        assertFinding(findings, "skipObject", "String has no empty value", "REJECT");
        assertFinding(
                findings,
                "unknownGenerator",
                "keyGenerator = \"byUsr\" names no bean; there is 'byUser'",
                "Did you mean \"byUser\"?");
        assertFinding(
                findings, "notAGenerator", "names a bean of class java.lang.String", KeyGenerator.class.getName());
        assertFinding(findings, "finalMethod", "the method is final", "Remove final");
        assertFinding(findings, "privateMethod", "the method is private", "Remove private");
        assertFinding(findings, "staticMethod", "the method is static", "Remove static");
        assertFinding(findings, "contradiction", "its attributes contradict each other", "either value or name");
        assertFinding(
                findings,
                "twice",
                "two of its annotations use the locker",
                "Give each annotation the name of a locker");
        assertThat(findings).noneMatch(finding -> finding.method().startsWith("right"));
        assertThat(findings).extracting(Finding::method).doesNotHaveDuplicates();
    }

    @Test
    void expressionsWithOpenTypesAreAccepted() {
        Contexts.runner(Legal.class).withBean("keys", Keys.class).run(context -> {
            assertThat(context).hasNotFailed();
            Legal legal = context.getBean(Legal.class);
            List<Event> events = List.of(new Event("acme", "1"), new Event("acme", "2"));
            legal.joined(events);
            legal.selected(events);
            legal.argumentOfABean(events);
            legal.argumentOfThis(events);
            legal.made(events);
            legal.map("acme", 1);
            legal.entries(Map.of("acme", "1"));
            legal.mapKey(Map.of("name", "1"), "name");
            legal.indexOnRoot(events, Map.of("1", "2"));
            legal.first(events);
            legal.subtype(new Wide());
            legal.array(new Event[] {new Event("acme", "1")});
            legal.staticMembers("a");
            legal.primitive(1);
            legal.optional(Optional.of("a"));
            legal.rootsClass("a");
            legal.condition(new Event("acme", "1"));
        });
    }

    @Test
    void missingMembersOfAFinalTypeAreReported() {
        List<Finding> findings = findings(Lacking.class);
        assertFinding(findings, "property", "reads a property 'idd' that Event does not have", "Did you mean 'id'?");
        assertFinding(findings, "far", "reads a property 'number' that Event does not have", "class: id, tenant");
        assertFinding(findings, "method", "calls a method 'idd' that Event does not have", "Did you mean 'id'?");
        assertFinding(findings, "deep", "reads a property 'tenat' that Event does not have", "Did you mean 'tenant'?");
        assertFinding(findings, "element", "reads a property 'tenat' that Event does not have", "'tenant'?");
        assertFinding(findings, "string", "reads a property 'id' that String does not have", "Use a public property");
        assertFinding(findings, "number", "calls a method 'lenght' that Integer does not have", "Use a public method");
        assertFinding(findings, "rootMethod", "calls hash(…) without a target object", "@bean.hash(…)");
        assertFinding(findings, "ofRoot", "reads a property 'targt' of #root", "#name for a parameter");
        assertFinding(findings, "argument", "reads a property 'id' of #root", "Write #name");
        assertFinding(findings, "index", "reads a property 'id' of #root", "Did you mean the parameter #ids?");
        assertThat(findings).hasSize(11);
    }

    @Test
    void finalClassIsReported() {
        List<Finding> findings = findings(FinalClass.class);
        assertThat(findings).hasSize(1);
        assertThat(findings.get(0).place()).isEqualTo(HERE + "FinalClass");
        assertThat(findings.get(0).toString()).contains("the class is final").contains("Kotlin");
    }

    @Test
    void finalClassThatIsProxiedByItsInterfaceIsAccepted() {
        Contexts.runner(FinalWithInterface.class)
                .withPropertyValues("spring.aop.proxy-target-class=false")
                .run(context -> assertThat(context.getBean(Runnable.class)).isNotInstanceOf(FinalWithInterface.class));
    }

    @Test
    void annotatedTypeIgnoresPrivateAndStaticMethodsButReportsFinalOnes() {
        List<Finding> findings = findings(TypeLevel.class);
        assertThat(findings).extracting(Finding::place).containsExactly(HERE + "TypeLevel.ending()");
    }

    @Test
    void keyOnATypeMustBeValidForEachMethod() {
        List<Finding> findings = findings(KeyOnType.class);
        assertThat(findings).extracting(Finding::place).containsExactly(HERE + "KeyOnType.without(String)");
        assertThat(findings.get(0).problem()).contains("uses #id");
    }

    @Test
    void disabledProxiesAreReported() {
        List<Finding> findings = findings(Right.class, "spring.aop.auto=false");
        assertThat(findings).hasSize(1);
        assertFinding(findings, "right", "proxies are switched off by spring.aop.auto=false", "Remove spring.aop.auto");
    }

    @Test
    void missingProxiesAreNotAttributedToAnUnsetProperty() {
        new ApplicationContextRunner()
                .withConfiguration(
                        AutoConfigurations.of(KeyedLockAutoConfiguration.class, KeyedLockAopAutoConfiguration.class))
                .withBean(Right.class)
                .run(context -> {
                    List<Finding> findings = find(context.getStartupFailure()).findings();
                    assertFinding(findings, "right", "no auto-proxy creator is registered", "@EnableAspectJAutoProxy");
                    assertThat(findings.get(0).toString()).doesNotContain("spring.aop.auto");
                });
    }

    @Test
    void factoryMethodOfAPostProcessorShouldBeStatic() {
        Contexts.runner(EarlyConfiguration.class, ConfigurationThatNeeds.class, Right.class)
                .run(context -> {
                    List<Finding> findings = find(context.getStartupFailure()).findings();
                    assertFinding(
                            findings,
                            "itself",
                            "needed to call EarlyConfiguration.early(), which creates a post-processor",
                            "Make the @Bean method EarlyConfiguration.early() static");
                    assertFinding(findings, "right", "needed to call ConfigurationThatNeeds.wrapper()", "static");
                });
    }

    @Test
    void anExpressionAsTheNameIsReported() {
        List<Finding> findings = findings(Misplaced.class);
        assertFinding(findings, "variable", "there is no locker '#o.id'; there are none", "mean key = \"#o.id\"?");
        assertFinding(findings, "constant", "there is no locker ''all''", "Did you mean key = \"'all'\"?");
    }

    @Test
    void dottedNamesAreReportedWithTheEffectiveProperty() {
        List<Finding> findings = findings(Dotted.class, "keyedlock.locks[a.b].limit=1", "keyedlock.locks.c.limit=1");
        assertFinding(
                findings, "unknown", "there are 'a.b', 'c'", "Configure it: keyedlock.locks[acme.orders].limit: 1");
        assertFinding(findings, "limit", "limit = 2", "keyedlock.locks[a.b].limit: 2");
    }

    @Test
    void methodOutsideTheInterfacesOfAProxyIsReported() {
        List<Finding> findings = findings(BesidesInterface.class, "spring.aop.proxy-target-class=false");
        assertThat(findings).hasSize(1);
        assertFinding(findings, "besides", "proxied by its interfaces", "spring.aop.proxy-target-class=false");
    }

    @Test
    void beanCreatedTooEarlyIsReported() {
        Contexts.runner(Right.class, NeedsRightEarly.class).run(context -> {
            InvalidKeyedLockException failure = find(context.getStartupFailure());
            assertFinding(failure.findings(), "right", "has no proxy", "@Lazy");
        });
    }

    @Test
    void mockInPlaceOfABeanIsNotReported() {
        Contexts.runner()
                .withInitializer(context -> context.getBeanFactory().registerSingleton("mock", mock(Right.class)))
                .run(context -> assertThat(context).hasNotFailed());
    }

    @Test
    void lazyBeansAreCheckedWithoutBeingCreated() {
        ApplicationContextRunner runner = Contexts.runner()
                .withBean("lazy", NeverMade.class, NeverMade::new, definition -> definition.setLazyInit(true))
                .withBean(
                        "prototype",
                        NeverMade.class,
                        NeverMade::new,
                        it -> it.setScope(BeanDefinition.SCOPE_PROTOTYPE));
        runner.run(context -> assertFinding(
                find(context.getStartupFailure()).findings(), "typo", "uses #ordr", "Did you mean #order?"));
    }

    @Test
    void lazyBeanThatCannotBeCreatedDoesNotAffectOthers(@TempDir Path directory) throws Exception {
        Class<?> broken = CompiledSource.load(
                directory,
                "sample.Broken",
                "package sample; public class Broken { public void use(Gone gone) {} } class Gone {}");
        Files.delete(directory.resolve("sample/Gone.class"));
        Contexts.runner(Late.class)
                .withInitializer(context -> {
                    BeanDefinitionRegistry registry = (BeanDefinitionRegistry) context.getBeanFactory();
                    RootBeanDefinition definition = new RootBeanDefinition();
                    definition.setBeanClassName("sample.Broken");
                    definition.setLazyInit(true);
                    registry.registerBeanDefinition("broken", definition);
                })
                .withClassLoader(new FilteredClassLoader("nothing") {
                    @Override
                    public Class<?> loadClass(String name) throws ClassNotFoundException {
                        return name.equals("sample.Broken") ? broken : super.loadClass(name);
                    }
                })
                .run(context -> assertThat(find(context.getStartupFailure()).findings())
                        .extracting(Finding::place)
                        .containsExactly(HERE + "Late.typo(String)"));
    }

    @Test
    void beanOfUnknownClassIsCheckedWhenItIsCreated() {
        Contexts.runner()
                .withBean("late", Object.class, Late::new, definition -> definition.setLazyInit(true))
                .run(context -> {
                    assertThat(context).hasNotFailed();
                    for (int i = 0; i < 2; i++) {
                        assertThatThrownBy(() -> context.getBean("late"))
                                .isInstanceOf(BeanCreationException.class)
                                .satisfies(e -> assertFinding(find(e).findings(), "typo", "uses #ordr", "#order"));
                    }
                });
    }

    @Test
    void warnLogsTheFindingsAndCallsFailInsteadOfRunningUnlocked(CapturedOutput output) {
        Contexts.runner(Late.class)
                .withPropertyValues("keyedlock.validation=warn")
                .run(context -> {
                    assertThat(context).hasNotFailed();
                    assertThat(output).contains("WARN").contains("typo(String)").contains("Did you mean #order?");
                    Late bean = context.getBean(Late.class);
                    for (int i = 0; i < 2; i++) {
                        assertThatThrownBy(() -> bean.typo("a"))
                                .isInstanceOf(InvalidKeyedLockException.class)
                                .hasMessageContaining("Late.typo(String)")
                                .hasMessageContaining("Did you mean #order?");
                    }
                    assertThat(bean.runs()).isZero();
                });
    }

    @Test
    void twoLimitsForOneLockerAreReportedForAllSources() {
        Contexts.runner(TwoLimits.class)
                .withBean(
                        "mine",
                        KeyedLocker.class,
                        () -> KeyedLocker.create(io.keyedlock.KeyedLockerSettings.defaults()
                                .withName("mine")
                                .withLimit(5)))
                .run(context -> {
                    List<Finding> findings = find(context.getStartupFailure()).findings();
                    assertThat(findings).hasSize(1);
                    assertFinding(
                            findings, "four", "limit = 4, but the locker 'mine' that it names has limit 5", "limit");
                });
    }

    @Test
    void disabledAdviceNamesTheMethodsThatRunUnlocked(CapturedOutput output) {
        Contexts.runner(Right.class, Late.class)
                .withPropertyValues("keyedlock.enabled=false")
                .run(context -> {
                    context.getBean(Late.class).typo("a");
                    assertThat(context.getBean(Late.class).runs()).isOne();
                    assertThat(output.getOut().lines().filter(line -> line.contains("run without their locks")))
                            .singleElement()
                            .asString()
                            .contains(HERE + "Late.typo(String), " + HERE + "Right.right(String)");
                    assertThat(context).hasSingleBean(KeyedLockerRegistry.class);
                });
    }

    @Test
    void validDurationsAndPlaceholdersAreAccepted() {
        Contexts.runner(Fine.class)
                .withPropertyValues("patience=PT2S", "limits.some=4", "keyedlock.locks.orders.limit=4", "which=orders")
                .run(context -> {
                    assertThat(context).hasNotFailed();
                    Fine fine = context.getBean(Fine.class);
                    fine.forever("a");
                    fine.limited("a");
                    KeyedLockerRegistry lockers = context.getBean(KeyedLockerRegistry.class);
                    assertThat(lockers.get(HERE + "Fine.limited(String)")
                                    .settings()
                                    .limit())
                            .isEqualTo(4);
                });
    }

    static List<Finding> findings(Class<?> bean, String... properties) {
        Findings found = new Findings();
        Contexts.runner(bean)
                .withBean("byUser", KeyGenerator.class, () -> (target, method, args) -> "key")
                .withBean("text", String.class, () -> "text")
                .withPropertyValues(properties)
                .run(context -> found.addAll(find(context.getStartupFailure()).findings()));
        return found.toList();
    }

    static InvalidKeyedLockException find(Throwable failure) {
        for (Throwable each = failure; each != null; each = each.getCause()) {
            if (each instanceof InvalidKeyedLockException found) {
                return found;
            }
        }
        throw new AssertionError("No finding", failure);
    }

    static void assertFinding(List<Finding> findings, String method, String problem, String remedy) {
        assertThat(findings)
                .filteredOn(finding -> finding.method().startsWith(method + "("))
                .as(method)
                .singleElement()
                .satisfies(finding -> assertThat(finding.problem()).contains(problem))
                .satisfies(finding -> assertThat(finding.remedy()).contains(remedy))
                .satisfies(finding -> assertThat(finding.className()).startsWith(HERE));
    }

    @KeyedLock
    @java.lang.annotation.Retention(java.lang.annotation.RetentionPolicy.RUNTIME)
    @interface LockA {}

    @KeyedLock(key = "#p0")
    @java.lang.annotation.Retention(java.lang.annotation.RetentionPolicy.RUNTIME)
    @interface LockB {
        @AliasFor(annotation = KeyedLock.class, attribute = "limit")
        int limit() default 1;
    }

    @SuppressWarnings("UnusedMethod")
    static class Wrong {

        @KeyedLock(key = "#id.")
        public void syntax(String id) {}

        @KeyedLock(key = "#{#id}")
        public void template(String id) {}

        @KeyedLock(key = "#ordr.length()")
        public void typo(String order, int count) {}

        @KeyedLock(key = "#zzzzzz")
        public void farOff(String order) {}

        @KeyedLock(key = "#id")
        public void noParameters() {}

        @KeyedLock(key = "#p1")
        public void badIndex(String order) {}

        @KeyedLock(condition = "#ordr != null")
        public void conditionTypo(String order) {}

        @KeyedLock(key = "order.length()")
        public void forgottenHash(String order) {}

        @KeyedLock(key = "everything")
        public void forgottenQuotes(String order) {}

        @KeyedLock(key = "#hash(#order)")
        public void function(String order) {}

        @KeyedLock(key = "@tenants.current()")
        public void unknownBean(String order) {}

        @KeyedLock(name = "order", key = "#p0")
        public void unknownLocker(String order) {}

        @KeyedLock(name = "orders", key = "#p0", limit = 3)
        public void otherLimit(String order) {}

        @KeyedLock(key = "#p0", keys = "{#p0}")
        public void keyAndKeys(String order) {}

        @KeyedLock(key = "#p0", keyGenerator = "byUser")
        public void keyAndGenerator(String order) {}

        @KeyedLock(limit = 0)
        public void limitZero() {}

        @KeyedLock(limit = -7)
        public void limitNegative() {}

        @KeyedLock(limit = 1, limitString = "1")
        public void limitTwice() {}

        @KeyedLock(limitString = "many")
        public void limitGarbage() {}

        @KeyedLock(limitString = "0")
        public void limitStringZero() {}

        @KeyedLock(waitTime = "soon")
        public void waitGarbage() {}

        @KeyedLock(waitTime = "-2s")
        public void waitNegative() {}

        @KeyedLock(waitTime = "500")
        public void waitNoUnit() {}

        @KeyedLock(waitTime = "1s", policy = KeyedLock.Policy.REJECT)
        public void waitAndReject() {}

        @KeyedLock(waitTime = "1s", policy = KeyedLock.Policy.SKIP)
        public void waitAndSkip() {}

        @KeyedLock(waitTime = "${no.such}")
        public void placeholder() {}

        @KeyedLock(key = "'${no.such}'")
        public void keyPlaceholder() {}

        @KeyedLock(policy = KeyedLock.Policy.SKIP)
        public int skipPrimitive() {
            return 1;
        }

        @KeyedLock(policy = KeyedLock.Policy.SKIP)
        public String skipObject() {
            return "";
        }

        @KeyedLock(keyGenerator = "byUsr")
        public void unknownGenerator() {}

        @KeyedLock(keyGenerator = "text")
        public void notAGenerator() {}

        @KeyedLock
        public final void finalMethod() {}

        @KeyedLock
        private void privateMethod() {}

        @KeyedLock
        public static void staticMethod() {}

        @KeyedLock(value = "orders", name = "others")
        public void contradiction() {}

        @LockA
        @LockB
        public void twice(String id) {}

        @KeyedLock(
                key = "#order.bytes.![#this + #order.length].?[#this > #count]",
                condition = "#count > 1 && #root.args[0] != null")
        public void right(String order, int count) {}

        @KeyedLock(name = "orders", key = "#map[name] + #map[#key]", limit = 2)
        public void rightIndex(java.util.Map<String, String> map, String key) {}

        @KeyedLock(policy = KeyedLock.Policy.SKIP)
        public Optional<String> rightSkip() {
            return Optional.of("");
        }
    }

    static final class FinalClass {

        @KeyedLock(key = "#id")
        public void one(String id) {}

        @KeyedLock(key = "#id")
        public void two(String id) {}
    }

    static final class FinalWithInterface implements Runnable {

        @Override
        @KeyedLock
        public void run() {}
    }

    @KeyedLock
    @SuppressWarnings("UnusedMethod")
    static class TypeLevel {

        public void open() {}

        private void helper() {}

        static void alsoHelper() {}

        public final void ending() {}
    }

    @KeyedLock(key = "#id")
    static class KeyOnType {

        public void with(String id) {}

        public void without(String other) {}
    }

    static class Right {

        @KeyedLock(key = "#id")
        public void right(String id) {}
    }

    static class BesidesInterface implements Runnable {

        @Override
        @KeyedLock
        public void run() {}

        @KeyedLock
        public void besides() {}
    }

    static class NeedsRightEarly implements BeanPostProcessor, PriorityOrdered, BeanFactoryAware {

        @Override
        public void setBeanFactory(BeanFactory beans) {
            beans.getBean(Right.class).right("a");
        }

        @Override
        public int getOrder() {
            return 0;
        }
    }

    static class NeverMade {

        NeverMade() {
            throw new AssertionError("made");
        }

        @KeyedLock(key = "#ordr")
        public void typo(String order) {}
    }

    /** Public, as a proxy by another class loader extends it. */
    public static class Late {

        private int runs;

        @KeyedLock(key = "#ordr")
        public void typo(String order) {
            runs++;
        }

        public int runs() {
            return runs;
        }
    }

    static class TwoLimits {

        @KeyedLock(name = "mine", limit = 5)
        public void five() {}

        @KeyedLock(name = "mine", limit = 4)
        public void four() {}
    }

    record Event(String tenant, String id) {}

    /** Not final, so that a property may be one of a subtype. */
    static class Open {

        public Object any() {
            return this;
        }
    }

    static final class Wide extends Open {

        public String getMore() {
            return "more";
        }
    }

    static class Keys {

        public String of(String tenant, String id) {
            return tenant + id;
        }
    }

    static class Legal {

        @KeyedLock(keys = "#evs.![T(java.lang.String).join('/', tenant, id)]")
        public void joined(List<Event> evs) {}

        @KeyedLock(keys = "#evs.?[tenant.startsWith(id) or tenant().equals(tenant)].![id]")
        public void selected(List<Event> evs) {}

        @KeyedLock(keys = "#evs.![@keys.of(tenant, id)]")
        public void argumentOfABean(List<Event> evs) {}

        @KeyedLock(keys = "#evs.![tenant().concat(#this.id).concat(#evs[0].id)]")
        public void argumentOfThis(List<Event> evs) {}

        @KeyedLock(keys = "#evs.![new String(id)]")
        public void made(List<Event> evs) {}

        @KeyedLock(key = "{tenant: #t, id: #i, 'x': 1}")
        public void map(String t, int i) {}

        @KeyedLock(keys = "#map.?[value == '1'].![key + value]")
        public void entries(Map<String, String> map) {}

        @KeyedLock(key = "#map[name] + #map[#key] + #map.get('name')")
        public void mapKey(Map<String, String> map, String key) {}

        @KeyedLock(keys = "#evs.?[id == '1'].![#map[id] ?: #map[#root.args[0][0].id]]")
        public void indexOnRoot(List<Event> evs, Map<String, String> map) {}

        @KeyedLock(key = "{#evs.^[id == '1'].tenant, #evs.$[id == '2'].id}")
        public void first(List<Event> evs) {}

        @KeyedLock(key = "#open.more + #open.any().more")
        public void subtype(Open open) {}

        @KeyedLock(key = "#events[0].id + #events.length + #events.![id].length")
        public void array(Event[] events) {}

        @KeyedLock(key = "T(java.lang.Integer).MAX_VALUE + T(Integer).name + T(String).valueOf(#id).length()")
        public void staticMembers(String id) {}

        @KeyedLock(key = "#number.intValue().toString() + #number.class.name")
        public void primitive(int number) {}

        @KeyedLock(key = "{#id.get().length(), #id.present}")
        public void optional(Optional<String> id) {}

        @KeyedLock(key = "#root.targetClass.simpleName + #root.method.name + method.name + args[0].length()")
        public void rootsClass(String id) {}

        @KeyedLock(key = "#e.id", condition = "#e.tenant != null && !#e.id.isEmpty() && #e?.tenant matches '[a-z]+'")
        public void condition(Event e) {}
    }

    static class Lacking {

        @KeyedLock(key = "#e.idd")
        public void property(Event e) {}

        @KeyedLock(key = "#e.number")
        public void far(Event e) {}

        @KeyedLock(key = "#e.idd()")
        public void method(Event e) {}

        @KeyedLock(key = "#evs.get(0).tenat")
        public void deep(List<Event> evs) {}

        @KeyedLock(keys = "#evs.![tenat]")
        public void element(Iterable<Event> evs) {}

        @KeyedLock(key = "#id.id")
        public void string(String id) {}

        @KeyedLock(key = "#count.lenght()")
        public void number(int count) {}

        @KeyedLock(key = "hash(#count)")
        public void rootMethod(int count) {}

        @KeyedLock(key = "#root.targt")
        public void ofRoot(int count) {}

        @KeyedLock(key = "#e.tenant().concat(id)")
        public void argument(Event e) {}

        @KeyedLock(keys = "#evs.![#ids[id]]")
        public void index(List<Event> evs, List<String> ids) {}
    }

    @Configuration
    static class EarlyConfiguration {

        @Bean
        BeanFactoryPostProcessor early() {
            return beans -> {};
        }

        @KeyedLock(key = "#id")
        public void itself(String id) {}
    }

    @Configuration
    static class ConfigurationThatNeeds {

        @Bean
        First wrapper(Right right) {
            right.right("a");
            return new First();
        }
    }

    static class First implements BeanPostProcessor, PriorityOrdered {

        @Override
        public int getOrder() {
            return 0;
        }
    }

    static class Misplaced {

        @KeyedLock("#o.id")
        public void variable(Event o) {}

        @KeyedLock("'all'")
        public void constant() {}
    }

    static class Dotted {

        @KeyedLock("acme.orders")
        public void unknown() {}

        @KeyedLock(name = "a.b", limit = 2)
        public void limit() {}
    }

    static class Fine {

        @KeyedLock(key = "#id", waitTime = "forever")
        public void forever(String id) {}

        @KeyedLock(key = "#id", waitTime = "${patience}", limitString = "${limits.some}")
        public void limited(String id) {}

        @KeyedLock(name = "${which}", key = "#id", waitTime = "500ms", limitString = "4")
        public void named(String id) {}

        @KeyedLock(waitTime = "0")
        public void zero() {}

        @KeyedLock(waitTime = "${no.such:}", limitString = "${no.such:}", release = KeyedLock.Release.ON_RETURN)
        public void empty() {}
    }
}
