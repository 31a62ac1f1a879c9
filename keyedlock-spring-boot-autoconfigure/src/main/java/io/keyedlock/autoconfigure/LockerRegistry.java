// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
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
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.beans.factory.SmartInitializingSingleton;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.util.Assert;

/**
 * The lockers of one application context by name: those that are beans, under their bean names, and those of annotated
 * methods that name none, which are never beans.
 *
 * <p>A bean is created when it is asked for by name, never for a listing.
 */
final class LockerRegistry implements KeyedLockerRegistry, SmartInitializingSingleton, DisposableBean {

    private static final Logger log = LoggerFactory.getLogger(LockerRegistry.class);

    /** The bean that makes backends, if there is one. */
    static final String BACKENDS = "keyedLockerBackends";

    static final String BEAN = "keyedLockerRegistry";

    /** Beans of this prefix are what a scoped proxy stands for; the proxy has the name that users know. */
    private static final String SCOPED_TARGET = "scopedTarget.";

    private final ConfigurableListableBeanFactory beans;
    private final LockerSettings settings;
    private final LockerListeners listeners;

    /** Lockers that are beans and have been created. Written by whatever thread creates the bean. */
    private final Map<String, KeyedLocker<?>> created = new ConcurrentHashMap<>();

    /** Lockers that are not beans. */
    private final Map<String, KeyedLocker<?>> own = new ConcurrentHashMap<>();

    private final List<BiConsumer<String, KeyedLocker<?>>> followers = new CopyOnWriteArrayList<>();

    private volatile Consumer<KeyedLocker<?>> admission = newcomer -> {};

    LockerRegistry(ConfigurableListableBeanFactory beans, LockerSettings settings) {
        this.beans = beans;
        this.settings = settings;
        this.listeners = new LockerListeners(beans);
    }

    @Override
    public <K> KeyedLocker<K> get(String name) {
        return this.<K>find(name).orElseThrow(() -> new NoSuchKeyedLockerException(name, names()));
    }

    @Override
    @SuppressWarnings("unchecked") // the key type is the caller's claim
    public <K> Optional<KeyedLocker<K>> find(String name) {
        Assert.notNull(name, "'name' must not be null");
        if (isBean(name)) {
            return Optional.of((KeyedLocker<K>) beans.getBean(name, KeyedLocker.class));
        }
        return Optional.ofNullable((KeyedLocker<K>) own.get(name));
    }

    @Override
    public Set<String> names() {
        Set<String> names = new TreeSet<>(own.keySet());
        for (String name : beans.getBeanNamesForType(KeyedLocker.class, false, false)) {
            if (!name.startsWith(SCOPED_TARGET)) {
                names.add(name);
            }
        }
        return Collections.unmodifiableSet(names);
    }

    /**
     * The locker of an annotated method or type that names none, made by the first call for its name.
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
                    + " locker of its own. Rename the bean, or name it in the annotation.");
        }
        KeyedLocker<?> locker = own.get(name);
        if (locker == null) {
            locker = own(name, create(wanted));
        }
        if (locker.settings().limit() != wanted.limit()) {
            throw new IllegalStateException("The locker '" + name + "' has the limit "
                    + locker.settings().limit() + " and cannot have the limit " + wanted.limit()
                    + " as well. Write one limit.");
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
        BackendChoice choice = this.settings.backend(settings.name());
        KeyedLocker<?> locker = choice.kind().equals(BackendChoice.LOCAL)
                ? KeyedLocker.create(settings)
                : KeyedLocker.createOn(backends(settings.name()).create(settings, choice), settings);
        try {
            listeners.hear(locker);
        } catch (RuntimeException | Error e) {
            locker.close();
            throw e;
        }
        return locker;
    }

    private LockerBackends backends(String lockName) {
        if (!beans.containsBean(BACKENDS)) {
            throw new MissingRedisException(lockName);
        }
        LockerBackends backends = beans.getBean(BACKENDS, LockerBackends.class);
        // So that the lockers of annotated methods are closed before the client that they use.
        beans.registerDependentBean(BACKENDS, BEAN);
        return backends;
    }

    /**
     * Sees, as the application starts, that a locker can be made with the defaults. Those of annotated methods are made by the
     * first call, which may come late.
     *
     * @throws MissingRedisException if the defaults want a backend that there is nothing for
     * @throws LockBackendException if the defaults want it to be there, and it cannot be reached
     */
    void checkDefaults() {
        BackendChoice choice = settings.defaultBackend();
        if (!choice.kind().equals(BackendChoice.LOCAL)) {
            LockerBackends backends = backends(LockerSettings.DEFAULTS);
            if (choice.failFast()) {
                backends.create(settings.own(LockerSettings.DEFAULTS, OptionalInt.empty()), choice)
                        .close();
            }
        }
    }

    /** Takes note of a bean that has been created. */
    void created(String name, KeyedLocker<?> locker) {
        if (!beans.containsBeanDefinition(SCOPED_TARGET + name)) {
            // Each locker that a scoped proxy will stand for comes here by itself.
            listeners.hear(locker);
        }
        if (name.startsWith(SCOPED_TARGET) || !isBean(name) || !beans.isSingleton(name)) {
            return;
        }
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

    /** All lockers that exist by now, by name; creates none. */
    SortedMap<String, KeyedLocker<?>> existing() {
        SortedMap<String, KeyedLocker<?>> existing = new TreeMap<>(own);
        existing.putAll(created);
        return existing;
    }

    /** Tells a follower each locker that exists and each that will; one at the border may be told twice. */
    void follow(BiConsumer<String, KeyedLocker<?>> follower) {
        followers.add(follower);
        existing().forEach(follower);
    }

    /** Lets somebody see each locker that will be made before others can have it. */
    void admitBy(Consumer<KeyedLocker<?>> admission) {
        this.admission = admission;
    }

    @Override
    public void afterSingletonsInstantiated() {
        listeners.start();
    }

    /** Lockers that are beans are closed by the context. */
    @Override
    public void destroy() {
        own.values().forEach(KeyedLocker::close);
    }

    private void tellFollowers(String name, KeyedLocker<?> locker) {
        followers.forEach(follower -> follower.accept(name, locker));
    }

    private boolean isBean(String name) {
        return beans.containsLocalBean(name) && beans.isTypeMatch(name, KeyedLocker.class);
    }
}
