// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.annotation;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * The container of several {@link KeyedLock} annotations on one method or type. The compiler adds it where the annotation is
 * repeated.
 *
 * @since 0.1.0
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.METHOD, ElementType.TYPE, ElementType.ANNOTATION_TYPE})
public @interface KeyedLocks {

    /**
     * The repeated annotations.
     *
     * @return the locks, in any order
     */
    KeyedLock[] value();
}
