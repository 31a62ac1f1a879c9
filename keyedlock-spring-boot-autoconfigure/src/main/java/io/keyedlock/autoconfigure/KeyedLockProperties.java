// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyedLockerListener.HoldTiming;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.jdbc.JdbcStoreSettings;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * The properties of an application.
 *
 * @param enabled Whether annotated methods are locked. If false, the endpoint, the meters and the drain at shutdown are absent
 *     too; lockers and their registry stay.
 * @param defaults Defaults of all lockers, including those of annotated methods.
 * @param locks Lockers by name; each becomes a bean of its name.
 * @param aop The advice.
 * @param release When the permit of an annotated method is released, unless the annotation sets it.
 * @param executor Name of the executor bean that runs asynchronous method bodies that had to wait for their permit. If not
 *     set, each runs on its own thread, a virtual one with 'spring.threads.virtual.enabled'.
 * @param validation What to do at startup about invalid annotations.
 * @param deadlockDetection What to do about a deadlock: threads that wait for each other's keys in a cycle.
 * @param longHold Reports of long holds.
 * @param showKeys Whether keys may appear in logs, exception messages, problem details and flight recorder events.
 * @param metrics The meters.
 * @param observations Whether each wait for a key is an observation, and so a span if tracing is configured.
 * @param shutdown The drain at shutdown.
 * @param web Responses to HTTP clients.
 * @param owner Name under which other processes show this one as a holder of a key. The default consists of application,
 *     host and process id.
 * @param redis Redis.
 * @param jdbc The database of lockers with backend 'jdbc'.
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
        @DefaultValue Redis redis,
        @DefaultValue Jdbc jdbc) {

    /**
     * One locker. Null values fall back to the defaults.
     *
     * @param limit How many callers may hold a key at once.
     * @param limits Limits of individual keys, by the text of the key.
     * @param waitTime How long a caller waits for a permit unless it sets its own time, or 'forever'. Zero does not wait.
     * @param fair Whether a released permit always goes to the waiter that has waited longest.
     * @param maxWaiters How many callers may wait for one key, or 'unbounded'. Further callers are rejected.
     * @param reentrant Whether a thread that holds a key may acquire it again.
     * @param backend Source of permits: 'local' for this process alone, 'redis' or 'jdbc' to share them with all processes that
     *     use the same Redis or database.
     * @param leaseTime How long a lease in the backend lasts unless it is renewed. A running process renews its leases.
     * @param backendTimeout How long to wait for a reply of the backend.
     * @param handoffWindow How long after its grant a lease may be handed off within this process before waiters of other
     *     processes come first. Zero never hands it off.
     * @param maxHold How long a lease is renewed; then it expires and is lost. Zero renews it for as long as it is held.
     * @param onLeaseLost What to do with an annotated call whose lease was lost.
     * @param failFast Whether startup fails if the backend cannot be reached.
     */
    record Locker(
            @Nullable Integer limit,
            @DefaultValue Map<String, Integer> limits,
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
     * @param prefix Prefix of all names in Redis, so that applications can share a server.
     */
    record Redis(@DefaultValue("keyedlock") String prefix) {}

    /**
     * The database of lockers with backend 'jdbc'.
     *
     * @param initializeSchema When to create the table: in embedded databases only, always, or never.
     * @param platform Kind of database: 'postgresql', 'mysql', 'mariadb' or 'h2'. If not set, the database is asked.
     * @param tablePrefix Prefix of the table's name, which may begin with a schema and a dot.
     * @param tokenRetention How long the last fencing token of a key is kept after its last use.
     * @param pollMin Shortest pause between two looks for turns, while callers wait and the database does not notify.
     * @param pollMax Longest pause between two looks for turns.
     */
    record Jdbc(
            @DefaultValue("embedded") JdbcStoreSettings.InitializeSchema initializeSchema,
            @Nullable String platform,
            @DefaultValue("KEYEDLOCK_") String tablePrefix,
            @DefaultValue("30d") Duration tokenRetention,
            @DefaultValue("25ms") Duration pollMin,
            @DefaultValue("1s") Duration pollMax) {

        JdbcStoreSettings settings() {
            return new JdbcStoreSettings(initializeSchema, platform, tablePrefix, tokenRetention, pollMin, pollMax);
        }
    }

    /**
     * The advice.
     *
     * @param order Order of the advice among the advices of a method; lower values are outer. The default is outside
     *     transactions, caches and retries.
     */
    record Aop(@DefaultValue("2147483547") int order) {}

    /**
     * Reports of long holds.
     *
     * @param threshold Hold time after which a hold is reported, once, with the stack trace of its thread. Zero disables the
     *     reports.
     */
    record LongHold(@DefaultValue("30s") Duration threshold) {}

    /**
     * The meters.
     *
     * @param hold Which holds the timer of hold times records: one in 16 (sampled), each (exact), or none (off).
     */
    record Metrics(@DefaultValue("sampled") HoldTiming hold) {}

    /**
     * The drain at shutdown.
     *
     * @param awaitIdle How long to wait until no key is held or waited for. Zero does not wait.
     * @param rejectNew Whether new callers are rejected while the drain waits. Threads that hold a key may acquire more.
     * @param phase Lifecycle phase of the drain. The default is below web server, listener containers and executors, which
     *     stop earlier, and above beans that hold data.
     */
    record Shutdown(
            @DefaultValue("20s") Duration awaitIdle,
            @DefaultValue("false") boolean rejectNew,
            @DefaultValue("1073741311") int phase) {}

    /**
     * HTTP.
     *
     * @param problemDetails Whether rejected HTTP clients get problem details: 429 for a timeout or a rejection, 503 while the
     *     application shuts down.
     * @param showKeys Whether problem details contain the key, which may be private or guessed by the client. Has no effect if
     *     'keyedlock.show-keys' is false.
     */
    record Web(
            @DefaultValue("true") boolean problemDetails,
            @DefaultValue("false") boolean showKeys) {}

    /** When the permit of an annotated method is released. */
    enum Release {
        /** After completion of the transaction in which the method was called; on return if there is none. */
        AFTER_TRANSACTION,
        /** When the method returns or its asynchronous result completes. */
        ON_RETURN
    }

    /** What to do with an annotated call whose lease was lost. */
    enum OnLeaseLost {
        /** Fail the call: before the commit if a transaction is active, else on return. */
        FAIL,
        /** Log and count the loss. */
        REPORT
    }

    /** What to do at startup about invalid annotations. */
    enum Validation {
        /** Fail the startup. */
        FAIL,
        /** Log each mistake. */
        WARN
    }
}
