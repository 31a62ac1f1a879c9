// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.lang.reflect.Method;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The resolved annotation of every method that was checked or called, by method and class of the target.
 *
 * <p>A map by method of short chains by class, most often of one link, so that a call makes no key to look itself up and
 * asks one map only. Methods whose annotation is wrong are not remembered: each of their calls looks again, and fails with
 * what it finds.
 */
final class LockedMethods {

    private final Map<Method, Resolved> resolved = new ConcurrentHashMap<>();
    private final LockedMethodParser parser;

    LockedMethods(LockedMethodParser parser) {
        this.parser = parser;
    }

    /**
     * What the annotation of a method says, or null if this class has none there.
     *
     * @throws InvalidKeyedLockException if it is wrong
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

    /** One class of a method, and the others; two threads that come first at once may leave two links for one class. */
    private record Resolved(
            Class<?> targetClass,
            @Nullable LockedMethod locked,
            @Nullable Resolved next) {}

    /**
     * Creates the locker of a method whose annotation has been checked, if the check has found nothing.
     *
     * @throws IllegalStateException if there cannot be such a locker
     */
    void openLocker(AnnotatedMethod checked) {
        for (Resolved one = resolved.get(checked.method()); one != null; one = one.next()) {
            LockedMethod locked = one.locked();
            if (one.targetClass() == checked.type() && locked != null) {
                locked.locker().get();
            }
        }
    }

    /** What is wrong with an annotation. If nothing is, its first call need not read it again. */
    List<Finding> check(AnnotatedMethod annotated) {
        Findings findings = new Findings();
        parser.parse(annotated, annotated.method(), findings)
                .ifPresent(locked -> remember(annotated.method(), annotated.type(), locked));
        return findings.toList();
    }
}
