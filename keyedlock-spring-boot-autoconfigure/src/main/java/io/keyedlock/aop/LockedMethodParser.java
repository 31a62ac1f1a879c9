// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.KeyedLocker;
import io.keyedlock.annotation.KeyedLock;
import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.Method;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.BeanFactory;
import org.springframework.beans.factory.HierarchicalBeanFactory;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.cache.interceptor.KeyGenerator;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.core.KotlinDetector;
import org.springframework.core.SimpleAliasRegistry;
import org.springframework.core.annotation.AnnotationConfigurationException;
import org.springframework.core.annotation.MergedAnnotation;
import org.springframework.expression.ParseException;
import org.springframework.util.ClassUtils;
import org.springframework.util.function.SingletonSupplier;

/** Converts an annotation into a {@link LockedMethod}, or into findings if it is invalid. */
final class LockedMethodParser {

    /**
     * The beginning of a variable, a bean, a type, a constant, a list or a map, unlikely in the name of a locker.
     */
    private static final Pattern LOOKS_LIKE_AN_EXPRESSION = Pattern.compile("^[#@'{]|^T\\(");

    private final ConfigurableListableBeanFactory beans;
    private final Supplier<AdviceLockerRegistry> lockers;
    private final Supplier<KeyedLock.Release> defaultRelease;
    private final LockExpressions expressions;
    private final ResultStrategies results;
    /**
     * Whether spring-tx is available. {@link TransactionHold} cannot answer this, as it cannot be loaded without
     * spring-tx.
     */
    private final boolean transactions = ClassUtils.isPresent(
            "org.springframework.transaction.support.TransactionSynchronizationManager",
            LockedMethodParser.class.getClassLoader());

    LockedMethodParser(
            ConfigurableListableBeanFactory beans,
            Supplier<AdviceLockerRegistry> lockers,
            Supplier<KeyedLock.Release> defaultRelease,
            Supplier<Executor> executor) {
        this.beans = beans;
        this.lockers = lockers;
        this.defaultRelease = defaultRelease;
        this.expressions = new LockExpressions(beans);
        this.results = new ResultStrategies(executor);
    }

    /**
     * Parses the annotations of a method.
     *
     * @param called the method that callers call, which may belong to an interface
     * @return the lock to acquire first, which refers to the others; or empty if there are findings
     */
    Optional<LockedMethod> parse(AnnotatedMethod annotated, Method called, Findings findings) {
        Findings own = new Findings();
        LockedMethod parsed = null;
        try {
            List<LockedMethod> locks = new ArrayList<>();
            for (MergedAnnotation<KeyedLock> annotation : annotated.annotations()) {
                locks.add(new Reading(annotated, annotation, own).read(called));
            }
            parsed = inOrder(annotated, locks, own);
        } catch (AnnotationConfigurationException e) {
            annotated.report(
                    own,
                    "its attributes contradict each other: "
                            + String.valueOf(e.getMessage()).replaceAll("^.*; (?=attribute )|\\.+$", ""),
                    "Write either value or name, and give each alias one value");
        }
        findings.addAll(own.toList());
        return own.isEmpty() ? Optional.ofNullable(parsed) : Optional.empty();
    }

    /** Links the locks of a method in the order of the names of their lockers, in which all methods acquire them. */
    private @Nullable LockedMethod inOrder(AnnotatedMethod annotated, List<LockedMethod> locks, Findings findings) {
        if (locks.size() > 1) {
            locks.sort(Comparator.comparing(this::canonicalName).reversed());
        }
        LockedMethod first = null;
        for (LockedMethod lock : locks) {
            if (first != null && canonicalName(first).equals(canonicalName(lock))) {
                String name = lock.locker().name();
                String other = first.locker().name();
                annotated.report(
                        findings,
                        "two of its annotations use the locker '" + name + "'"
                                + (name.equals(other) ? "" : " ('" + other + "' is another name of it)")
                                + ", and a method can hold it for one key only",
                        name.equals(annotated.ownLockerName())
                                ? "Give each annotation the name of a locker"
                                : "Keep one of them, or write keys = \"{#a, #b}\" for several keys of one locker");
            }
            first = lock.before(first);
        }
        return first;
    }

    /** Returns the same name for all names of a locker bean, in this context and its parents. */
    private String canonicalName(LockedMethod lock) {
        String name = lock.locker().name();
        for (BeanFactory in = beans; in != null; in = parentOf(in)) {
            name = in instanceof SimpleAliasRegistry aliases ? aliases.canonicalName(name) : name;
        }
        return name;
    }

