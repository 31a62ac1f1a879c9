// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.Permit;
import org.springframework.transaction.support.TransactionSynchronization;
import org.springframework.transaction.support.TransactionSynchronizationManager;

/** Keeps a permit until the transaction that is active has been completed. To be touched only where spring-tx is there. */
final class TransactionHold implements TransactionSynchronization {

    private final Permit permit;

    /** Whether the transaction fails if the lease was lost. */
    private final boolean fails;

    private TransactionHold(Permit permit, boolean fails) {
        this.permit = permit;
        this.fails = fails;
    }

    /**
     * Hands the permit over to the active transaction, if there is one.
     *
     * <p>While a transaction is being completed it still counts as active, but takes no synchronization any more; the permit of
     * a method that is called then belongs to its call.
     *
     * @param fails whether the transaction is rolled back if the lease was lost
     * @return whether the permit is closed by the transaction
     */
    static boolean keep(Permit permit, boolean fails) {
        if (!TransactionSynchronizationManager.isSynchronizationActive()
                || !TransactionSynchronizationManager.isActualTransactionActive()) {
            return false;
        }
        TransactionSynchronizationManager.registerSynchronization(new TransactionHold(permit, fails));
        return true;
    }

    @Override
    public void beforeCommit(boolean readOnly) {
        if (fails) {
            permit.checkValid();
        }
    }

    @Override
    public void afterCompletion(int status) {
        permit.close();
    }
}
