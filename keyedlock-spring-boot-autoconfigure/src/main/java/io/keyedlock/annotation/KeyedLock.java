// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.annotation;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Repeatable;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.springframework.core.annotation.AliasFor;

/**
 * Runs a method of a Spring bean under a lock per key. Calls for one key wait for each other; calls for other keys do
 * not.
 *
 * <pre>{@code
 * @KeyedLock(key = "#order.id", limit = 3)
 * void ship(Order order) {
 *   // at most three calls at once for one order id
 * }
 * }</pre>
 *
 * <h2>Placement</h2>
 *
 * <ul>
 *   <li>On a method: that method, and methods that override or implement it.
 *   <li>On a class: the methods that the class and its subclasses declare.
 *   <li>On an interface: the methods of the interface, in all implementations.
 *   <li>On an annotation of your own: the methods and types that carry yours, which passes attributes on with
 *       {@code @AliasFor}.
 * </ul>
 *
 * <p>An annotation on a method, including a method of a superclass or an interface, takes precedence over one on a
 * type. An annotation on a type does not apply to private and static methods, nor to {@code equals}, {@code hashCode}
 * and {@code toString}.
 *
 * <p>As with all Spring advice, a call that a bean makes on itself is not intercepted. A method that no proxy can
 * intercept (final, private or static, or in a class that cannot be extended) is reported at startup if it carries the
 * annotation.
 *
 * <h2>Locker</h2>
 *
 * <p>With a {@link #name()}, the method uses the locker of that name. Without one, an annotated method has its own
 * locker, named after the method ({@code com.acme.Orders.ship(Order)}), and an annotated type has one locker for all
 * its methods ({@code com.acme.Orders}). The locker of an interface, or of a method of an interface, is shared by all
 * implementations.
 *
 * <h2>Several locks</h2>
 *
 * <p>The annotation may be repeated, also through annotations of your own, with different lockers:
 *
 * <pre>{@code
 * @KeyedLock(name = "tenants", key = "#tenant", policy = KeyedLock.Policy.REJECT)
 * @KeyedLock(name = "documents", key = "#document")
 * void render(String tenant, String document) {
 *   // at most three at once per tenant, and one per document
 * }
 * }</pre>
 *
 * <p>The locks are acquired in the order of the names of their lockers, whatever the order of the annotations, so that two
 * methods cannot deadlock. Each has its own attributes; its wait time counts from when the lock before it was acquired. If
 * one is not available, those before it are released and the method does not run. The locks are released in reverse order,
 * or, {@linkplain Release#AFTER_TRANSACTION after a transaction}, when that has completed. Two annotations with the same
 * locker are reported at startup.
 *
 * <h2>Expressions and placeholders</h2>
 *
 * <p>{@link #key()}, {@link #keys()} and {@link #condition()} are expressions of the Spring Expression Language. Each
 * is evaluated once per call, before the lock is acquired. Expressions see
 *
 * <ul>
 *   <li>the parameters by name ({@code #order}): the names of the method that carries the annotation and of the method
 *       of the class
 *   <li>the parameters by index ({@code #p0} or {@code #a0})
 *   <li>beans ({@code @tenants.current()})
 *   <li>{@code #root} with {@code method}, {@code target}, {@code targetClass} and {@code args}
 * </ul>
 *
 * <p>All other strings may contain placeholders ({@code ${…}}). A placeholder in an expression is an error.
 *
 * <h2>Results</h2>
 *
 * <p>The lock is held until the work of the method is done, which depends on what the method returns:
 *
 * <ul>
 *   <li>A plain value, {@code void} or {@code Optional}: the calling thread waits for the lock. The lock is released
 *       when the method returns or, if a transaction is active, as {@link #release()} says.
 *   <li>{@code CompletableFuture} or {@code CompletionStage}: the caller gets a future at once. The lock is acquired
 *       without blocking and released when the stage returned by the method has completed.
 *   <li>{@code Mono}, {@code Flux}, {@code Flow.Publisher} or another type known to {@code ReactiveAdapterRegistry}:
 *       each subscription acquires the lock without blocking. The lock is released on completion, error or
 *       cancellation, but not before the method has returned.
 *   <li>Kotlin {@code suspend} functions and {@code Flow}: the lock is acquired by suspending, for a {@code Flow} at
 *       each collection. It is released when the function or the flow has ended, also after a cancellation.
 *   <li>A future of an {@code @Async} method: the thread of the task waits for the lock and holds it until the future
 *       has completed.
 * </ul>
 *
 * <p>A future or publisher reports every failure, including those below, through itself; the method throws nothing.
 *
 * <p>Rejected at startup are results whose end cannot be observed ({@code Future} without {@code @Async},
 * {@code Callable}, {@code DeferredResult}, {@code WebAsyncTask}, {@code StreamingResponseBody},
 * {@code ResponseBodyEmitter}, and futures or publishers inside collections, arrays and response entities), and results
 * that are used after the method has returned ({@code Stream}, {@code Iterator}, {@code Spliterator}, Kotlin's
 * {@code Sequence}, {@code Supplier}, {@code Runnable}). A method that declares {@code Object} or an interface and
 * returns a future, a publisher or a {@code Stream} fails with an {@link IllegalStateException} after it has run.
 *
 * <h2>Transactions</h2>
 *
 * <p>On a method with {@code @Transactional}, the lock is acquired before the transaction begins and released after it
 * has completed. For a transaction that is already active, see {@link #release()}.
 *
 * <h2>Exceptions</h2>
 *
 * <p>No call runs without its lock. Except after a lost lease, the method has not run and nothing is held when a call
 * fails with one of these exceptions:
 *
 * <ul>
 *   <li>{@code LockTimeoutException}: the key was not available within the {@link #waitTime()}.
 *   <li>{@code LockRejectedException}: the policy is {@link Policy#REJECT} and the key is not available, or the queue
 *       of the locker is full.
 *   <li>{@link InterruptedException}: the thread was interrupted before or while it waited, and the method declares
 *       this exception or a supertype. If it does not, {@code LockInterruptedException}, and the interrupt flag is set
 *       again.
 *   <li>{@code LockDeadlockException}: threads wait for each other's keys in a cycle, and this thread was chosen to
 *       fail.
 *   <li>{@code LockReentryException}: the caller holds the key already, and the locker is not reentrant.
 *   <li>{@code KeyedLockerClosedException}: the locker is closed, or rejects new callers during shutdown.
 *   <li>{@code LockKeyException}: the key is null, or an expression failed.
 *   <li>{@code LockBackendException}: the backend of the locker cannot be reached.
 *   <li>{@code LockLeaseLostException}: the lease of the backend was lost while the method ran.
 *   <li>{@code IllegalArgumentException}: the key has no name in the backend.
 *   <li>{@code InvalidKeyedLockException}: the annotation is invalid, and {@code keyedlock.validation} is {@code warn}.
 * </ul>
 *
 * <h2>Validation</h2>
 *
 * <p>Invalid annotations stop the application at startup, with all findings in one report. With
 * {@code keyedlock.validation=warn} the report is logged, and each call of an invalid method that a proxy intercepts
 * fails. With {@code keyedlock.enabled=false} nothing is locked and nothing is validated; one warning lists the
 * annotated methods.
 *
 * @since 0.1.0
 * @see io.keyedlock.KeyedLocker
 * @see io.keyedlock.aop.CurrentPermit
 */
