// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.util.LinkedHashSet;
import java.util.Set;
import java.util.stream.Stream;
import org.springframework.aot.hint.MemberCategory;
import org.springframework.aot.hint.ReflectionHints;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;

/**
 * The types whose members expressions read or call by reflection, as far as declared types tell: a native image has only
 * members that it was told of when it was built.
 */
final class ReachableTypes {

    private final ConfigurableListableBeanFactory beans;
    private final Set<Class<?>> read = new LinkedHashSet<>();
    private final Set<Class<?>> constructed = new LinkedHashSet<>();

    ReachableTypes(ConfigurableListableBeanFactory beans) {
        this.beans = beans;
    }

    /** Adds what an expression of a method reaches. */
    void add(LockExpression expression, AnnotatedMethod annotated) {
        new ExpressionWalk(annotated, beans) {
            @Override
            void property(Class<?> owner, String name, boolean exact) {
                read.add(owner);
            }

            @Override
            void method(Class<?> owner, String name, boolean exact) {
                read.add(owner);
            }

            @Override
            void valueClass(Class<?> type) {
                read.add(type);
            }

            @Override
            void constructor(Class<?> type) {
                constructed.add(type);
            }
        }.walk(expression);
    }

    /** Makes the members of all types that were added accessible. */
    void register(ReflectionHints hints) {
        for (Class<?> type : read) {
            hints.registerType(type, MemberCategory.INVOKE_PUBLIC_METHODS);
            Stream.of(type.getFields()).forEach(hints::registerField);
        }
        constructed.forEach(type -> hints.registerType(type, MemberCategory.INVOKE_PUBLIC_CONSTRUCTORS));
    }
}
