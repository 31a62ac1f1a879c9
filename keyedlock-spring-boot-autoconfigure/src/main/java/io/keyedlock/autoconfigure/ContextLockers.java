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
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.BeanFactory;
import org.springframework.beans.factory.BeanFactoryUtils;
import org.springframework.beans.factory.SmartInitializingSingleton;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.beans.factory.support.AbstractBeanDefinition;
import org.springframework.util.Assert;

/**
 * The lockers of one application context by name: those that are beans, under their bean names, and those of annotated
 * methods that name none, which are never beans. A context finds the lockers of its parents too, and does not create
 * another one of the same name.
 *
 * <p>A bean is created when it is asked for by name, never for a listing.
 */
final class ContextLockers implements SmartInitializingSingleton {

    private static final Logger log = LoggerFactory.getLogger(ContextLockers.class);

    /** The bean that makes backends, if there is one. */
    static final String BACKENDS = "keyedLockerBackends";

    static final String BEAN = "keyedLockerRegistryOfContext";

    /** Beans of this prefix are what a scoped proxy stands for; the proxy has the name that users know. */
    private static final String SCOPED_TARGET = "scopedTarget.";

    private final ConfigurableListableBeanFactory beans;
    private final LockerSettings settings;
    private final LockerBeans closing;
    private final LockerListeners listeners;

    /** The registry of the nearest parent context that has one. */
    private final @Nullable ContextLockers parent;

    /** Lockers that are beans and have been created. Written by whatever thread creates the bean. */
    private final Map<String, KeyedLocker<?>> created = new ConcurrentHashMap<>();

    /** Lockers that are not beans. */
    private final Map<String, KeyedLocker<?>> own = new ConcurrentHashMap<>();

    private final List<BiConsumer<String, KeyedLocker<?>>> followers = new CopyOnWriteArrayList<>();

    private volatile Consumer<KeyedLocker<?>> admission = newcomer -> {};

