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
 * <p>Lockers are created early: as dependencies of other beans, or while a bean is proxied. Listener beans may depend on
 * anything, including a locker. So listeners of the application are added after all singletons have been created and receive
 * later events only. Listeners with the infrastructure role, which have no dependencies, receive events from the start.
 *
 * <p>A listener may be added twice: the second time has no effect.
 */
final class LockerListeners {

    private final ConfigurableListableBeanFactory beans;

    /** Lockers created before the application's listeners could be added. */
    private final ConcurrentLinkedQueue<KeyedLocker<?>> early = new ConcurrentLinkedQueue<>();

    /** Written once, by the thread that starts the context. */
    private volatile boolean started;

    LockerListeners(ConfigurableListableBeanFactory beans) {
        this.beans = beans;
    }

    void addTo(KeyedLocker<?> locker) {
        add(infrastructure(), locker);
        if (!started) {
            early.add(locker);
        }
        // Read again: start() may have emptied the queue before this locker was added to it.
        if (started) {
            add(all(), locker);
        }
    }

    /** Adds the application's listeners. Must be called after all singletons have been created. */
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
