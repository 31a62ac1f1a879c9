// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import kotlin.Unit;
import kotlin.jvm.JvmClassMappingKt;
import kotlin.reflect.KClass;
import kotlin.reflect.KFunction;
import kotlin.reflect.KParameter;
import kotlin.reflect.KProperty;
import kotlin.reflect.KType;
import kotlin.reflect.KTypeParameter;
import kotlin.reflect.full.KClasses;
import kotlin.reflect.jvm.ReflectJvmMapping;
import org.jspecify.annotations.Nullable;
import org.springframework.core.KotlinDetector;
import org.springframework.core.MethodParameter;
import org.springframework.core.ResolvableType;

/**
 * What the source of a Kotlin function says and its class file does not. May be used only where {@link #areKnown} says so, apart
 * from that method itself.
 */
final class KotlinFunctions {

    /** Separates the name of a function from a hash of its value classes; legal in no Java name. */
    static final char HASH = '-';

    private KotlinFunctions() {}

    /** Whether a class was written in Kotlin and its source can be asked about, as kotlin-reflect is present. */
    static boolean areKnown(Class<?> declaring) {
        return KotlinDetector.isKotlinReflectPresent() && KotlinDetector.isKotlinType(declaring);
    }

    /** The function of a method, or null if the compiler has made the method of something else. */
    static @Nullable KFunction<?> of(Method method) {
        try {
            return ReflectJvmMapping.getKotlinFunction(method);
        } catch (UnsupportedOperationException | Error e) {
            rethrowUnlessOfKotlin(e);
            // A class of the compiler's own, which has no source.
            return null;
        }
    }

    /** The name of the function, or of the method if there is none. */
    static String nameOf(Method method) {
        KFunction<?> function = of(method);
        return function == null ? method.getName() : function.getName();
    }

    /** What the function returns to its caller in Kotlin. */
    static ResolvableType resultOf(Method method) {
        return ResolvableType.forType(new MethodParameter(method, -1).getGenericParameterType());
    }

    /** Whether its caller can be given nothing. */
    static boolean mayBeEmpty(Method method) {
        KFunction<?> function = of(method);
        Class<?> result = resultOf(method).resolve(Object.class);
        return result == void.class
                || result == Unit.class
                || (function != null && function.getReturnType().isMarkedNullable());
    }

    /** Whether a method is an overload that {@code @JvmOverloads} has made, which calls the function with defaults. */
    static boolean isOverload(Method method) {
        return Modifier.isFinal(method.getModifiers())
                && Stream.of(method.getDeclaringClass().getDeclaredMethods())
                        .anyMatch(other -> other.getName().equals(method.getName() + "$default"))
                && of(method) == null;
    }

    /**
     * The places of the arguments for which a suspending function sees its default where its caller passes null, as Spring
     * calls it so.
     */
    static List<Integer> replacedByDefaults(Method method) {
        List<KParameter> parameters = parameters(method);
        return IntStream.range(0, parameters.size())
                .filter(i -> parameters.get(i).isOptional()
                        && mayBeNull(parameters.get(i).getType()))
                .boxed()
                .toList();
    }

    private static boolean mayBeNull(KType type) {
        return type.isMarkedNullable() || type.getClassifier() instanceof KTypeParameter;
    }

    /** The types of the arguments as the source has them: those of value classes are these, however they arrive. */
    static List<Class<?>> parameterTypes(Method method) {
        List<KParameter> parameters = parameters(method);
        List<Class<?>> types = new ArrayList<>(List.of(method.getParameterTypes()));
        for (int i = 0; i < parameters.size(); i++) {
            Class<?> valueClass = valueClassOf(parameters.get(i).getType());
            if (valueClass != null) {
                types.set(i, valueClass);
            }
        }
        return types;
    }

    /** Brings the arguments of a method into the form that its source gives them. */
    static ValueClassArguments arguments(Method method) {
        return new ValueClassArguments(parameters(method).stream()
                .map(parameter -> box(parameter.getType()))
                .toArray(ValueClassBox[]::new));
    }

    /** A property whose getter has a name of the compiler's, as it returns a value class; null if there is none. */
    static @Nullable ValueClassProperty property(Class<?> type, String name) {
        try {
            for (KProperty<?> property : KClasses.getMemberProperties(JvmClassMappingKt.getKotlinClass(type))) {
                Method getter = property.getName().equals(name) ? ReflectJvmMapping.getJavaGetter(property) : null;
                if (getter != null && getter.getName().indexOf(HASH) >= 0) {
                    ValueClassBox box = box(property.getReturnType());
                    return box == null ? null : new ValueClassProperty(getter, box);
                }
            }
            return null;
        } catch (UnsupportedOperationException | Error e) {
            rethrowUnlessOfKotlin(e);
            return null;
        }
    }

    private static List<KParameter> parameters(Method method) {
        KFunction<?> function = of(method);
        return function == null
                ? List.of()
                : function.getParameters().stream()
                        .filter(parameter -> parameter.getKind() != KParameter.Kind.INSTANCE)
                        .toList();
    }

    private static @Nullable ValueClassBox box(KType type) {
        Class<?> valueClass = valueClassOf(type);
        return valueClass == null ? null : ValueClassBox.of(valueClass, type.isMarkedNullable());
    }

    private static @Nullable Class<?> valueClassOf(KType type) {
        return type.getClassifier() instanceof KClass<?> some && some.isValue()
                ? JvmClassMappingKt.getJavaClass(some)
                : null;
    }

    /** Not caught by its type: the verifier would load that with this class, also where Kotlin is absent. */
    private static void rethrowUnlessOfKotlin(Throwable e) {
        if (e instanceof Error error
                && !e.getClass().getName().equals("kotlin.reflect.jvm.internal.KotlinReflectionInternalError")) {
            throw error;
        }
    }
}
