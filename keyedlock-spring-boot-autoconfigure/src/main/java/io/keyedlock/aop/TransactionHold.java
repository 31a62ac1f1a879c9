// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.Permit;
import org.springframework.transaction.support.TransactionSynchronization;
import org.springframework.transaction.support.TransactionSynchronizationManager;

/** Keeps a permit until the active transaction has completed. Requires spring-tx. */
final class TransactionHold implements TransactionSynchronization {

    private final Permit permit;

    /** Whether the transaction is rolled back if the lease was lost. */
    private final boolean failsIfLost;

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
     * @return whether the transaction will close the permit
     */
    static boolean keep(Permit permit, boolean failsIfLost) {
        if (!TransactionSynchronizationManager.isSynchronizationActive()
                || !TransactionSynchronizationManager.isActualTransactionActive()) {
            return false;
        }
        TransactionSynchronizationManager.registerSynchronization(new TransactionHold(permit, failsIfLost));
        return true;
    }

    @Override
    public void beforeCommit(boolean readOnly) {
        if (failsIfLost) {
            permit.checkValid();
        }
    }

    @Override
    public void afterCompletion(int status) {
        permit.close();
    }
}
