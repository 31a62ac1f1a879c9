// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.test;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterTestExecutionCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Fails a test that leaves keys active, and tells which, who holds them, for how long, and who waits.
 *
 * <p>In a Spring test it looks at all lockers of the application context, which must have a {@link KeyedLockerRegistry} bean.
 * The order of the two annotations does not matter:
 *
 * <pre>{@code
 * @SpringBootTest
 * @ExtendWith(KeyedLockExtension.class)
 * class OrdersTests { ... }
 * }</pre>
 *
 * <p>Elsewhere it is told which lockers to look at:
 *
 * <pre>{@code
 * class OrdersTests {
 *
 *     final KeyedLocker<String> orders = KeyedLocker.create();
 *
 *     @RegisterExtension
 *     final KeyedLockExtension locks = KeyedLockExtension.of(orders);
 * }
 * }</pre>
 *
 * <p><b>When it looks.</b> After each test, be it one of many invocations of a parameterized or repeated test, once
 * everything else of that test has ended: its {@code @AfterEach} methods, and the other extensions, so that the
 * transaction of a Spring test has been rolled back and has given back what it held. The tests of a {@code @TestFactory}
 * are looked at together. Then again after each class, nested ones included, for what its {@code @BeforeAll} and
 * {@code @AfterAll} methods left; this needs a static field, {@code @ExtendWith} on the class, or an instance per class. In a
 * Spring test, and with {@link #of(Supplier)}, what {@code @BeforeAll} methods have taken is not seen, as the lockers are looked
 * for when the first test begins.
 *
 * <p><b>What it tells.</b> Keys that are active and were not when the test, or class, began; so each leak is told once, by the
 * test that made it, and what a {@code @BeforeAll} method holds for all tests is not told by each of them. What somebody is
 * about to give back is waited for, see {@link #withGrace}. If the test has failed already, its failure stays, and this one
 * is suppressed by it. A key is named only if {@link io.keyedlock.KeyedLockerSettings#showKeys()} of its locker allows it.
 *
 * <p><b>Tests that run concurrently</b> and share a locker see each other's keys. Where JUnit runs the tests of a class
 * concurrently, and this is registered for the class, they are looked at together, after all tests of the outermost class.
 * If classes run concurrently and share a locker (in Spring tests, that is those that share a context), give them
 * lockers of their own, or JUnit's {@code @ResourceLock}. A locker in an instance field, as above, is the test's own
 * anyway.
 *
 * <p>The interrupt flag of the thread is left as it was. An interrupt while this waits ends the wait: what is active then is told.
 */
public final class KeyedLockExtension implements BeforeAllCallback, BeforeEachCallback, AfterTestExecutionCallback {

    private static final Duration DEFAULT_GRACE = Duration.ofSeconds(2);

    private final Lockers lockers;

    /** Whether the lockers are there before the first test is. */
    private final boolean given;

    private final Duration grace;

    /** Two extensions may look at the same tests. */
    private final ExtensionContext.Namespace namespace =
            ExtensionContext.Namespace.create(KeyedLockExtension.class, this);

    private KeyedLockExtension(Lockers lockers, boolean given, Duration grace) {
        this.lockers = lockers;
        this.given = given;
        this.grace = grace;
    }

    /**
     * Looks at the lockers of the Spring test that this is registered for, as {@code @ExtendWith} does. To be called where something
     * is to be set:
     *
     * <pre>{@code
     * @RegisterExtension
     * static final KeyedLockExtension locks = new KeyedLockExtension().withGrace(Duration.ofSeconds(10));
     * }</pre>
     */
    public KeyedLockExtension() {
        this(new SpringLockers(), false, DEFAULT_GRACE);
    }

    /**
     * Looks at given lockers.
     *
     * @param lockers at least one
     * @return an extension to be registered with {@code @RegisterExtension}
     * @throws IllegalArgumentException if there is none
     */
    public static KeyedLockExtension of(KeyedLocker<?>... lockers) {
        List<KeyedLocker<?>> all = List.of(lockers);
        if (all.isEmpty()) {
            throw new IllegalArgumentException("at least one locker is needed; without one nothing would be looked at");
        }
        return new KeyedLockExtension(context -> () -> all, true, DEFAULT_GRACE);
    }

    /**
     * Looks at all lockers of a registry, those included that it will have when a test ends.
     *
     * @param registry the registry
     * @return an extension to be registered with {@code @RegisterExtension}
     */
    public static KeyedLockExtension of(KeyedLockerRegistry registry) {
        Objects.requireNonNull(registry, "registry");
        return new KeyedLockExtension(context -> () -> Lockers.in(registry), true, DEFAULT_GRACE);
    }

    /**
     * Looks at all lockers of a registry that does not exist yet when the extension is made.
     *
     * @param registry gives the registry; asked before the {@code @BeforeEach} methods of each test, and after the test
     * @return an extension to be registered with {@code @RegisterExtension}
     */
    public static KeyedLockExtension of(Supplier<? extends KeyedLockerRegistry> registry) {
        Objects.requireNonNull(registry, "registry");
        return new KeyedLockExtension(
                context -> () -> Lockers.in(Objects.requireNonNull(registry.get(), "the supplier gave no registry")),
                false,
                DEFAULT_GRACE);
    }

    /**
     * This extension with another time to wait, after a test, for its keys to be given back. The time costs nothing where no
     * key is left.
     *
     * @param grace how long to wait at most; zero looks once. The default is two seconds
     * @return a new extension
     * @throws IllegalArgumentException if it is negative
     */
    public KeyedLockExtension withGrace(Duration grace) {
        if (grace.isNegative()) {
            throw new IllegalArgumentException("grace must not be negative, but is " + grace);
        }
        return new KeyedLockExtension(lockers, given, grace);
    }

    @Override
    public void beforeAll(ExtensionContext context) {
        Watch watch = begin(context);
        if (given) {
            watch.look(lockers.of(context).get());
        }
    }

    @Override
    public void beforeEach(ExtensionContext context) {
        Supplier<Collection<KeyedLocker<?>>> found = lockers.of(context);
        store(context).put(Supplier.class, found);
        begin(context).look(found.get());
    }

    @Override
    @SuppressWarnings("unchecked") // put there by beforeEach
    public void afterTestExecution(ExtensionContext context) {
        Supplier<Collection<KeyedLocker<?>>> found = store(context).get(Supplier.class, Supplier.class);
        Watch watch = watchOf(context);
        if (found != null && watch != null) {
            watch.look(found.get());
        }
    }

    /** The watch over a context: one of its own, or that around it where nobody could tell which of its parts left a key. */
    private Watch begin(ExtensionContext context) {
        Watch outer = watchOf(context);
        if (outer != null && outer.isConcurrentIn(context)) {
            outer.share();
            return outer;
        }
        Watch watch = new Watch(context, outer, grace);
        store(context).put(Watch.class, watch);
        return watch;
    }

    /** The innermost watch over a context: a store also finds what those around it have. */
    private @Nullable Watch watchOf(ExtensionContext context) {
        return store(context).get(Watch.class, Watch.class);
    }

    private ExtensionContext.Store store(ExtensionContext context) {
        return context.getStore(namespace);
    }
}
