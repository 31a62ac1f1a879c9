// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.Permit;
import org.jspecify.annotations.Nullable;
import org.springframework.transaction.support.TransactionSynchronization;
import org.springframework.transaction.support.TransactionSynchronizationManager;

/** Keeps a permit until the active transaction has completed. Requires spring-tx. */
final class TransactionHold implements TransactionSynchronization {

    private final Permit permit;

    /** Whether the transaction is rolled back if the lease was lost. */
    private final boolean failsIfLost;

    /** Whether the permit was released before the end of the transaction. Used by the transaction's thread only. */
    private boolean released;

    private TransactionHold(Permit permit, boolean failsIfLost) {
        this.permit = permit;
        this.failsIfLost = failsIfLost;
    }

    /**
     * Hands the permit over to the active transaction, if there is one.
     *
     * <p>While a transaction is being completed, it still counts as active but accepts no synchronizations. The permit
     * of a method called during that phase is released on return.
     *
     * @param failsIfLost whether the transaction is rolled back if the lease was lost
     * @return the hold, which closes the permit when the transaction has completed; null without a transaction
     */
    static @Nullable TransactionHold keep(Permit permit, boolean failsIfLost) {
        if (!TransactionSynchronizationManager.isSynchronizationActive()
                || !TransactionSynchronizationManager.isActualTransactionActive()) {
            return null;
        }
        TransactionHold hold = new TransactionHold(permit, failsIfLost);
        TransactionSynchronizationManager.registerSynchronization(hold);
        return hold;
    }

    /** Closes the permit at once, because the method does not run. */
    void release() {
        released = true;
        permit.close();
    }

    @Override
    public void beforeCommit(boolean readOnly) {
        if (failsIfLost && !released) {
            permit.checkValid();
        }
    }

    @Override
    public void afterCompletion(int status) {
        permit.close();
    }
}