    ContextLockers(ConfigurableListableBeanFactory beans, LockerSettings settings, LockerBeans closing) {
        this.beans = beans;
        this.settings = settings;
        this.closing = closing;
        this.listeners = new LockerListeners(beans);
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
            // The bean factory would create another one.
            return Optional.ofNullable((KeyedLocker<K>) created.get(name));
        }
        if (isBean(name)) {
            return Optional.of((KeyedLocker<K>) beans.getBean(name, KeyedLocker.class));
        }
        return Optional.ofNullable((KeyedLocker<K>) ofMethod(name));
    }

    /** The locker of an annotated method that names none, of this context or else of a parent. */
    private @Nullable KeyedLocker<?> ofMethod(String name) {
        KeyedLocker<?> locker = own.get(name);
        return locker != null || parent == null ? locker : parent.ofMethod(name);
    }

    Set<String> names() {
        Set<String> names = new TreeSet<>(own.keySet());
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
     * The locker of an annotated method or type that names none. The first call for its name creates it, unless a parent
     * context has it.
     *
     * @param name the locker's name, which is that of the method or type
     * @param limit what the annotation says, or empty for the default
     * @throws IllegalStateException if the locker was made with another limit, or if a bean has its name
     */
    @SuppressWarnings("unchecked") // the key type is the caller's claim
    <K> KeyedLocker<K> own(String name, OptionalInt limit) {
        KeyedLockerSettings wanted = settings.own(name, limit);
        if (isBean(name)) {
            throw new IllegalStateException("The locker bean '" + name + "' has the name that annotated code gives to a"
                    + " locker of its own. Rename the bean, or name it in the annotation");
        }
        KeyedLocker<?> locker = ofMethod(name);
        if (locker == null) {
            // After the end nobody follows any more.
            locker = closing.isClosed() ? create(wanted) : own(name, create(wanted));
        }
        if (locker.settings().limit() != wanted.limit()) {
            throw new IllegalStateException("The locker '" + name + "' has the limit "
                    + locker.settings().limit() + " and cannot have the limit " + wanted.limit()
                    + " as well. Write one limit");
        }
        return (KeyedLocker<K>) locker;
    }

    /** Of several that were made for one name at once, the first one stays, and the others have never been used. */
    private KeyedLocker<?> own(String name, KeyedLocker<?> made) {
        admission.accept(made);
        KeyedLocker<?> first = own.putIfAbsent(name, made);
        if (first != null) {
            made.close();
            return first;
        }
        tellFollowers(name, made);
        return made;
    }

    /**
     * Makes a locker that no bean of the application's own stands for. Never to be called under a lock: this asks for beans and
     * may wait for a backend.
     */
    KeyedLocker<?> create(KeyedLockerSettings settings) {
        if (closing.isClosed()) {
            // For a first call after the end, which has to fail like all others.
            KeyedLocker<?> closed = KeyedLocker.create(settings);
            closing.closeLast(closed);
            return closed;
        }
        BackendChoice choice = this.settings.backend(settings.name());
        KeyedLockerBackend backend = choice.kind().equals(BackendChoice.LOCAL)
                ? null
                : backends(settings.name()).create(settings, choice);
        KeyedLocker<?> locker =
                backend == null ? KeyedLocker.create(settings) : KeyedLocker.createOn(backend, settings);
        try {
            listeners.hear(locker);
        } catch (RuntimeException | Error e) {
            locker.close();
            throw e;
        }
        closing.closeLast(locker);
        return locker;
    }

    private LockerBackends backends(String lockName) {
        if (!beans.containsBean(BACKENDS)) {
            throw new MissingRedisException(lockName);
        }
        LockerBackends backends = beans.getBean(BACKENDS, LockerBackends.class);
        // So that the lockers are closed before the client that they use.
        beans.registerDependentBean(BACKENDS, LockerBeans.BEAN);
        return backends;
    }

    /**
     * Checks at startup that a locker can be created with the defaults. Those of lazy beans are created later.
     *
     * @throws MissingRedisException if the defaults want a backend that there is nothing for
     * @throws LockBackendException if the defaults want it to be there, and it cannot be reached
     */
    void checkDefaults() {
        BackendChoice choice = settings.defaultBackend();
        if (!choice.kind().equals(BackendChoice.LOCAL)) {
            LockerBackends backends = backends(LockerSettings.DEFAULTS);
            if (choice.failFast()) {
                KeyedLockerBackend backend =
                        backends.create(settings.own(LockerSettings.DEFAULTS, OptionalInt.empty()), choice);
                if (backend != null) {
                    backend.close();
                }
            }
        }
    }

    /** Takes note of a bean that has been created. */
    @SuppressWarnings("ConstantValue") // of a mock
    void created(String name, KeyedLocker<?> locker) {
        if (locker.settings() == null) {
            // A mock of a test, about which there is nothing to know.
            return;
        }
        if (!beans.containsBeanDefinition(SCOPED_TARGET + name)) {
            // Each locker that a scoped proxy will stand for comes here by itself.
            listeners.hear(locker);
        }
        if (name.startsWith(SCOPED_TARGET)
                || !beans.containsLocalBean(name)
                || !isBean(name)
                || !beans.isSingleton(name)) {
            return;
        }
        takeClosingOver(name, locker);
        admission.accept(locker);
        if (created.put(name, locker) == null && !name.equals(locker.name())) {
            log.warn(
                    "The locker bean '{}' calls itself '{}' in exceptions and events; write"
                            + " KeyedLockerSettings.withName(\"{}\") where it is made",
                    name,
                    locker.name(),
                    name);
        }
        tellFollowers(name, locker);
    }

    /**
     * Closes a singleton last that the context would close in its turn. One of a factory, or one that is not to be closed, is
     * left alone.
     */
    private void takeClosingOver(String name, KeyedLocker<?> locker) {
        // Beans that the locker has been injected into are destroyed before it.
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

    /** All lockers that exist by now, by name, those of parent contexts too; creates none. */
    SortedMap<String, KeyedLocker<?>> existing() {
        SortedMap<String, KeyedLocker<?>> existing = parent == null ? new TreeMap<>() : parent.existing();
        existing.putAll(ofContext());
        return existing;
    }

    /** The lockers of this context that exist by now, by name; creates none. */
    SortedMap<String, KeyedLocker<?>> ofContext() {
        SortedMap<String, KeyedLocker<?>> existing = new TreeMap<>(own);
        existing.putAll(created);
        return existing;
    }

    /** Tells a follower each locker of this context that exists and each that will; one at the border may be told twice. */
    void follow(BiConsumer<String, KeyedLocker<?>> follower) {
        followers.add(follower);
        ofContext().forEach(follower);
    }

    /** Lets somebody see each locker that will be made before others can have it. */
    void admitBy(Consumer<KeyedLocker<?>> admission) {
        this.admission = admission;
    }

    @Override
    public void afterSingletonsInstantiated() {
        listeners.start();
    }

    private void tellFollowers(String name, KeyedLocker<?> locker) {
        followers.forEach(follower -> follower.accept(name, locker));
    }

    private boolean isBean(String name) {
        return beans.containsBean(name) && beans.isTypeMatch(name, KeyedLocker.class);
    }
}