@Target({ElementType.METHOD, ElementType.TYPE, ElementType.ANNOTATION_TYPE})
@Retention(RetentionPolicy.RUNTIME)
@Documented
@Repeatable(KeyedLocks.class)
public @interface KeyedLock {

    /** The default of {@link #limit()}: the limit of the locker applies. */
    int UNSET = -1;

    /**
     * Alias for {@link #name()}.
     *
     * <pre>{@code
     * @KeyedLock("nightly-import")
     * void importAll() {}
     * }</pre>
     *
     * @return the name of a locker, or empty
     */
    @AliasFor("name")
    String value() default "";

    /**
     * The name of the locker: one that is configured under {@code keyedlock.locks}, or a {@code KeyedLocker} bean.
     * Methods that name the same locker exclude each other where their keys are equal.
     *
     * <p>Empty: the method has a locker of its own or, if the annotation is on a type, the type has.
     *
     * <pre>{@code
     * @KeyedLock(name = "orders", key = "#id")
     * void cancel(long id) {}
     * }</pre>
     *
     * @return the name of a locker, or empty
     */
    @AliasFor("value")
    String name() default "";

    /**
     * An expression for the key of the call. Keys are compared by {@code equals}. A list, an array or another
     * collection is one composite key; a set is compared by its content. Null is an error.
     *
     * <p>{@code key}, {@link #keys()} and {@link #keyGenerator()} are mutually exclusive. Without any of them, all
     * calls share one key, shown as {@code (all calls)}, so the lock covers the whole locker.
     *
     * <pre>{@code
     * @KeyedLock(key = "{#tenant, #order.id}")
     * void ship(String tenant, Order order) {}
     * }</pre>
     *
     * @return an expression, or empty
     */
    String key() default "";