    private static @Nullable BeanFactory parentOf(BeanFactory beans) {
        BeanFactory parent = beans instanceof HierarchicalBeanFactory child ? child.getParentBeanFactory() : null;
        return parent instanceof ConfigurableApplicationContext context ? context.getBeanFactory() : parent;
    }

    /** The parsing of one annotation. Continues after a finding, so that all are reported at once. */
    private final class Reading {

        private final AnnotatedMethod annotated;
        private final MergedAnnotation<KeyedLock> attributes;
        private final LockAttributes values;
        private final Findings findings;
        private final ParameterNames names;
        private final Method method;

        Reading(AnnotatedMethod annotated, MergedAnnotation<KeyedLock> attributes, Findings findings) {
            this.annotated = annotated;
            this.attributes = attributes;
            this.values = new LockAttributes(annotated, attributes, beans, findings);
            this.findings = findings;
            this.method = annotated.method();
            this.names = ParameterNames.of(annotated);
        }

        LockedMethod read(Method called) {
            AnnotatedElement conflicting = annotated.conflictingCarrier();
            if (conflicting != null) {
                findings.add(
                        annotated,
                        "two interfaces lock it differently: " + Signatures.withClass(annotated.carrier()) + " and "
                                + Signatures.withClass(conflicting),
                        "Put @KeyedLock on this method, which takes precedence over both");
            }
            KeyedLock.Policy policy = attributes.getEnum("policy", KeyedLock.Policy.class);
            Duration waitTime = values.waitTime(policy);
            ResultStrategy strategy = results.of(annotated, this::report);
            return new LockedMethod(
                    SingletonSupplier.of(annotated::described),
                    method,
                    names,
                    arguments(),
                    expressions.shared(),
                    expression("condition"),
                    keys(),
                    locker(values.limit()),
                    waitTime,
                    policy,
                    transactions && release() == KeyedLock.Release.AFTER_TRANSACTION,
                    declaresInterruption(called),
                    policy == KeyedLock.Policy.SKIP ? emptyResult() : null,
                    strategy,
                    null);
        }

        private static boolean declaresInterruption(Method called) {
            for (Class<?> declared : called.getExceptionTypes()) {
                if (declared.isAssignableFrom(InterruptedException.class)) {
                    return true;
                }
            }
            return false;
        }

        private KeySource keys() {
            List<String> given = new ArrayList<>();
            for (String attribute : List.of("key", "keys", "keyGenerator")) {
                if (!attributes.getString(attribute).isEmpty()) {
                    given.add(attribute);
                }
            }
            if (given.size() > 1) {
                report(
                        String.join(" and ", given) + " are mutually exclusive",
                        "Keep one of them; for a composite key write a list: key = \"{#a, #b}\"");
            }
            LockExpression key = expression("key");
            LockExpression keys = expression("keys");
            String generator = values.text("keyGenerator");
            if (!generator.isEmpty()) {
                checkGenerator(generator);
                return new KeySource.Generated(beans, generator);
            }
            if (keys != null) {
                return new KeySource.Several(keys);
            }
            return key != null ? new KeySource.Single(key) : KeySource.WholeScope.INSTANCE;
        }

        /** Returns the converter of arguments for expressions. Reports a missing library. */
        private ValueClassArguments arguments() {
            Class<?> declaring = method.getDeclaringClass();
            if (KotlinFunctions.canReflect(declaring)) {
                return KotlinFunctions.arguments(method);
            }
            if (AnnotatedMethod.isMangled(method)) {
                report(
                        "a function with a value class in its signature needs a library that is missing",
                        "Add org.jetbrains.kotlin:kotlin-reflect");
            }
            return ValueClassArguments.NONE;
        }

        private void checkGenerator(String name) {
            List<String> known = List.of(beans.getBeanNamesForType(KeyGenerator.class, true, false));
            if (!beans.containsBean(name)) {
                report(
                        "keyGenerator = \"" + name + "\" names no bean"
                                + (known.isEmpty() ? "" : "; there " + Suggestion.listed(known)),
                        Suggestion.nearest(name, known)
                                .map(near -> "Did you mean \"" + near + "\"?")
                                .orElse("Define a bean of type " + KeyGenerator.class.getName() + ", or write key"));
                return;
            }
            Class<?> type = beans.getType(name, false);
            if (type != null && !KeyGenerator.class.isAssignableFrom(type)) {
                report(
                        "keyGenerator = \"" + name + "\" names a bean of " + type,
                        "Name a bean of type " + KeyGenerator.class.getName());
            }
            replacedByDefaults()
                    .forEach(index -> reportDefault(
                            "keyGenerator = \"" + name + "\"",
                            names.namesOf(index).get(0)));
        }

