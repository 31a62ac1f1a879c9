// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.util.Set;
import java.util.function.BiConsumer;
import org.springframework.expression.spel.SpelNode;
import org.springframework.expression.spel.ast.CompoundExpression;
import org.springframework.expression.spel.ast.Indexer;
import org.springframework.expression.spel.ast.InlineList;
import org.springframework.expression.spel.ast.InlineMap;
import org.springframework.expression.spel.ast.Projection;
import org.springframework.expression.spel.ast.PropertyOrFieldReference;
import org.springframework.expression.spel.ast.Selection;
import org.springframework.expression.spel.ast.VariableReference;

/** Looks for names in an expression that mean the call itself, where a parameter must have been meant: all calls would have one key, or no two. */
final class AmbiguousNames {

    private static final Set<String> VARIABLES = Set.of("root", "this");

    private static final Set<String> PROPERTIES = Set.of("method", "target", "targetClass", "args");

    private final ParameterNames names;

    /** Takes a problem and its remedy. */
    private final BiConsumer<String, String> report;

    private boolean clear = true;

    AmbiguousNames(ParameterNames names, BiConsumer<String, String> report) {
        this.names = names;
        this.report = report;
    }

    /** Returns whether an expression has no such name; the attribute is named with it in what is found. */
    boolean check(String attribute, LockExpression expression) {
        String where = attribute + " = \"" + expression.text() + "\"";
        SpelNode root = expression.root();
        if (!attribute.equals("condition")) {
            part(where, root);
            for (int i = 0; root instanceof InlineList && i < root.getChildCount(); i++) {
                part(where, root.getChild(i));
            }
        }
        visit(where, root, true);
        return clear;
    }

    /** A part of a key must not be the call, which is equal to no other. */
    private void part(String where, SpelNode part) {
        if (part instanceof VariableReference && isOfTheCall(part) && !isParameter(variable(part))) {
            found(
                    where + " has the call itself as a key, and no two calls would have the same",
                    "Use a parameter (#name), or a constant in single quotes");
        }
    }

    /** Inside a projection or a selection the same names mean an element. */
    private void visit(String where, SpelNode node, boolean onCall) {
        if (!onCall) {
            return;
        }
        if (node instanceof VariableReference && isOfTheCall(node) && isParameter(variable(node))) {
            found(
                    where + " uses #" + variable(node)
                            + ", which is the call itself and not the parameter of that name",
                    "Write #p" + names.indexOf(variable(node)) + ", or rename the parameter");
        } else if (node instanceof PropertyOrFieldReference property
                && PROPERTIES.contains(property.getName())
                && isParameter(property.getName())) {
            found(
                    where + " reads '" + property.getName() + "' of the call and not the parameter of that name",
                    "Write #" + property.getName() + " for the parameter, or #root." + property.getName()
                            + " for that of the call");
        }
        for (int i = 0; i < node.getChildCount(); i++) {
            SpelNode child = node.getChild(i);
            // A property of what stands before it, or a word that may be the key of a map.
            boolean ofAnother = child instanceof PropertyOrFieldReference
                    && ((node instanceof CompoundExpression && i > 0)
                            || node instanceof Indexer
                            || (node instanceof InlineMap && i % 2 == 0));
            visit(where, child, !ofAnother && !(node instanceof Projection) && !(node instanceof Selection));
        }
    }

    private void found(String problem, String remedy) {
        clear = false;
        report.accept(problem, remedy);
    }

    private static boolean isOfTheCall(SpelNode node) {
        return VARIABLES.contains(variable(node));
    }

    private boolean isParameter(String name) {
        return names.indexOf(name) >= 0;
    }

    private static String variable(SpelNode node) {
        return node.toStringAST().substring(1);
    }
}
