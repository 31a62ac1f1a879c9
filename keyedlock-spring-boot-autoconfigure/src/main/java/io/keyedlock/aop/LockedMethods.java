// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.lang.reflect.Method;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The resolved annotations of all methods that were validated or called, by method and class of the target.
 *
 * <p>A map by method of short linked lists by class, usually with one element, so that a call allocates no lookup key
 * and looks into one map only. Methods with an invalid annotation are not stored: each call parses the annotation again
 * and fails with the findings.
 */
final class LockedMethods {

    private final Map<Method, Resolved> resolved = new ConcurrentHashMap<>();
    private final LockedMethodParser parser;

    LockedMethods(LockedMethodParser parser) {
        this.parser = parser;
    }

    /**
     * Returns the resolved annotation of a method, or null if the method has none in this class.
     *
     * @throws InvalidKeyedLockException if it is invalid
     */
    @Nullable
    LockedMethod get(Method method, Class<?> targetClass) {
        for (Resolved one = resolved.get(method); one != null; one = one.next()) {
            if (one.targetClass() == targetClass) {
                return one.locked();
            }
        }
        return resolve(method, targetClass);
    }

    private @Nullable LockedMethod resolve(Method method, Class<?> targetClass) {
        AnnotatedMethod annotated = AnnotatedMethod.find(method, targetClass);
        LockedMethod found = null;
        if (annotated != null) {
            Findings findings = new Findings();
            found = parser.parse(annotated, method, findings).orElse(null);
            if (found == null) {
                throw new InvalidKeyedLockException(findings.toList());
            }
        }
        remember(method, targetClass, found);
        return found;
    }

    private void remember(Method method, Class<?> targetClass, @Nullable LockedMethod locked) {
        resolved.compute(method, (same, others) -> new Resolved(targetClass, locked, others));
    }

    /**
     * The resolved annotation for one target class, linked to those for other classes. Two threads that resolve at the
     * same time may store two elements for one class.
     */
    private record Resolved(
            Class<?> targetClass,
            @Nullable LockedMethod locked,
            @Nullable Resolved next) {}

    /**
     * Creates the lockers of a method whose annotation has been validated without findings.
     *
     * @throws IllegalStateException if a locker cannot be created
     */
    void openLockers(AnnotatedMethod checked) {
        for (Resolved one = resolved.get(checked.method()); one != null; one = one.next()) {
            LockedMethod locked = one.locked();
            if (one.targetClass() == checked.type() && locked != null) {
                for (LockedMethod each = locked; each != null; each = each.next()) {
                    each.locker().get();
                }
            }
        }
    }

    /** Validates an annotation and returns the findings. If there are none, the first call need not parse it again. */
    List<Finding> check(AnnotatedMethod annotated) {
        Findings findings = new Findings();
        LockedMethod locked =
                parser.parse(annotated, annotated.method(), findings).orElse(null);
        if (locked != null) {
            remember(annotated.method(), annotated.type(), locked);
        }
        return findings.toList();
    }
}
