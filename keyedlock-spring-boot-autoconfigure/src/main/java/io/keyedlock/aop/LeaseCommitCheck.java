// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.transaction.ConfigurableTransactionManager;
import org.springframework.transaction.TransactionExecution;
import org.springframework.transaction.TransactionExecutionListener;

/**
 * Fails the commit of each transaction on a thread whose annotated call has lost its lease, so that the transaction is
 * rolled back. Registers itself with all transaction managers that are beans.
 *
 * @since 0.1.0
 */
public final class LeaseCommitCheck implements BeanPostProcessor, TransactionExecutionListener {

    /** Creates the check. */
    public LeaseCommitCheck() {}

    @Override
    public Object postProcessAfterInitialization(Object bean, String beanName) {
        if (bean instanceof ConfigurableTransactionManager manager) {
            manager.addListener(this);
        }
        return bean;
    }

    @Override
    public void beforeCommit(TransactionExecution transaction) {
        CurrentPermit.checkAll();
    }
}
