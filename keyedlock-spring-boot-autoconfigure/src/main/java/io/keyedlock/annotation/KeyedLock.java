// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.annotation;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.springframework.core.annotation.AliasFor;

/**
 * Runs a method of a Spring bean under a lock per key: calls for one key wait for each other, calls for other keys do not.
 *
 * <pre>{@code
 * @KeyedLock(key = "#order.id", limit = 3)
 * void ship(Order order) {
 *   // at most three calls at once for one order id
 * }
 * }</pre>
 *
 * <p><b>Where it stands.</b> On a method, on a type, on an interface or its methods, or on an annotation of your own. What
 * stands on a method, also on one that it overrides or implements, beats what stands on a type. On a class it covers the
 * methods that the class and its subclasses declare, on an interface those of the interface; private and static methods,
 * and {@code equals}, {@code hashCode} and {@code toString}, are left alone. As with all advice of Spring, calls of a bean's
 * method on itself are not seen, and final, private and static methods cannot be locked; where the annotation stands on
 * one of those, the application does not start.
 *
 * <p><b>The locker.</b> With a {@link #name()} it is the locker of that name. Without one, the method that carries the
 * annotation has a locker of its own, named after it ({@code com.acme.Orders.ship(Order)}), and a type that carries it has
 * one for all of its methods ({@code com.acme.Orders}). An interface has one for all implementations.
 *
 * <p><b>Strings.</b> {@link #key()}, {@link #keys()} and {@link #condition()} are expressions of the Spring Expression
 * Language; {@code ${…}} is replaced in all other strings, and refused in expressions. They see the parameters by name ({@code #order}, those of the method that
 * carries the annotation and those of the method of the class) and by index ({@code #p0} or {@code #a0}), beans
 * ({@code @tenants.current()}), and {@code #root} with {@code method}, {@code target}, {@code targetClass} and
 * {@code args}. Each is evaluated once per call, before the lock is taken.
 *
 * <p><b>Waiting.</b> A call waits up to {@link #waitTime()} and then fails with a {@code LockTimeoutException}. If its thread is
 * interrupted, a method that declares {@link InterruptedException} or a supertype of it gets that; otherwise the interrupt
 * flag is set again and a {@code LockInterruptedException} is thrown. The body never runs without the lock.
 *
 * <p><b>Transactions.</b> The lock is taken outside {@code @Transactional} and given back after the commit. Where a
 * transaction is active already, see {@link #release()}.
 *
 * <p>Attributes that are wrong or contradict each other are told when the application starts, all in one report.
 */
@Target({ElementType.METHOD, ElementType.TYPE, ElementType.ANNOTATION_TYPE})
@Retention(RetentionPolicy.RUNTIME)
@Documented
public @interface KeyedLock {

    /** The value of {@link #limit()} that stands for none. */
    int UNSET = -1;

    /**
     * The same as {@link #name()}.
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
     * The locker: one that is configured under {@code keyedlock.locks}, or a {@code KeyedLocker} bean. Methods that name the
     * same locker lock each other out where their keys are equal. Empty: a locker of its own for this method, or for this
     * type if the annotation stands on a type.
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
     * An expression for the key. A list or an array is one composite key, a set is compared by content; other values
     * by their {@code equals}. Null is an error.
     *
     * <p>Without {@code key}, {@link #keys()} and {@link #keyGenerator()}, all calls have one key in common: the lock is one
     * for the whole locker.
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
     * An expression for a {@code Collection} or an array, all of whose elements are locked, without danger of deadlock
     * among such calls. Equal elements count once; if there are none, the method runs without a lock. Null, also as an
     * element, is an error.
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
     * The name of a bean of type {@code org.springframework.cache.interceptor.KeyGenerator} that makes the key. What it returns
     * is treated as the value of {@link #key()}.
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
     * An expression that says whether to lock at all. If it is false, the method runs without the lock and no key is made.
     *
     * <pre>{@code
     * @KeyedLock(key = "#order.id", condition = "#order.urgent == false")
     * void ship(Order order) {}
     * }</pre>
     *
     * @return an expression for a boolean, or empty for always
     */
    String condition() default "";

    /**
     * How many calls each key admits at once, at least 1. Unset: as the locker is configured. With a {@link #name()} it must
     * be what that locker is configured with.
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
     * The {@link #limit()} as a string, so that it can come from a property.
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
     * How long a call waits at most: {@code 500ms}, {@code 2s}, {@code 1m}, {@code PT2S}, or {@code forever}. Zero does not wait.
     * Unset: as the locker is configured.
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
     * What to do where the key is not free.
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
     * When to give the lock back if a transaction is active at the time the lock is taken.
     *
     * <pre>{@code
     * @KeyedLock(key = "#id", release = KeyedLock.Release.ON_RETURN)
     * void notifyCustomer(long id) {}
     * }</pre>
     *
     * @return the moment
     */
    Release release() default Release.DEFAULT;

    /** What to do where the key is not free. */
    enum Policy {

        /** Wait, up to {@link KeyedLock#waitTime()}. */
        BLOCK,

        /** Do not wait: throw a {@code LockRejectedException}. */
        REJECT,

        /**
         * Do not wait and do not run the method: return nothing from a {@code void} method, or an empty {@code Optional}. Refused
         * for methods of other return types.
         */
        SKIP
    }

    /** When to give the lock back if a transaction is active at the time the lock is taken. */
    enum Release {

        /** As the property {@code keyedlock.release} says; {@link #AFTER_TRANSACTION} unless it is set. */
        DEFAULT,

        /**
         * When that transaction has been committed or rolled back, so that the next holder of the key sees what this one wrote. If
         * no transaction is active, when the method returns.
         */
        AFTER_TRANSACTION,

        /** When the method returns, whether or not a transaction goes on. */
        ON_RETURN
    }
}
