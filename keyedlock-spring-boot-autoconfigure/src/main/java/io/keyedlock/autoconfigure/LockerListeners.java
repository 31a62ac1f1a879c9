// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerListener;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.core.annotation.AnnotationAwareOrderComparator;

/**
 * Adds all listener beans to all lockers.
 *
 * <p>Lockers are made early: for a bean that another needs, or while an advice is put around one. Listener beans may need
 * anything, a locker too. So those of the application are looked up when all singletons are there, and hear what happens
 * from then on; those with the infrastructure role, which need nothing, hear it from the first event.
 *
 * <p>Nothing here minds adding a listener twice, as a locker does not.
 */
final class LockerListeners {

    private final ConfigurableListableBeanFactory beans;

    /** Lockers that lack the application's listeners. */
    private final ConcurrentLinkedQueue<KeyedLocker<?>> early = new ConcurrentLinkedQueue<>();

    /** Written once, by the thread that starts the context. */
    private volatile boolean started;

    LockerListeners(ConfigurableListableBeanFactory beans) {
        this.beans = beans;
    }

    void hear(KeyedLocker<?> locker) {
        add(infrastructure(), locker);
        if (!started) {
            early.add(locker);
        }
        // Read again, as start() may have passed meanwhile without seeing it.
        if (started) {
            add(all(), locker);
        }
    }

    /** To be called when all singletons are there. */
    void start() {
        started = true;
        List<KeyedLockerListener> listeners = all();
        for (KeyedLocker<?> locker = early.poll(); locker != null; locker = early.poll()) {
            add(listeners, locker);
        }
    }

    private static void add(List<KeyedLockerListener> listeners, KeyedLocker<?> locker) {
        for (KeyedLockerListener listener : listeners) {
            locker.addListener(
                    listener instanceof LockerLog log
                            ? log.showingKeys(locker.settings().showKeys())
                            : listener);
        }
    }

    private List<KeyedLockerListener> infrastructure() {
        List<KeyedLockerListener> listeners = new ArrayList<>();
        for (String name : beans.getBeanNamesForType(KeyedLockerListener.class, true, false)) {
            if (isInfrastructure(name)) {
                listeners.add(beans.getBean(name, KeyedLockerListener.class));
            }
        }
        AnnotationAwareOrderComparator.sort(listeners);
        return listeners;
    }

    private List<KeyedLockerListener> all() {
        return beans.getBeanProvider(KeyedLockerListener.class).orderedStream().toList();
    }

    private boolean isInfrastructure(String name) {
        return beans.containsBeanDefinition(name)
                && beans.getBeanDefinition(name).getRole() == BeanDefinition.ROLE_INFRASTRUCTURE;
    }
}
