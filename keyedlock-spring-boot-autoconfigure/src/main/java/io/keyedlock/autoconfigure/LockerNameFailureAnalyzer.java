// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyedLocker;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.BeanNotOfRequiredTypeException;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** Says whose name a configured locker has taken, where something of Spring looks for a bean of its own by that name. */
final class LockerNameFailureAnalyzer extends AbstractFailureAnalyzer<BeanNotOfRequiredTypeException> {

    @Override
    protected @Nullable FailureAnalysis analyze(Throwable rootFailure, BeanNotOfRequiredTypeException cause) {
        String name = cause.getBeanName();
        if (!KeyedLocker.class.isAssignableFrom(cause.getActualType())) {
            return null;
        }
        return new FailureAnalysis(
                "The bean '" + name + "' is looked for as a "
                        + cause.getRequiredType().getName() + ", but it is a locker: " + LockerSettings.prefixOf(name)
                        + " has made it one.",
                "Give the locker another name: write keyedlock.locks.my-" + name + " for "
                        + LockerSettings.prefixOf(name) + ", or, if another bean was meant, name that one where it is"
                        + " asked for.",
                cause);
    }
}
