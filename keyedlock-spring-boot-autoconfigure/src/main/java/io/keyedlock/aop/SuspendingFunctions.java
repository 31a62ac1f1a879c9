// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.lang.reflect.Method;
import kotlin.Unit;
import kotlin.reflect.KFunction;
import kotlin.reflect.jvm.ReflectJvmMapping;
import org.springframework.core.MethodParameter;
import org.springframework.core.ResolvableType;

/** What Kotlin knows of a suspending function and its class file does not show. To be touched only where that is there. */
final class SuspendingFunctions {

    private SuspendingFunctions() {}

    /** What the function returns to its caller in Kotlin. */
    static ResolvableType resultOf(Method method) {
        return ResolvableType.forType(new MethodParameter(method, -1).getGenericParameterType());
    }

    /** Whether its caller can be given nothing. */
    static boolean mayBeEmpty(Method method) {
        KFunction<?> function = ReflectJvmMapping.getKotlinFunction(method);
        Class<?> result = resultOf(method).resolve(Object.class);
        return result == void.class
                || result == Unit.class
                || (function != null && function.getReturnType().isMarkedNullable());
    }
}