    /**
     * An expression for several keys: a {@code Collection} or an array. The call acquires all its elements or none, in
     * an order that is the same for all callers, so that such calls do not deadlock with each other. Equal elements
     * count once. If there are no elements, the method runs without a lock. Null is an error, also as an element.
     *
     * <pre>{@code
     * @KeyedLock(name = "accounts", keys = "{#from, #to}")
     * void transfer(String from, String to, long amount) {}
     * }</pre>
     *
     * @return an expression, or empty
     */
    String keys() default "";

    /**
     * The name of a bean of type {@code org.springframework.cache.interceptor.KeyGenerator} that generates the key. The
     * result is treated like the value of {@link #key()}.
     *
     * <pre>{@code
     * @KeyedLock(keyGenerator = "byTenant")
     * void report(Query query) {}
     * }</pre>
     *
     * @return the name of a bean, or empty
     */
    String keyGenerator() default "";

    /**
     * An expression for whether to lock. If it is false, the method runs without the lock, and no key is evaluated.
     *
     * <p>Empty: always lock.
     *
     * <pre>{@code
     * @KeyedLock(key = "#order.id", condition = "#order.urgent == false")
     * void ship(Order order) {}
     * }</pre>
     *
     * @return an expression for a boolean, or empty
     */
    String condition() default "";

    /**
     * The number of calls that each key admits at once, at least 1. The limit is a property of the locker, so with a
     * {@link #name()} it must equal the limit of that locker; leave it out there and set
     * {@code keyedlock.locks.<name>.limit}.
     *
     * <p>{@link #UNSET}: the limit of the locker applies.
     *
     * <pre>{@code
     * @KeyedLock(key = "#tenant", limit = 3)
     * Report render(String tenant) {
     *   return new Report();
     * }
     * }</pre>
     *
     * @return the limit, or {@link #UNSET}
     */
    int limit() default UNSET;

    /**
     * The {@link #limit()} as a string, so that it can come from a property. The two are mutually exclusive.
     *
     * <p>Empty: the limit of the locker applies.
     *
     * <pre>{@code
     * @KeyedLock(key = "#tenant", limitString = "${reports.per-tenant}")
     * Report render(String tenant) {
     *   return new Report();
     * }
     * }</pre>
     *
     * @return the limit, or empty
     */
    String limitString() default "";

    /**
     * The maximum time that a call waits: {@code 500ms}, {@code 2s}, {@code 1m} or {@code PT2S}. A unit is required,
     * and the policy must be {@link Policy#BLOCK}.
     *
     * <ul>
     *   <li>{@code 0s}: the call does not wait.
     *   <li>{@code forever}: the call waits without limit.
     *   <li>Empty: the wait time of the locker applies.
     * </ul>
     *
     * <pre>{@code
     * @KeyedLock(key = "#id", waitTime = "${orders.patience:2s}")
     * void cancel(long id) {}
     * }</pre>
     *
     * @return a duration with its unit, or empty
     */
    String waitTime() default "";

    /**
     * What a call does if the key is not available.
     *
     * <pre>{@code
     * @KeyedLock(policy = KeyedLock.Policy.SKIP)
     * void cleanUp() {}
     * }</pre>
     *
     * @return the policy
     */
    Policy policy() default Policy.BLOCK;

    /**
     * When to release the lock if a transaction is active while it is acquired. Applies to methods that return a plain
     * value.
     *
     * <pre>{@code
     * @KeyedLock(key = "#id", release = KeyedLock.Release.ON_RETURN)
     * void notifyCustomer(long id) {}
     * }</pre>
     *
     * @return the moment
     */
    Release release() default Release.DEFAULT;

    /**
     * What a call does if the key is not available.
     *
     * @since 0.1.0
     */
    enum Policy {

        /** Wait for at most {@link KeyedLock#waitTime()}, then fail with a {@code LockTimeoutException}. */
        BLOCK,

        /** Do not wait; fail with a {@code LockRejectedException}. */
        REJECT,

        /**
         * Do not wait and do not run the method; return an empty result. The method must return {@code void}, an
         * {@code Optional}, which is empty then, a {@code Mono}, {@code Flux} or another publisher that may be empty,
         * which completes without a value, or a {@code CompletionStage<Void>}, which completes. A Kotlin
         * {@code suspend} function must return {@code Unit} or a nullable type. For other results the policy is an
         * error.
         */
        SKIP
    }

    /**
     * When to release the lock if a transaction is active while it is acquired.
     *
     * @since 0.1.0
     */
    enum Release {

        /** As the property {@code keyedlock.release} says; {@link #AFTER_TRANSACTION} if it is not set. */
        DEFAULT,

        /**
         * After that transaction has been committed or rolled back, so that the next holder of the key sees what this
         * one wrote. If no transaction is active, when the method returns.
         */
        AFTER_TRANSACTION,

        /** When the method returns, whether or not a transaction is active. */
        ON_RETURN
    }
}
