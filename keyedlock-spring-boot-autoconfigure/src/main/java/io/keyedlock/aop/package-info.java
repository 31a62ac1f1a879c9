// SPDX-License-Identifier: Apache-2.0
/**
 * The advice behind {@link io.keyedlock.annotation.KeyedLock}.
 *
 * <p>How the types relate: {@link io.keyedlock.aop.KeyedLockAdvisor} finds the annotated methods of a bean and puts its interceptor
 * around them. On the first call of a method, or before that when {@link io.keyedlock.aop.KeyedLockValidator} looks at all
 * beans at startup, the annotation is turned into a record once. Lockers come from a
 * {@link io.keyedlock.aop.AdviceLockerRegistry}. What is wrong with an annotation is a {@link io.keyedlock.aop.Finding}; all of
 * them travel in one {@link io.keyedlock.aop.InvalidKeyedLockException}.
 */
@NullMarked
package io.keyedlock.aop;

import org.jspecify.annotations.NullMarked;
