// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

/**
 * The result of an attempt to acquire: a permit ({@link Hold} or {@link Reentry}), a {@link Waiter} in the queue, or a
 * {@link RejectReason}. A {@code Waiter} ends with a {@code Hold} or a {@code RejectReason}.
 */
sealed interface AcquireResult permits Hold, Reentry, Waiter, RejectReason {}
