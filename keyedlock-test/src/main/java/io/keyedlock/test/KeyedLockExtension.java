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
 * Fails a test that leaves keys active, and reports their holders and waiters, and since when.
 *
 * <p>In a Spring test, it checks all lockers of the application context, which must have a {@link KeyedLockerRegistry} bean.
 * The order of the two annotations does not matter:
 *
 * <pre>{@code
 * @SpringBootTest
 * @ExtendWith(KeyedLockExtension.class)
 * class OrdersTests { ... }
 * }</pre>
 *
 * <p>In other tests, specify the lockers:
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
 * <p><b>When it checks.</b>
 *
 * <ul>
 *   <li>After each test, including each invocation of a parameterized or repeated test, when everything else of that test has
 *       ended: its {@code @AfterEach} methods and the other extensions, so that the transaction of a Spring test has been
 *       rolled back and has released its keys. The tests of a {@code @TestFactory} are checked together.
 *   <li>After each class, including nested ones, for keys that its {@code @BeforeAll} and {@code @AfterAll} methods left
 *       active. This needs a static field, {@code @ExtendWith} on the class, or one test instance per class. In a Spring test,
 *       and with {@link #of(Supplier)}, keys acquired by {@code @BeforeAll} methods are not seen, because the lockers are found
 *       when the first test begins.
 * </ul>
 *
 * <p><b>What it reports.</b> Keys that are active and were not when the test or class began. So each leak is reported once, by
 * the test that caused it, and a key that a {@code @BeforeAll} method holds for all tests is not reported by each of them. The
 * extension waits for keys that are about to be released, see {@link #withGrace}. If the test has failed already, its failure
 * remains and this one is suppressed. A key is named only if {@link io.keyedlock.KeyedLockerSettings#showKeys()} of its locker
 * allows it.
 *
 * <p><b>Concurrent tests</b> that share a locker see each other's keys. If JUnit runs the tests of a class concurrently and the
 * extension is registered for the class, they are checked together, after all tests of the outermost class. If classes run
 * concurrently and share a locker (Spring tests that share a context do), give them separate lockers, or JUnit's
 * {@code @ResourceLock}. A locker in an instance field, as above, belongs to one test only.
 *
 * <p>The interrupt flag of the thread is preserved. An interrupt ends the wait, and the keys that are active then are reported.
 *
 * @see KeyedLockAssertions
 * @since 0.1.0
 */
public final class KeyedLockExtension implements BeforeAllCallback, BeforeEachCallback, AfterTestExecutionCallback {

    private static final Duration DEFAULT_GRACE = Duration.ofSeconds(2);

    private final LockerSource lockers;

    /** Whether the lockers exist before the first test begins. */
    private final boolean given;

    private final Duration grace;

    /** Separates several extensions of the same tests. */
    private final ExtensionContext.Namespace namespace =
            ExtensionContext.Namespace.create(KeyedLockExtension.class, this);

    private KeyedLockExtension(LockerSource lockers, boolean given, Duration grace) {
        this.lockers = lockers;
        this.given = given;
        this.grace = grace;
    }

    /**
     * Creates an extension that checks the lockers of a Spring test, as {@code @ExtendWith} does. To be called if something is
     * to be configured:
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
     * Creates an extension that checks the given lockers.
     *
     * @param lockers at least one
     * @return an extension to be registered with {@code @RegisterExtension}
     * @throws IllegalArgumentException if there is none
     */
    public static KeyedLockExtension of(KeyedLocker<?>... lockers) {
        List<KeyedLocker<?>> all = List.of(lockers);
        if (all.isEmpty()) {
            throw new IllegalArgumentException("No locker was given to KeyedLockExtension. Pass at least one.");
        }
        return new KeyedLockExtension(context -> () -> all, true, DEFAULT_GRACE);
    }

    /**
     * Creates an extension that checks all lockers of a registry, including those that are created during a test.
     *
     * @param registry the registry
     * @return an extension to be registered with {@code @RegisterExtension}
     */
    public static KeyedLockExtension of(KeyedLockerRegistry registry) {
        Objects.requireNonNull(registry, "registry");
        return new KeyedLockExtension(context -> () -> LockerSource.in(registry), true, DEFAULT_GRACE);
    }

    /**
     * Creates an extension that checks all lockers of a registry that does not exist yet when the extension is created.
     *
     * @param registry the supplier of the registry; called before the {@code @BeforeEach} methods of each test, and after the
     *     test
     * @return an extension to be registered with {@code @RegisterExtension}
     */
    public static KeyedLockExtension of(Supplier<? extends KeyedLockerRegistry> registry) {
        Objects.requireNonNull(registry, "registry");
        return new KeyedLockExtension(
                context -> () ->
                        LockerSource.in(Objects.requireNonNull(registry.get(), "the supplier returned no registry")),
                false,
                DEFAULT_GRACE);
    }

    /**
     * Returns this extension with another grace period: the time to wait, after a test, for its keys to be released. If no key
     * is active, there is no wait.
     *
     * @param grace the maximum time to wait; zero checks once. The default is two seconds
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
        LeakCheck check = begin(context);
        if (given) {
            check.addLockers(lockers.of(context).get());
        }
    }

    @Override
    public void beforeEach(ExtensionContext context) {
        Supplier<Collection<KeyedLocker<?>>> found = lockers.of(context);
        store(context).put(Supplier.class, found);
        begin(context).addLockers(found.get());
    }

    @Override
    @SuppressWarnings("unchecked") // put there by beforeEach
    public void afterTestExecution(ExtensionContext context) {
        Supplier<Collection<KeyedLocker<?>>> found = store(context).get(Supplier.class, Supplier.class);
        LeakCheck check = checkOf(context);
        if (found != null && check != null) {
            check.addLockers(found.get());
        }
    }

    /** Returns the check of a context: a new one, or the outer one if concurrent parts could not tell whose key is active. */
    private LeakCheck begin(ExtensionContext context) {
        LeakCheck outer = checkOf(context);
        if (outer != null && outer.runsConcurrently(context)) {
            outer.share();
            return outer;
        }
        LeakCheck check = new LeakCheck(context, outer, grace);
        store(context).put(LeakCheck.class, check);
        return check;
    }

    /** Returns the innermost check around a context. The store also finds entries of outer contexts. */
    private @Nullable LeakCheck checkOf(ExtensionContext context) {
        return store(context).get(LeakCheck.class, LeakCheck.class);
    }

    private ExtensionContext.Store store(ExtensionContext context) {
        return context.getStore(namespace);
    }
}
