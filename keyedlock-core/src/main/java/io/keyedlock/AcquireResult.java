// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

/**
 * The result of an attempt to acquire: a permit ({@link Hold} or {@link Reentry}), a place in the queue, or the reason why there
 * is neither. A {@link Waiter} ends with one of the others.
 */
sealed interface AcquireResult permits Hold, Reentry, Waiter, RejectReason {}
