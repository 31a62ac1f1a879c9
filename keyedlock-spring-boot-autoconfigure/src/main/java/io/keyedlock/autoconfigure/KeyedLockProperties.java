// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyedLockerSettings;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * What an application can configure.
 *
 * @param enabled Whether annotated methods run under their lock and the endpoint, the meters and the drain at shutdown are
 *     there. Lockers and their registry are there in any case.
 * @param defaults What a locker is that does not say otherwise, one of an annotated method too.
 * @param locks Lockers by name; each becomes a bean of its name.
 * @param aop The advice.
 * @param release When the permit of an annotated method is given back if the annotation does not say.
 * @param executor Name of the executor bean that runs asynchronous method bodies which had to wait for their permit. If not
 *     set, a thread of our own for each, virtual with 'spring.threads.virtual.enabled'.
 * @param validation What a mistake in an annotation does to the start of the application.
 * @param deadlockDetection What is done about threads that wait for each other's keys in a circle.
 * @param longHold Reports of keys that are held for long.
 * @param showKeys Whether keys may be told in logs, exception messages, problem details and flight recorder events.
 * @param metrics The meters.
 * @param observations Whether each wait for a key is an observation, and so a span where tracing is set up.
 * @param shutdown What happens to held keys when the application stops.
 * @param web What HTTP clients are told.
 * @param owner How other processes show this one as a holder of a key. The default names the application, the host and the
 *     process.
 * @param redis Redis.
 */
@ConfigurationProperties("keyedlock")
record KeyedLockProperties(
        @DefaultValue("true") boolean enabled,
        @DefaultValue Locker defaults,
        @DefaultValue Map<String, Locker> locks,
        @DefaultValue Aop aop,
        @DefaultValue("after-transaction") Release release,
        @Nullable String executor,
        @DefaultValue("fail") Validation validation,
        @DefaultValue("fail") KeyedLockerSettings.DeadlockDetection deadlockDetection,
        @DefaultValue LongHold longHold,
        @DefaultValue("true") boolean showKeys,
        @DefaultValue Metrics metrics,
        @DefaultValue("false") boolean observations,
        @DefaultValue Shutdown shutdown,
        @DefaultValue Web web,
        @Nullable String owner,
        @DefaultValue Redis redis) {

    /**
     * One locker; what is null falls back to the defaults.
     *
     * @param limit How many callers each key admits at once.
     * @param waitTime How long a caller waits that does not say otherwise, or 'forever'. Zero does not wait.
     * @param fair Whether a permit is always handed to the caller that has waited longest.
     * @param maxWaiters How many callers may wait for one key, or 'unbounded'; a further one is refused.
     * @param reentrant Whether a thread that holds a key may take it again.
     * @param backend Where permits come from: 'local' is this process alone, 'redis' is shared by all processes that use the
     *     same Redis.
     * @param leaseTime How long a lease lasts beyond this process without being renewed, as it is while its process lives.
     * @param backendTimeout How long to wait for an answer of the backend.
     * @param handoffWindow How long after its grant a lease may be handed off within this process before others get their
     *     turn. Zero never hands it off.
     * @param maxHold How long a lease is renewed; then it ends and is lost. Zero renews it for as long as it is held.
     * @param onLeaseLost What happens to an annotated call whose lease was lost.
     * @param failFast Whether startup fails if the backend cannot be reached.
     */
    record Locker(
            @Nullable Integer limit,
            @Nullable String waitTime,
            @Nullable Boolean fair,
            @Nullable String maxWaiters,
            @Nullable Boolean reentrant,
            @Nullable String backend,
            @Nullable Duration leaseTime,
            @Nullable Duration backendTimeout,
            @Nullable Duration handoffWindow,
            @Nullable Duration maxHold,
            @Nullable OnLeaseLost onLeaseLost,
            @Nullable Boolean failFast) {}

    /**
     * Redis.
     *
     * @param prefix The prefix of all names in Redis, so that applications can share a server.
     */
    record Redis(@DefaultValue("keyedlock") String prefix) {}

    /**
     * The advice.
     *
     * @param order Where the lock stands among the advices of a method; a lower value is further outside. The default is
     *     outside transactions, caches and retries.
     */
    record Aop(@DefaultValue("2147483547") int order) {}

    /**
     * Reports of long holds.
     *
     * @param threshold After how long a hold is reported, once, with the stack of its thread. Zero turns the reports off.
     */
    record LongHold(@DefaultValue("30s") Duration threshold) {}

    /**
     * The meters.
     *
     * @param hold Whether the time for which keys are held is measured, which costs two clock reads per acquisition.
     */
    record Metrics(@DefaultValue("true") boolean hold) {}

    /**
     * The end of the application.
     *
     * @param awaitIdle How long to wait until no key is held or awaited. Zero does not wait.
     * @param rejectNew Whether new callers are refused from the start of that wait. Threads that hold a key may go on.
     * @param phase Lifecycle phase in which the wait happens. The default is below web server, listener containers and
     *     executors, which stop earlier, and above all that holds data.
     */
    record Shutdown(
            @DefaultValue("20s") Duration awaitIdle,
            @DefaultValue("false") boolean rejectNew,
            @DefaultValue("1073741311") int phase) {}

    /**
     * HTTP.
     *
     * @param problemDetails Whether callers turned away are answered with problem details: 429 for a timeout or a full
     *     queue, 503 while the application shuts down.
     * @param showKeys Whether problem details tell the key, which may be private or guessed by whoever asks. Does not
     *     widen 'keyedlock.show-keys'.
     */
    record Web(
            @DefaultValue("true") boolean problemDetails,
            @DefaultValue("false") boolean showKeys) {}

    /** When the permit of an annotated method is given back. */
    enum Release {
        /** After the transaction in which the method was called has completed; on return where there is none. */
        AFTER_TRANSACTION,
        /** When the method returns, or its asynchronous result has completed. */
        ON_RETURN
    }

    /** What happens to an annotated call whose lease was lost. */
    enum OnLeaseLost {
        /** It fails: before the commit if a transaction is active, else on return. */
        FAIL,
        /** The loss is logged and counted. */
        REPORT
    }

    /** What a mistake in an annotation does to the start of the application. */
    enum Validation {
        /** The application does not start. */
        FAIL,
        /** Each mistake is logged. */
        WARN
    }
}
