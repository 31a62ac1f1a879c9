// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

/**
 * A problem with a {@link io.keyedlock.annotation.KeyedLock} annotation.
 *
 * @param className the class that carries the annotation, or whose method cannot be advised
 * @param method the method with its parameter types, or empty if the finding is about the type
 * @param problem what is wrong
 * @param remedy what to write instead
 * @since 0.1.0
 */
public record Finding(String className, String method, String problem, String remedy) {

    /**
     * Returns the place in the form of a stack trace.
     *
     * @return class and method
     */
    public String place() {
        return method.isEmpty() ? className : className + "." + method;
    }

    @Override
    public String toString() {
        return place() + ": " + problem + ". " + remedy + (remedy.endsWith("?") ? "" : ".");
    }
}
