// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.lang.reflect.Method;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.core.KotlinDetector;
import org.springframework.core.ResolvableType;
import org.springframework.util.ClassUtils;

/** Selects the strategy of a method by its result type. Uses only classes of libraries that are on the class path. */
final class ResultStrategies {

    private static final String FLOW = "kotlinx.coroutines.flow.Flow";

    private static final String BY_HAND =
            "acquire the lock with KeyedLocker.acquireAsync and close the permit when the result is complete";

    static final boolean REACTOR = isPresent("reactor.core.publisher.Mono");

    private static final boolean COROUTINES = REACTOR && isPresent("kotlinx.coroutines.reactor.MonoKt");

    private final Supplier<Executor> executor;

    ResultStrategies(Supplier<Executor> executor) {
        this.executor = executor;
    }

    private static boolean isPresent(String className) {
        return ClassUtils.isPresent(className, ResultStrategies.class.getClassLoader());
    }

    /**
     * Returns the strategy of a method.
     *
     * @param report receives a problem and its remedy if calls of the method cannot be locked
     */
    ResultStrategy of(AnnotatedMethod annotated, BiConsumer<String, String> report) {
        Method method = annotated.method();
        if (KotlinDetector.isSuspendingFunction(method)) {
            return suspending(method, report);
        }
        if (method.getReturnType().isPrimitive()) {
            return new PlainResultStrategy();
        }
        ResolvableType result = ResolvableType.forMethodReturnType(method, annotated.type());
        Class<?> raw = result.resolve(Object.class);
        if (isUsedLater(result, report)) {
            return new PlainResultStrategy();
        }
        String late = LateResult.of(result);
        if (late == null) {
            return LateResult.mayHide(raw) ? new UndeclaredResultStrategy() : new PlainResultStrategy();
        }
        if (annotated.isAsync() && LateResult.isFuture(raw)) {
            return new AsyncMethodResultStrategy();
        }
        if (LateResult.isRunning(raw)) {
            String inside = LateResult.inside(result);
            ResultStrategy strategy = inside == null ? running(raw) : null;
            if (strategy != null) {
                return strategy;
            }
        }
        report.accept("its result finishes later (" + late + "), after the lock would have been released", remedy(raw));
        return new PlainResultStrategy();
    }

    private static boolean isUsedLater(ResolvableType result, BiConsumer<String, String> report) {
        String later = LateResult.usedLater(result);
        if (later != null) {
            report.accept(
                    "its result is used later (" + later + "), after the lock has been released",
                    "Return the values themselves, for instance in a List, or acquire the lock with a KeyedLocker where the"
                            + " result is used");
        }
        return later != null;
    }

    /** Returns whether the result type of a method has an empty value, so that a call may be skipped. */
    static boolean mayBeSkipped(AnnotatedMethod annotated) {
        Method method = annotated.method();
        if (KotlinDetector.isSuspendingFunction(method)) {
            return COROUTINES && KotlinDetector.isKotlinReflectPresent() && KotlinFunctions.mayBeEmpty(method);
        }
        ResolvableType result = ResolvableType.forMethodReturnType(method, annotated.type());
        Class<?> raw = result.resolve(Object.class);
        if (LateResult.isFuture(raw)) {
            return result.getGeneric().resolve() == Void.class;
        }
        return raw == void.class || raw == Optional.class || (REACTOR && ReactiveResultStrategy.mayBeEmpty(raw));
    }

    private ResultStrategy suspending(Method method, BiConsumer<String, String> report) {
        if (!COROUTINES || !KotlinDetector.isKotlinReflectPresent()) {
            report.accept(
                    "a suspending function needs libraries that are missing",
                    "Add org.jetbrains.kotlinx:kotlinx-coroutines-reactor and org.jetbrains.kotlin:kotlin-reflect");
            return new PlainResultStrategy();
        }
        if (KotlinFunctions.of(method) == null) {
            report.accept(
                    "the compiler has copied this suspending function from an interface, and Spring cannot call the copy",
                    "Override the function in the class");
        }
        if (AnnotatedMethod.isBridged(method)) {
            report.accept(
                    "this suspending function with a value class implements a generic one, and Spring cannot call it through"
                            + " that",
                    "Write the value class in the interface too, or take the value that it wraps");
        }
        ResolvableType result = KotlinFunctions.resultOf(method);
        if (isUsedLater(result, report)) {
            return new PlainResultStrategy();
        }
        boolean flow = result.resolve(Object.class).getName().equals(FLOW);
        String late = flow ? LateResult.inside(result) : LateResult.of(result);
        if (late != null) {
            report.accept(
                    "its result finishes later (" + late + "), after the suspending function has ended",
                    "Return the value itself, or " + BY_HAND);
        }
        return ReactiveResultStrategy.suspending(!flow, executor);
    }

    private @Nullable ResultStrategy running(Class<?> raw) {
        if (raw == CompletableFuture.class || raw == CompletionStage.class) {
            return new StageResultStrategy(executor);
        }
        if (LateResult.isFuture(raw) || !REACTOR) {
            return null;
        }
        if (raw.getName().equals(FLOW)) {
            return COROUTINES ? new FlowResultStrategy(executor) : null;
        }
        return ReactiveResultStrategy.of(raw, executor);
    }

    private static String remedy(Class<?> raw) {
        if (raw.getName().startsWith("kotlinx.coroutines.") && !COROUTINES) {
            return "Add org.jetbrains.kotlinx:kotlinx-coroutines-reactor";
        }
        if (!REACTOR && LateResult.isReactive(raw)) {
            return "Add io.projectreactor:reactor-core, or " + BY_HAND;
        }
        return "Return the value itself (with @Async the method still runs on another thread), a CompletableFuture, a Mono"
                + " or a Flux of it, or " + BY_HAND;
    }
}
