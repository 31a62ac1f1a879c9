// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.util.HashSet;
import java.util.Iterator;
import java.util.Set;
import java.util.Spliterator;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.concurrent.Future;
import java.util.function.BooleanSupplier;
import java.util.function.DoubleSupplier;
import java.util.function.IntSupplier;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.stream.BaseStream;
import org.jspecify.annotations.Nullable;
import org.springframework.core.ReactiveAdapterRegistry;
import org.springframework.core.ResolvableType;

/**
 * Distinguishes results that are complete when a method returns from those that complete later, which a lock released
 * on return does not protect. Identifies types of other libraries by name.
 */
final class LateResult {

    /** Types of work that continues or has yet to begin. Found anywhere inside a result type. */
    private static final Set<String> RUNNING = Set.of(
            Future.class.getName(),
            CompletionStage.class.getName(),
            Flow.Publisher.class.getName(),
            "org.reactivestreams.Publisher",
            "kotlinx.coroutines.Job",
            "kotlinx.coroutines.flow.Flow",
            "org.springframework.web.context.request.async.DeferredResult",
            "org.springframework.web.context.request.async.WebAsyncTask",
            "org.springframework.web.servlet.mvc.method.annotation.ResponseBodyEmitter",
            "org.springframework.web.servlet.mvc.method.annotation.StreamingResponseBody");

    /** Types that the caller reads step by step. Found anywhere inside a result type. */
    private static final Set<String> READ_LATER = Set.of(
            BaseStream.class.getName(),
            Iterator.class.getName(),
            Spliterator.class.getName(),
            "kotlin.sequences.Sequence");

    /**
     * Types of work that the caller starts. Only the exact types count, as types of an application may extend them for
     * other uses.
     */
    private static final Set<Class<?>> BEGUN_LATER = Set.of(
            Runnable.class,
            Supplier.class,
            BooleanSupplier.class,
            IntSupplier.class,
            LongSupplier.class,
            DoubleSupplier.class);

    /** Work that the caller starts, and that web handlers know how to start. */
    private static final String CALLABLE = "java.util.concurrent.Callable";

    private static final ClassValue<Boolean> IS_RUNNING = new ClassValue<>() {
        @Override
        protected Boolean computeValue(Class<?> type) {
            ReactiveAdapterRegistry reactive = ReactiveAdapterRegistry.getSharedInstance();
            return isAnyOf(type, RUNNING) || reactive.getAdapter(type) != null;
        }
    };

    private LateResult() {}

    /**
     * Describes the part of a method's result that completes later, or returns null if all of it is complete on return.
     */
    static @Nullable String of(ResolvableType result) {
        Class<?> raw = result.resolve(Object.class);
        if (isAnyOf(raw, Set.of(CALLABLE))) {
            return raw.getSimpleName();
        }
        return running(result, new HashSet<>());
    }

    /**
     * Describes the part of a method's result that is used only after the method has returned, or returns null if there
     * is none.
     */
    static @Nullable String usedLater(ResolvableType result) {
        Class<?> raw = result.resolve(Object.class);
        return BEGUN_LATER.contains(raw) ? raw.getSimpleName() : readLater(result, new HashSet<>());
    }

    private static @Nullable String readLater(ResolvableType type, Set<ResolvableType> seen) {
        Class<?> raw = type.resolve();
        if (raw == null || !seen.add(type)) {
            return null;
        }
        if (isAnyOf(raw, READ_LATER)) {
            return raw.getSimpleName();
        }
        if (raw.isArray()) {
            return readLater(type.getComponentType(), seen);
        }
        for (ResolvableType argument : type.getGenerics()) {
            String found = readLater(argument, seen);
            if (found != null) {
                return raw.getSimpleName() + "<" + found + ">";
            }
        }
        return null;
    }

    /**
     * Describes the part inside the result that completes later than the result, or returns null if there is none.
     */
    static @Nullable String inside(ResolvableType result) {
        return inside(result, new HashSet<>());
    }

    /** Returns whether a method that declares this type may return a late result undeclared. */
    static boolean mayHide(Class<?> declared) {
        return declared == Object.class || declared.isInterface();
    }

    static boolean isRunning(Class<?> type) {
        return IS_RUNNING.get(type);
    }

    /** Returns whether this is a publisher or can be adapted to one. */
    static boolean isReactive(Class<?> type) {
        return isRunning(type) && !isFuture(type);
    }

    /** Returns whether this is a future, whose end can be awaited. */
    static boolean isFuture(Class<?> type) {
        return Future.class.isAssignableFrom(type) || CompletionStage.class.isAssignableFrom(type);
    }

    private static @Nullable String running(ResolvableType type, Set<ResolvableType> seen) {
        Class<?> raw = type.resolve();
        if (raw == null || !seen.add(type)) {
            return null;
        }
        if (isRunning(raw)) {
            String inside = inside(type, seen);
            return inside == null ? raw.getSimpleName() : inside;
        }
        if (raw.isArray()) {
            return running(type.getComponentType(), seen);
        }
        return inside(type, seen);
    }

    private static @Nullable String inside(ResolvableType type, Set<ResolvableType> seen) {
        for (ResolvableType argument : type.getGenerics()) {
            String found = running(argument, seen);
            if (found != null) {
                return type.resolve(Object.class).getSimpleName() + "<" + found + ">";
            }
        }
        return null;
    }

    private static boolean isAnyOf(Class<?> type, Set<String> names) {
        for (Class<?> each = type; each != null; each = each.getSuperclass()) {
            if (names.contains(each.getName())) {
                return true;
            }
        }
        return AnnotatedMethod.interfacesOf(type).stream().anyMatch(each -> names.contains(each.getName()));
    }
}
