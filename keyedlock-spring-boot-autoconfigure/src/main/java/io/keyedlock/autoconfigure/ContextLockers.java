// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerBackend;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.LockBackendException;
import io.keyedlock.NoSuchKeyedLockerException;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.BeanFactory;
import org.springframework.beans.factory.BeanFactoryUtils;
import org.springframework.beans.factory.SmartInitializingSingleton;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.beans.factory.support.AbstractBeanDefinition;
import org.springframework.util.Assert;
import org.springframework.util.function.SingletonSupplier;

/**
 * The lockers of one application context by name: locker beans under their bean names, and the implicit lockers of annotated
 * methods that name none, which are never beans. Lookups include the parent contexts; a locker that a parent has is not created
 * again.
 *
 * <p>A lookup by name creates the bean; a listing creates none.
 */
final class ContextLockers implements SmartInitializingSingleton {

    private static final Logger log = LoggerFactory.getLogger(ContextLockers.class);

    /**
     * The name of the bean that creates backends of any kind, if there is one. That of one kind, which comes first, has this name
     * with a dot and the kind.
     */
    static final String BACKENDS = "keyedLockerBackends";

    static final String BEAN = "keyedLockerRegistryOfContext";

    /** The prefix of the target beans of scoped proxies. The proxy has the name without it. */
    private static final String SCOPED_TARGET = "scopedTarget.";

    private final ConfigurableListableBeanFactory beans;
    private final LockerSettings settings;
    private final LockerBeans closing;
    private final LockerListeners listeners;
    private final Supplier<List<KeyLimits>> keyLimits;

    /** The lockers of the nearest parent context that has any. */
    private final @Nullable ContextLockers parent;

    /** The locker beans that exist. Written by the thread that creates the bean. */
    private final Map<String, KeyedLocker<?>> created = new ConcurrentHashMap<>();

    /** The implicit lockers, which are not beans. */
    private final Map<String, KeyedLocker<?>> implicit = new ConcurrentHashMap<>();

    private final List<BiConsumer<String, KeyedLocker<?>>> observers = new CopyOnWriteArrayList<>();

    private volatile Consumer<KeyedLocker<?>> admission = newcomer -> {};

    ContextLockers(ConfigurableListableBeanFactory beans, LockerSettings settings, LockerBeans closing) {
        this.beans = beans;
        this.settings = settings;
        this.closing = closing;
        this.listeners = new LockerListeners(beans);
        this.keyLimits = SingletonSupplier.of(
                () -> beans.getBeanProvider(KeyLimits.class).orderedStream().toList());
        BeanFactory above = beans.getParentBeanFactory();
        this.parent = above == null
                ? null
                : above.getBeanProvider(ContextLockers.class).getIfAvailable();
    }

    <K> KeyedLocker<K> get(String name) {
        return this.<K>find(name).orElseThrow(() -> new NoSuchKeyedLockerException(name, names()));
    }

    @SuppressWarnings("unchecked") // the key type is the caller's claim
    <K> Optional<KeyedLocker<K>> find(String name) {
        Assert.notNull(name, "'name' must not be null");
        if (closing.isClosed() && created.containsKey(name)) {
            // The closed bean factory would create another one.
            return Optional.ofNullable((KeyedLocker<K>) created.get(name));
        }
        if (isBean(name)) {
            return Optional.of((KeyedLocker<K>) beans.getBean(name, KeyedLocker.class));
        }
        return Optional.ofNullable((KeyedLocker<K>) findImplicit(name));
    }

    /** Finds an implicit locker in this context, then in its parents. */
    private @Nullable KeyedLocker<?> findImplicit(String name) {
        KeyedLocker<?> locker = implicit.get(name);
        return locker != null || parent == null ? locker : parent.findImplicit(name);
    }

    Set<String> names() {
        Set<String> names = new TreeSet<>(implicit.keySet());
        for (String name :
                BeanFactoryUtils.beanNamesForTypeIncludingAncestors(beans, KeyedLocker.class, false, false)) {
            if (!name.startsWith(SCOPED_TARGET)) {
                names.add(name);
            }
        }
        if (parent != null) {
            names.addAll(parent.names());
        }
        return Collections.unmodifiableSet(names);
    }

