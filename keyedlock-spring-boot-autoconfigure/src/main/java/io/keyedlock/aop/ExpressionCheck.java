// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.springframework.beans.factory.BeanFactory;
import org.springframework.expression.spel.SpelNode;
import org.springframework.expression.spel.ast.BeanReference;
import org.springframework.expression.spel.ast.CompoundExpression;
import org.springframework.expression.spel.ast.FunctionReference;
import org.springframework.expression.spel.ast.MethodReference;
import org.springframework.expression.spel.ast.Projection;
import org.springframework.expression.spel.ast.PropertyOrFieldReference;
import org.springframework.expression.spel.ast.Selection;
import org.springframework.expression.spel.ast.VariableReference;

/** Looks for names in an expression that nothing will answer to when it is evaluated. */
final class ExpressionCheck {

    private static final Set<String> ROOT_PROPERTIES = Set.of("method", "target", "targetClass", "args");

    private final AnnotatedMethod annotated;
    private final ParameterNames names;
    private final BeanFactory beans;
    private final Findings findings;

    ExpressionCheck(AnnotatedMethod annotated, ParameterNames names, BeanFactory beans, Findings findings) {
        this.annotated = annotated;
        this.names = names;
        this.beans = beans;
        this.findings = findings;
    }

    /** Checks an expression; the attribute is named with it in what is found. */
    void check(String attribute, LockExpression expression) {
        visit(attribute + " = \"" + expression.text() + "\"", expression.root(), true);
    }

    /** A property is one of the root only where nothing stands before it. */
    private void visit(String where, SpelNode node, boolean onRoot) {
        String text = node.toStringAST();
        if (node instanceof VariableReference) {
            variable(where, text.substring(1));
        } else if (node instanceof FunctionReference) {
            annotated.report(
                    findings,
                    where + " calls a function #" + name(text.substring(1)) + ", and there are none",
                    "Call a method of a bean (@bean.method(…)) or a static one (T(package.Class).method(…))");
        } else if (node instanceof BeanReference) {
            bean(where, text.substring(1));
        } else if (node instanceof PropertyOrFieldReference && onRoot && !ROOT_PROPERTIES.contains(name(text))) {
            property(where, name(text));
        }
        boolean chain = node instanceof CompoundExpression;
        boolean elements = node instanceof Projection || node instanceof Selection;
        for (int i = 0; i < node.getChildCount(); i++) {
            visit(where, node.getChild(i), isArgument(node) || (onRoot && !elements && (!chain || i == 0)));
        }
    }

    /** The arguments of a method are evaluated on the root again, however long the chain before it. */
    private static boolean isArgument(SpelNode parent) {
        return parent instanceof MethodReference;
    }

    private void variable(String where, String name) {
        if (name.equals("root") || name.equals("this") || names.indexOf(name) >= 0) {
            return;
        }
        String problem = where + " uses #" + name + ", and " + AnnotatedMethod.sourceName(annotated.method())
                + " has no parameter of that name";
        if (!names.areKnown()) {
            annotated.report(findings, problem, ParameterNames.HINT);
            return;
        }
        List<String> known = names.readable();
        Optional<String> meant = Suggestion.nearest(name, known);
        annotated.report(
                findings,
                problem + (known.isEmpty() ? " (it has none)" : " (it has " + hashed(known) + ")"),
                meant.map(near -> "Did you mean #" + near + "?")
                        .orElse(
                                known.isEmpty()
                                        ? "Give the method a parameter, or leave the attribute out"
                                        : "Use one of them, or #p0 for the first"));
    }

    private void property(String where, String name) {
        boolean isParameter = names.indexOf(name) >= 0;
        Optional<String> meant = isParameter ? Optional.of(name) : Suggestion.nearest(name, names.readable());
        annotated.report(
                findings,
                where + " reads a property '" + name
                        + "' of #root, which has only method, target, targetClass and args",
                meant.map(near -> "Did you mean the parameter #" + near + "?")
                        .orElse("Write #name for a parameter, or '" + name + "' in single quotes for a constant"));
    }

    private void bean(String where, String quoted) {
        String name = quoted.replaceAll("^['\"]|['\"]$", "");
        if (!beans.containsBean(name)) {
            annotated.report(
                    findings,
                    where + " uses @" + quoted + ", and there is no bean of that name",
                    "Define the bean, or use a parameter (#name)");
        }
    }

    private static String name(String text) {
        int end = 0;
        while (end < text.length() && Character.isJavaIdentifierPart(text.charAt(end))) {
            end++;
        }
        return text.substring(0, end);
    }

    private static String hashed(List<String> names) {
        return "#" + String.join(", #", names);
    }
}
