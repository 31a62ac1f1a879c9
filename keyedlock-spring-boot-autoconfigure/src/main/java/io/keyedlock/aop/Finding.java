// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

/**
 * One thing that is wrong with a {@link io.keyedlock.annotation.KeyedLock}.
 *
 * @param className the class that carries the annotation, or whose method cannot be advised
 * @param method the method with its parameter types, or empty if the type as a whole is concerned
 * @param problem what is wrong
 * @param remedy what to write instead
 */
public record Finding(String className, String method, String problem, String remedy) {

    /**
     * The place, as a stack trace would name it.
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