    /**
     * Returns the implicit locker of an annotated method or type that names none. The first call for a name creates it, unless
     * a parent context has it.
     *
     * @param name the locker's name, which is derived from the method or type
     * @param limit the limit of the annotation, or empty for the default
     * @throws IllegalStateException if the locker exists with another limit, or if a locker bean has its name
     */
    @SuppressWarnings("unchecked") // the key type is the caller's claim
    <K> KeyedLocker<K> own(String name, OptionalInt limit) {
        KeyedLockerSettings wanted = settings.own(name, limit);
        if (isBean(name)) {
            throw new IllegalStateException("The locker bean '" + name + "' has the name of the implicit locker of"
                    + " annotated code. Rename the bean, or name it in the annotation");
        }
        KeyedLocker<?> locker = findImplicit(name);
        if (locker == null) {
            // A closed context registers no lockers and notifies no observers.
            locker = closing.isClosed() ? create(wanted) : addImplicit(name, create(wanted));
        }
        if (locker.settings().limit() != wanted.limit()) {
            throw new IllegalStateException("The locker '" + name + "' already has the limit "
                    + locker.settings().limit() + ", so it cannot have the limit " + wanted.limit()
                    + ". Write the same limit in both places");
        }
        return (KeyedLocker<K>) locker;
    }

    /**
     * Registers an implicit locker. If several are created concurrently, the first is kept and the others are closed unused.
     */
    private KeyedLocker<?> addImplicit(String name, KeyedLocker<?> candidate) {
        admission.accept(candidate);
        KeyedLocker<?> first = implicit.putIfAbsent(name, candidate);
        if (first != null) {
            candidate.close();
            return first;
        }
        notifyObservers(name, candidate);
        return candidate;
    }

    /**
     * Creates a configured or implicit locker. Must not be called while holding a lock: this looks up beans and may wait for a
     * backend.
     */
    KeyedLocker<?> create(KeyedLockerSettings settings) {
        if (closing.isClosed()) {
            // A first call after the context was closed must fail like all others.
            KeyedLocker<?> closed = KeyedLocker.create(settings);
            closing.closeLast(closed);
            return closed;
        }
        BackendChoice choice = this.settings.backend(settings.name());
        KeyedLockerBackend backend = choice.kind().equals(BackendChoice.LOCAL)
                ? null
                : backends(settings.name(), choice.kind()).create(settings, choice);
        KeyedLockerSettings limited = withKeyLimits(settings);
        KeyedLocker<?> locker = backend == null ? KeyedLocker.create(limited) : KeyedLocker.createOn(backend, limited);
        try {
            listeners.addTo(locker);
        } catch (RuntimeException | Error e) {
            locker.close();
            throw e;
        }
        closing.closeLast(locker);
        return locker;
    }

    /** Adds the limits of individual keys, if properties or beans may have any. Creates no beans. */
    private KeyedLockerSettings withKeyLimits(KeyedLockerSettings settings) {
        Map<String, Integer> configured = this.settings.limits(settings.name());
        boolean mayHaveBeans =
                BeanFactoryUtils.beanNamesForTypeIncludingAncestors(beans, KeyLimits.class, true, false).length > 0;
        return configured.isEmpty() && !mayHaveBeans
                ? settings
                : settings.withKeyLimits(new ConfiguredLimits(settings.name(), configured, keyLimits));
    }

    /** Returns the name of the bean that creates backends of a kind, if there is one. */
    static Optional<String> backendsBean(BeanFactory beans, String kind) {
        return Stream.of(BACKENDS + "." + kind, BACKENDS)
                .filter(beans::containsBean)
                .findFirst();
    }

    private LockerBackends backends(String lockName, String kind) {
        String name = backendsBean(beans, kind).orElseThrow(() -> MissingBackendException.of(lockName, kind));
        LockerBackends backends = beans.getBean(name, LockerBackends.class);
        // Closes the lockers before the client that they use.
        beans.registerDependentBean(name, LockerBeans.BEAN);
        return backends;
    }

