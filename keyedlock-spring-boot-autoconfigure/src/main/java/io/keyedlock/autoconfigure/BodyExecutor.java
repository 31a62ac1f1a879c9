// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.SmartInitializingSingleton;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;

/**
 * Supplies the executor of asynchronous method bodies that had to wait for their permit: the bean that {@code
 * keyedlock.executor} names, or else an executor that starts a thread whenever none is idle.
 *
 * <p>The default has no queue, because a queued body holds its permit: if all running bodies waited for such permits, none
 * would ever proceed.
 */
final class BodyExecutor implements Supplier<Executor>, SmartInitializingSingleton {

    private static final String PROPERTY = "keyedlock.executor";

    private static final String THREADS = "keyedlock-body-";

    private static final long IDLE_SECONDS = 10;

    private final ConfigurableListableBeanFactory beans;

    private final @Nullable String configured;

    private final Executor unqueued;

    BodyExecutor(ConfigurableListableBeanFactory beans, @Nullable String configured, boolean virtualThreads) {
        this.beans = beans;
        this.configured = configured;
        this.unqueued = virtualThreads && Runtime.version().feature() >= 21 ? virtualThreads() : platformThreads();
    }

    /**
     * Validates the property.
     *
     * @throws InvalidConfigurationPropertyValueException if it does not name an executor bean
     */
    @Override
    public void afterSingletonsInstantiated() {
        if (configured == null) {
            return;
        }
        if (!beans.containsBean(configured)) {
            throw new InvalidConfigurationPropertyValueException(
                    PROPERTY,
                    configured,
                    "There is no bean of that name. Executors are "
                            + List.of(beans.getBeanNamesForType(Executor.class, true, false)) + ".");
        }
        if (!beans.isTypeMatch(configured, Executor.class)) {
            throw new InvalidConfigurationPropertyValueException(
                    PROPERTY,
                    configured,
                    "The bean of that name is not a " + Executor.class.getName() + " but a " + beans.getType(configured)
                            + ".");
        }
    }

    @Override
    public Executor get() {
        return configured == null ? unqueued : beans.getBean(configured, Executor.class);
    }

    private Executor platformThreads() {
        AtomicInteger count = new AtomicInteger();
        return new ThreadPoolExecutor(
                0, Integer.MAX_VALUE, IDLE_SECONDS, TimeUnit.SECONDS, new SynchronousQueue<>(), body -> {
                    Thread thread = new Thread(null, body, THREADS + count.incrementAndGet(), 0, false);
                    thread.setDaemon(true);
                    return withContextClassLoader(thread);
                });
    }

    /** Calls {@code Thread.ofVirtual()} by reflection, because this class is compiled for Java 17. */
    private Executor virtualThreads() {
        try {
            Class<?> type = Class.forName("java.lang.Thread$Builder$OfVirtual");
            Object builder = Thread.class.getMethod("ofVirtual").invoke(null);
            type.getMethod("name", String.class, long.class).invoke(builder, THREADS, 1L);
            type.getMethod("inheritInheritableThreadLocals", boolean.class).invoke(builder, false);
            ThreadFactory threads = (ThreadFactory) type.getMethod("factory").invoke(builder);
            return body -> withContextClassLoader(threads.newThread(body)).start();
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("This JDK does not create virtual threads", e);
        }
    }

    /** The starting thread is the one that released the permit, so the new one must not inherit its class loader. */
    private Thread withContextClassLoader(Thread thread) {
        thread.setContextClassLoader(beans.getBeanClassLoader());
        return thread;
    }
}
