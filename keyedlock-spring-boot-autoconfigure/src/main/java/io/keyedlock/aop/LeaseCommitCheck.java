// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.transaction.ConfigurableTransactionManager;
import org.springframework.transaction.TransactionExecution;
import org.springframework.transaction.TransactionExecutionListener;

/**
 * Fails the commit of each transaction of a thread whose annotated call has lost its lease, so that it is rolled back. Added to
 * all transaction managers that are beans.
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