    /**
     * Checks at startup that a locker can be created with the defaults, because lockers of lazy beans are created later.
     *
     * @throws MissingBackendException if the default backend has no connections to use
     * @throws LockBackendException if the defaults set {@code fail-fast} and the backend cannot be reached
     */
    void checkDefaults() {
        BackendChoice choice = settings.defaultBackend();
        if (!choice.kind().equals(BackendChoice.LOCAL)) {
            LockerBackends backends = backends(LockerSettings.DEFAULTS, choice.kind());
            backends.check();
            if (choice.failFast()) {
                KeyedLockerBackend backend =
                        backends.create(settings.own(LockerSettings.DEFAULTS, OptionalInt.empty()), choice);
                if (backend != null) {
                    backend.close();
                }
            }
        }
    }

    /** Registers a locker bean that has been created. */
    @SuppressWarnings("ConstantValue") // a mock returns null
    void created(String name, KeyedLocker<?> locker) {
        if (locker.settings() == null) {
            // A mock without settings.
            return;
        }
        if (!beans.containsBeanDefinition(SCOPED_TARGET + name)) {
            // The target of a scoped proxy is registered itself when it is created.
            listeners.addTo(locker);
        }
        if (name.startsWith(SCOPED_TARGET)
                || !beans.containsLocalBean(name)
                || !isBean(name)
                || !beans.isSingleton(name)) {
            return;
        }
        closeAfterOtherBeans(name, locker);
        admission.accept(locker);
        if (created.put(name, locker) == null && !name.equals(locker.name())) {
            log.warn(
                    "The locker bean '{}' has the name '{}' in exceptions and events; write"
                            + " KeyedLockerSettings.withName(\"{}\") where it is created",
                    name,
                    locker.name(),
                    name);
        }
        notifyObservers(name, locker);
    }

    /**
     * Defers closing a singleton until all other beans have been destroyed. Leaves alone lockers of factory beans and those
     * with another destroy method or none.
     */
    private void closeAfterOtherBeans(String name, KeyedLocker<?> locker) {
        // Beans into which the locker was injected are destroyed before it.
        beans.registerDependentBean(LockerBeans.BEAN, name);
        if (beans.containsBeanDefinition(name)
                && !beans.isFactoryBean(name)
                && beans.getMergedBeanDefinition(name) instanceof AbstractBeanDefinition definition) {
            String destroyMethod = definition.getDestroyMethodName();
            if (destroyMethod == null
                    || destroyMethod.equals(AbstractBeanDefinition.INFER_METHOD)
                    || destroyMethod.equals("close")) {
                definition.setDestroyMethodName("");
                closing.closeLast(locker);
            }
        }
    }

    /** Returns the lockers that exist, by name, including those of parent contexts. Creates none. */
    SortedMap<String, KeyedLocker<?>> existing() {
        SortedMap<String, KeyedLocker<?>> existing = parent == null ? new TreeMap<>() : parent.existing();
        existing.putAll(ofContext());
        return existing;
    }

    /** Returns the lockers of this context that exist, by name. Creates none. */
    SortedMap<String, KeyedLocker<?>> ofContext() {
        SortedMap<String, KeyedLocker<?>> existing = new TreeMap<>(implicit);
        existing.putAll(created);
        return existing;
    }

    /**
     * Notifies an observer of each existing and each future locker of this context. A locker that is registered at the same
     * time may be reported twice.
     */
    void observe(BiConsumer<String, KeyedLocker<?>> observer) {
        observers.add(observer);
        ofContext().forEach(observer);
    }

    /** Sets the action that is applied to each future locker before it is published. */
    void setAdmission(Consumer<KeyedLocker<?>> admission) {
        this.admission = admission;
    }

    @Override
    public void afterSingletonsInstantiated() {
        listeners.start();
    }

    private void notifyObservers(String name, KeyedLocker<?> locker) {
        for (BiConsumer<String, KeyedLocker<?>> observer : observers) {
            observer.accept(name, locker);
        }
    }

    private boolean isBean(String name) {
        return beans.containsBean(name) && beans.isTypeMatch(name, KeyedLocker.class);
    }
}
