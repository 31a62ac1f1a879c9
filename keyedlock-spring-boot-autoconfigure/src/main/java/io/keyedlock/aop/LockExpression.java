// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.expression.Expression;
import org.springframework.expression.spel.SpelNode;
import org.springframework.expression.spel.SpelParserConfiguration;
import org.springframework.expression.spel.ast.InlineList;
import org.springframework.expression.spel.ast.PropertyOrFieldReference;
import org.springframework.expression.spel.ast.SpelNodeImpl;
import org.springframework.expression.spel.ast.VariableReference;
import org.springframework.expression.spel.standard.SpelExpression;

/**
 * A parsed expression of an annotation.
 *
 * <p>The elements of a list such as <code>{#tenant, #id}</code> are evaluated one by one, as SpEL compiles only
 * constant lists.
 */
final class LockExpression {

    private final SpelExpression whole;
    private final @Nullable List<Expression> parts;

    LockExpression(SpelExpression whole, SpelParserConfiguration configuration) {
        this.whole = whole;
        this.parts = whole.getAST() instanceof InlineList list ? elements(list, configuration) : null;
    }

    String text() {
        return whole.getExpressionString();
    }

    SpelNode root() {
        return whole.getAST();
    }

    /** Returns whether the expression reads the variable of this name, or all arguments. */
    boolean uses(String variable) {
        return uses(whole.getAST(), "#" + variable);
    }

    private static boolean uses(SpelNode node, String variable) {
        String text = node.toStringAST();
        if ((node instanceof VariableReference && text.equals(variable))
                || (node instanceof PropertyOrFieldReference && text.equals("args"))) {
            return true;
        }
        for (int i = 0; i < node.getChildCount(); i++) {
            if (uses(node.getChild(i), variable)) {
                return true;
            }
        }
        return false;
    }

    /** Returns the value for one call; a list becomes a composite key. */
    @Nullable
    Object evaluate(CallContext context) {
        if (parts == null) {
            return whole.getValue(context, context.call());
        }
        @Nullable Object[] values = new Object[parts.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = parts.get(i).getValue(context, context.call());
        }
        return Keys.composite(values);
    }

    private static List<Expression> elements(InlineList list, SpelParserConfiguration configuration) {
        Expression[] elements = new Expression[list.getChildCount()];
        for (int i = 0; i < elements.length; i++) {
            SpelNodeImpl element = (SpelNodeImpl) list.getChild(i);
            elements[i] = new SpelExpression(element.toStringAST(), element, configuration);
        }
        return List.of(elements);
    }
}
