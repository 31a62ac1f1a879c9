// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import org.springframework.boot.autoconfigure.condition.ConditionMessage;
import org.springframework.boot.autoconfigure.condition.ConditionOutcome;
import org.springframework.boot.autoconfigure.condition.SpringBootCondition;
import org.springframework.boot.context.properties.bind.BindException;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.context.annotation.ConditionContext;
import org.springframework.core.type.AnnotatedTypeMetadata;

/**
 * Matches if a boolean property has an expected value. The value is bound as in the properties: {@code off} and {@code no} are
 * false, {@code on} and {@code 1} are true. A condition that compares strings would leave methods unlocked with a value that
 * the properties bind to true. The binding of the properties reports invalid values.
 */
abstract sealed class OnEnabled extends SpringBootCondition {

    private final String property;
    private final boolean defaultValue;
    private final boolean expected;

    private OnEnabled(String property, boolean defaultValue, boolean expected) {
        this.property = property;
        this.defaultValue = defaultValue;
        this.expected = expected;
    }

    @Override
    public final ConditionOutcome getMatchOutcome(ConditionContext context, AnnotatedTypeMetadata metadata) {
        boolean value = read(context);
        return new ConditionOutcome(
                value == expected,
                ConditionMessage.forCondition("keyedlock switch").because(property + " is " + value));
    }

    private boolean read(ConditionContext context) {
        try {
            return Binder.get(context.getEnvironment())
                    .bind(property, Boolean.class)
                    .orElse(defaultValue);
        } catch (BindException e) {
            return defaultValue;
        }
    }

    /** {@code keyedlock.enabled} is not false. */
    static final class Locking extends OnEnabled {

        Locking() {
            super("keyedlock.enabled", true, true);
        }
    }

    /** {@code keyedlock.enabled} is false. */
    static final class NoLocking extends OnEnabled {

        NoLocking() {
            super("keyedlock.enabled", true, false);
        }
    }

    /** {@code keyedlock.web.problem-details} is not false. */
    static final class ProblemDetails extends OnEnabled {

        ProblemDetails() {
            super("keyedlock.web.problem-details", true, true);
        }
    }

    /** {@code keyedlock.observations} is true. */
    static final class Observations extends OnEnabled {

        Observations() {
            super("keyedlock.observations", false, true);
        }
    }
}
