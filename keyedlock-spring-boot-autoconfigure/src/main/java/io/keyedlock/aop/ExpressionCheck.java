// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.beans.PropertyDescriptor;
import java.lang.reflect.Field;
import java.lang.reflect.Member;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.RecordComponent;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.springframework.beans.BeanUtils;
import org.springframework.beans.factory.config.ConfigurableBeanFactory;

/**
 * Reports names in an expression that cannot be resolved when it is evaluated. Does not report what depends on the
 * arguments of a call, such as a property that a subtype may have.
 */
final class ExpressionCheck extends ExpressionWalk {

    private final AnnotatedMethod annotated;
    private final ParameterNames names;
    private final ConfigurableBeanFactory beans;
    private final Findings findings;
    private final String where;

    /**
     * Creates the check of one expression.
     *
     * @param attribute the attribute that has the expression
     */
    ExpressionCheck(
            AnnotatedMethod annotated,
            ParameterNames names,
            ConfigurableBeanFactory beans,
            Findings findings,
            String attribute,
            LockExpression expression) {
        super(annotated, names, beans);
        this.annotated = annotated;
        this.names = names;
        this.beans = beans;
        this.findings = findings;
        this.where = attribute + " = \"" + expression.text() + "\"";
    }

    @Override
    void function(String name) {
        report(
                "calls a function #" + name + ", but functions are not supported",
                "Call a method of a bean (@bean.method(…)) or a static one (T(package.Class).method(…))");
    }

    @Override
    void variable(String name) {
        if (name.equals("root") || name.equals("this") || names.indexOf(name) >= 0) {
            return;
        }
        String problem = "uses #" + name + ", and " + Signatures.sourceName(annotated.method())
                + " has no parameter of that name";
        if (!names.areKnown()) {
            report(problem, ParameterNames.HINT);
            return;
        }
        List<String> known = names.readable();
        report(
                problem + (known.isEmpty() ? " (it has none)" : " (it has #" + String.join(", #", known) + ")"),
                Suggestion.nearest(name, known)
                        .map(near -> "Did you mean #" + near + "?")
                        .orElse(
                                known.isEmpty()
                                        ? "Give the method a parameter, or leave the attribute out"
                                        : "Use one of them, or #p0 for the first"));
    }

    @Override
    void bean(String name) {
        if (!beans.containsBean(name)) {
            report(
                    "uses @" + name + ", and there is no bean of that name",
                    "Define the bean, or use a parameter (#name)");
        }
    }

    @Override
    void property(Class<?> owner, String name, boolean exact) {
        if (!exact || isReadable(owner, name)) {
            return;
        }
        if (owner == LockInvocation.class) {
            rootProperty(name);
            return;
        }
        Set<String> known = new TreeSet<>();
        for (PropertyDescriptor property : BeanUtils.getPropertyDescriptors(owner)) {
            if (property.getReadMethod() != null && !property.getName().equals("class")) {
                known.add(property.getName());
            }
        }
        if (owner.isRecord()) {
            Stream.of(owner.getRecordComponents()).map(RecordComponent::getName).forEach(known::add);
        }
        Stream.of(owner.getFields())
                .filter(field -> !Modifier.isStatic(field.getModifiers()))
                .map(Field::getName)
                .forEach(known::add);
        report(
                "reads a property '" + name + "' that " + owner.getSimpleName() + " does not have",
                remedy(name, known, "property"));
    }

    private void rootProperty(String name) {
        Optional<String> meant =
                names.indexOf(name) >= 0 ? Optional.of(name) : Suggestion.nearest(name, names.readable());
        report(
                "reads a property '" + name + "' of #root, which has only method, target, targetClass and args",
                meant.map(near -> "Did you mean the parameter #" + near + "?")
                        .orElse("Write #name for a parameter, or '" + name + "' in single quotes for a constant"));
    }

    @Override
    void method(Class<?> owner, String name, boolean exact) {
        Set<String> known = Stream.of(owner.getMethods())
                .filter(method -> method.getDeclaringClass() != Object.class)
                .map(Method::getName)
                .collect(Collectors.toCollection(TreeSet::new));
        if (!exact || known.contains(name) || isNamed(Object.class.getMethods(), name)) {
            return;
        }
        if (owner == LockInvocation.class) {
            report(
                    "calls " + name + "(…) without a target object, and #root has no such method",
                    "Write for instance #order." + name + "(…), @bean." + name + "(…) or T(package.Class)." + name
                            + "(…)");
        } else {
            report(
                    "calls a method '" + name + "' that " + owner.getSimpleName() + " does not have",
                    remedy(name, known, "method"));
        }
    }

    private static String remedy(String name, Collection<String> known, String kind) {
        return Suggestion.nearest(name, known)
                .map(near -> "Did you mean '" + near + "'?")
                .orElse("Use a public " + kind + " of that class"
                        + (known.isEmpty() || known.size() > 20 ? "" : ": " + String.join(", ", known)));
    }

    /**
     * Returns whether a property can be read. Looks for it like SpEL or slightly wider, so that nothing is reported
     * that SpEL may find.
     */
    private static boolean isReadable(Class<?> owner, String name) {
        return isNamed(owner.getFields(), name)
                || (KotlinFunctions.canReflect(owner) && KotlinFunctions.property(owner, name) != null)
                || Stream.of(owner.getMethods())
                        .filter(method -> method.getParameterCount() == 0)
                        .map(Method::getName)
                        .anyMatch(getter -> getter.equalsIgnoreCase(name)
                                || getter.equalsIgnoreCase("get" + name)
                                || getter.equalsIgnoreCase("is" + name));
    }

    private static boolean isNamed(Member[] members, String name) {
        return Stream.of(members).anyMatch(member -> member.getName().equalsIgnoreCase(name));
    }

    private void report(String problem, String remedy) {
        annotated.report(findings, where + " " + problem, remedy);
    }
}
