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

/**
 * Finds names in an expression that denote the call itself although a parameter was probably meant. With such a name
 * all calls would share one key, or each call would have its own.
 */
final class AmbiguousNames {

    private static final Set<String> VARIABLES = Set.of("root", "this");

    private static final Set<String> PROPERTIES = Set.of("method", "target", "targetClass", "args");

    private final ParameterNames names;

    /** Receives a problem and its remedy. */
    private final BiConsumer<String, String> reporter;

    private boolean unambiguous = true;

    AmbiguousNames(ParameterNames names, BiConsumer<String, String> reporter) {
        this.names = names;
        this.reporter = reporter;
    }

    /**
     * Checks an expression and reports its ambiguous names.
     *
     * @param attribute the attribute that has the expression, named in reports
     * @return whether there are none
     */
    boolean check(String attribute, LockExpression expression) {
        String where = attribute + " = \"" + expression.text() + "\"";
        SpelNode root = expression.root();
        if (!attribute.equals("condition")) {
            checkKeyPart(where, root);
            for (int i = 0; root instanceof InlineList && i < root.getChildCount(); i++) {
                checkKeyPart(where, root.getChild(i));
            }
        }
        visit(where, root, true);
        return unambiguous;
    }

    /** Reports a key, or a part of one, that is the call itself, which equals no other call. */
    private void checkKeyPart(String where, SpelNode part) {
        if (part instanceof VariableReference && denotesCall(part) && !isParameter(variable(part))) {
            report(
                    where + " uses the call itself as the key, which no two calls share",
                    "Use a parameter (#name), or a constant in single quotes");
        }
    }

    /**
     * Visits a node and its children.
     *
     * @param onCall whether names denote the call; inside a projection or a selection they denote an element
     */
    private void visit(String where, SpelNode node, boolean onCall) {
        if (!onCall) {
            return;
        }
        if (node instanceof VariableReference && denotesCall(node) && isParameter(variable(node))) {
            report(
                    where + " uses #" + variable(node)
                            + ", which is the call itself and not the parameter of that name",
                    "Write #p" + names.indexOf(variable(node)) + ", or rename the parameter");
        } else if (node instanceof PropertyOrFieldReference property
                && PROPERTIES.contains(property.getName())
                && isParameter(property.getName())) {
            report(
                    where + " reads '" + property.getName() + "' of the call and not the parameter of that name",
                    "Write #" + property.getName() + " for the parameter, or #root." + property.getName()
                            + " for that of the call");
        }
        for (int i = 0; i < node.getChildCount(); i++) {
            SpelNode child = node.getChild(i);
            // A property of the preceding object, or a name that may be the key of a map.
            boolean ofOtherObject = child instanceof PropertyOrFieldReference
                    && ((node instanceof CompoundExpression && i > 0)
                            || node instanceof Indexer
                            || (node instanceof InlineMap && i % 2 == 0));
            visit(where, child, !ofOtherObject && !(node instanceof Projection) && !(node instanceof Selection));
        }
    }

    private void report(String problem, String remedy) {
        unambiguous = false;
        reporter.accept(problem, remedy);
    }

    private static boolean denotesCall(SpelNode node) {
        return VARIABLES.contains(variable(node));
    }

    private boolean isParameter(String name) {
        return names.indexOf(name) >= 0;
    }

    private static String variable(SpelNode node) {
        return node.toStringAST().substring(1);
    }
}
