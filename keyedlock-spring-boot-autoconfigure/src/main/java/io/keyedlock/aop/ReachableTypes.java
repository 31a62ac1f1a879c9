// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.util.LinkedHashSet;
import java.util.Set;
import java.util.stream.Stream;
import org.springframework.aot.hint.MemberCategory;
import org.springframework.aot.hint.ReflectionHints;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;

/**
 * Collects the types whose members expressions access by reflection, as far as declared types show them. A native image
 * contains only members that were registered when it was built.
 */
final class ReachableTypes {

    private final ConfigurableListableBeanFactory beans;
    private final Set<Class<?>> accessed = new LinkedHashSet<>();
    private final Set<Class<?>> constructed = new LinkedHashSet<>();

    ReachableTypes(ConfigurableListableBeanFactory beans) {
        this.beans = beans;
    }

    /** Adds the types that an expression of a method accesses. */
    void add(LockExpression expression, AnnotatedMethod annotated) {
        new ExpressionWalk(annotated, ParameterNames.of(annotated), beans) {
            @Override
            void property(Class<?> owner, String name, boolean exact) {
                accessed.add(owner);
            }

            @Override
            void method(Class<?> owner, String name, boolean exact) {
                accessed.add(owner);
            }

            @Override
            void valueClass(Class<?> type) {
                accessed.add(type);
            }

            @Override
            void constructor(Class<?> type) {
                constructed.add(type);
            }
        }.walk(expression);
    }

    /** Registers the members of all added types. */
    void register(ReflectionHints hints) {
        for (Class<?> type : accessed) {
            hints.registerType(type, MemberCategory.INVOKE_PUBLIC_METHODS);
            Stream.of(type.getFields()).forEach(hints::registerField);
        }
        constructed.forEach(type -> hints.registerType(type, MemberCategory.INVOKE_PUBLIC_CONSTRUCTORS));
    }
}