        private @Nullable LockExpression expression(String attribute) {
            String text = attributes.getString(attribute).strip();
            if (text.isEmpty()) {
                return null;
            }
            if (text.contains("${")) {
                report(
                        attribute + " = \"" + text + "\" has a placeholder, which would make the value of a property"
                                + " part of the code of the expression",
                        "Read the property as data: @environment.getRequiredProperty('the.name'), or a getter of a bean");
                return null;
            }
            try {
                LockExpression expression = expressions.parse(text);
                if (new AmbiguousNames(names, this::report).check(attribute, expression)) {
                    new ExpressionCheck(annotated, names, beans, findings, attribute, expression).walk(expression);
                }
                checkDefaults(attribute, expression);
                return expression;
            } catch (ParseException | IllegalStateException | IllegalArgumentException e) {
                String why = e instanceof ParseException parse ? parse.getSimpleMessage() : e.getMessage();
                report(
                        attribute + " = \"" + text + "\" is not an expression: " + why,
                        text.startsWith("#{")
                                ? "Leave out #{ and }"
                                : "Write for instance \"#order.id\"; a constant stands in single quotes: \"'all'\"");
                return null;
            }
        }

        private void checkDefaults(String attribute, LockExpression expression) {
            for (int index : replacedByDefaults()) {
                for (String name : names.namesOf(index)) {
                    if (expression.uses(name)) {
                        reportDefault(attribute + " = \"" + expression.text() + "\"", name);
                        break;
                    }
                }
            }
        }

        private List<Integer> replacedByDefaults() {
            return KotlinDetector.isSuspendingFunction(method) && KotlinFunctions.canReflect(method.getDeclaringClass())
                    ? KotlinFunctions.replacedByDefaults(method)
                    : List.of();
        }

        private void reportDefault(String where, String name) {
            report(
                    where + " uses " + name
                            + ", and where a caller passes null for it, Spring lets the suspending function"
                            + " see the default instead",
                    "Give " + name + " a type that is not nullable, or no default");
        }

        private LazyLocker locker(OptionalInt limit) {
            String name = values.text("name");
            if (name.isEmpty()) {
                String own = annotated.ownLockerName();
                return new LazyLocker(own, () -> lockers.get().own(own, limit));
            }
            Optional<KeyedLocker<Object>> found = lockers.get().find(name);
            if (found.isEmpty()) {
                Set<String> known = lockers.get().names();
                report(
                        "there is no locker '" + name + "'; there " + Suggestion.listed(known),
                        LOOKS_LIKE_AN_EXPRESSION.matcher(name).find()
                                ? "Did you mean key = \"" + name + "\"? @KeyedLock(\"…\") is the name of a locker"
                                : Suggestion.nearest(name, known)
                                                .map(near -> "Did you mean '" + near + "'? If not, configure it")
                                                .orElse("Configure it")
                                        + ": " + lockers.get().property(name) + ".limit: " + limit.orElse(1));
            } else if (limit.isPresent()
                    && found.get().settings() != null // as that of a mock is
                    && limit.getAsInt() != found.get().settings().limit()) {
                report(
                        "limit = " + limit.getAsInt() + ", but the locker '" + name + "' that it names has limit "
                                + found.get().settings().limit(),
                        "Leave the limit out here; it is a property of the locker ("
                                + lockers.get().property(name) + ".limit: " + limit.getAsInt() + ")");
            }
            if (beans.containsBeanDefinition(name)
                    && beans.getMergedBeanDefinition(name).isPrototype()) {
                report(
                        "the locker bean '" + name
                                + "' is of scope prototype, so that each method that names it would have a"
                                + " locker of its own",
                        "Make it a singleton");
            }
            return new LazyLocker(name, () -> lockers.get().find(name).orElseThrow());
        }

        private KeyedLock.Release release() {
            KeyedLock.Release given = attributes.getEnum("release", KeyedLock.Release.class);
            KeyedLock.Release release = given == KeyedLock.Release.DEFAULT ? defaultRelease.get() : given;
            return release == KeyedLock.Release.DEFAULT ? KeyedLock.Release.AFTER_TRANSACTION : release;
        }

        private @Nullable Object emptyResult() {
            Class<?> type = method.getReturnType();
            if (!ResultStrategies.mayBeSkipped(annotated)) {
                report(
                        "policy = SKIP returns nothing, and " + type.getSimpleName() + " has no empty value",
                        "Return void, Optional, a CompletionStage<Void> or a publisher that may be empty, "
                                + "or write policy = REJECT");
            }
            return type == Optional.class ? Optional.empty() : null;
        }

        private void report(String problem, String remedy) {
            annotated.report(findings, problem, remedy);
        }
    }
}
