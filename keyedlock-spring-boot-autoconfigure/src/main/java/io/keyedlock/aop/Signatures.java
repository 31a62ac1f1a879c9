// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.Method;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.springframework.core.KotlinDetector;

/** Describes methods in messages, as in their source. */
final class Signatures {

    private Signatures() {}

    /**
     * Returns the name and parameter types of a method as in its source. Types have simple names, full names if two
     * overloads of the class would otherwise look the same, and the names of the class file if they still would.
     */
    static String of(Method method) {
        return Stream.<Function<Method, String>>of(
                        each -> sourceSignature(each, Class::getSimpleName),
                        each -> sourceSignature(each, Class::getTypeName))
                .filter(form -> isUnique(method, form))
                .findFirst()
                .orElse(each -> signature(each.getName(), each, List.of(each.getParameterTypes()), Class::getTypeName))
                .apply(method);
    }

    private static boolean isUnique(Method method, Function<Method, String> form) {
        String own = form.apply(method);
        return Stream.of(method.getDeclaringClass().getDeclaredMethods())
                .filter(other -> !other.isBridge() && !other.isSynthetic() && !other.equals(method))
                .filter(other -> other.getName().startsWith(sourceName(method)))
                .noneMatch(other -> form.apply(other).equals(own));
    }

    private static String sourceSignature(Method method, Function<Class<?>, String> name) {
        List<Class<?>> types =
                isReadable(method) ? KotlinFunctions.parameterTypes(method) : List.of(method.getParameterTypes());
        return signature(sourceName(method), method, types, name);
    }

    private static String signature(
            String name, Method method, List<Class<?>> types, Function<Class<?>, String> nameOfType) {
        // The last parameter of a suspending function, its continuation, is not in its source.
        int last = types.size() - (KotlinDetector.isSuspendingFunction(method) ? 1 : 0);
        return types.stream().limit(last).map(nameOfType).collect(Collectors.joining(",", name + "(", ")"));
    }

    /** Returns the name of a method in its source. */
    static String sourceName(Method method) {
        return isReadable(method) ? KotlinFunctions.nameOf(method) : method.getName();
    }

    /** Returns whether the compiler has changed the name of the method, and kotlin-reflect knows the original one. */
    private static boolean isReadable(Method method) {
        return AnnotatedMethod.isMangled(method) && KotlinFunctions.canReflect(method.getDeclaringClass());
    }

    /** Returns a method or a type in the form of a stack trace. */
    static String withClass(AnnotatedElement element) {
        return element instanceof Method declared
                ? declared.getDeclaringClass().getName() + "." + of(declared)
                : ((Class<?>) element).getName();
    }
}
