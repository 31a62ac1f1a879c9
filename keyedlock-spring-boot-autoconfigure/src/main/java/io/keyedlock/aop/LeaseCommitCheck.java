// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.transaction.ConfigurableTransactionManager;
import org.springframework.transaction.ReactiveTransaction;
import org.springframework.transaction.TransactionExecution;
import org.springframework.transaction.TransactionExecutionListener;

/**
 * Fails the commit of each transaction whose annotated call has lost its lease, so that the transaction is rolled back. Registers
 * itself with all transaction managers that are beans.
 *
 * <p>A blocking transaction belongs to the calls on its thread. A reactive transaction may be committed on any thread; it belongs
 * to the chain to whose source the thread was subscribing when the transaction began on it.
 *
 * @since 0.1.0
 */
public final class LeaseCommitCheck implements BeanPostProcessor, TransactionExecutionListener {

    /** The permit of the chain in which a reactive transaction began, until the transaction ends. */
    private final Map<TransactionExecution, ChainPermit> chains = new ConcurrentHashMap<>();

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
    public void beforeBegin(TransactionExecution transaction) {
        if (transaction instanceof ReactiveTransaction) {
            ChainPermit chain = ChainPermit.ofSubscription();
            if (chain != null) {
                chains.put(transaction, chain);
            }
        }
    }

    @Override
    public void afterBegin(TransactionExecution transaction, @Nullable Throwable failure) {
        if (failure != null) {
            chains.remove(transaction);
        }
    }

    @Override
    public void beforeCommit(TransactionExecution transaction) {
        CurrentPermit.checkAll();
        ChainPermit chain = chains.remove(transaction);
        if (chain != null) {
            chain.checkChain();
        }
    }

    @Override
    public void afterRollback(TransactionExecution transaction, @Nullable Throwable failure) {
        chains.remove(transaction);
    }
}
