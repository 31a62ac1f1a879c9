// SPDX-License-Identifier: Apache-2.0
/**
 * The advice behind {@link io.keyedlock.annotation.KeyedLock}.
 *
 * <p>{@link io.keyedlock.aop.KeyedLockAdvisor} finds the annotated methods of a bean and applies its interceptor to
 * them. On the first call of a method, or at startup when {@link io.keyedlock.aop.KeyedLockValidator} validates all
 * beans, the annotation is resolved once. Lockers come from a {@link io.keyedlock.aop.AdviceLockerRegistry}. Each
 * problem of an annotation is a {@link io.keyedlock.aop.Finding}; one
 * {@link io.keyedlock.aop.InvalidKeyedLockException} carries all of them.
 */
@NullMarked
package io.keyedlock.aop;

import org.jspecify.annotations.NullMarked;
