// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.advice;

import java.util.Map;

/** The advices around the call. */
public enum Advices {
    EMPTY("one empty interceptor", EmptyAdvice.class),
    KEYEDLOCK("`@KeyedLock(key = \"#order.id\")`", KeyedLockAdvice.OneKey.class),
    KEYEDLOCK_COMPOSITE("`@KeyedLock(key = \"{#order.tenant, #order.id}\")`", KeyedLockAdvice.Composite.class),
    KEYEDLOCK_METERS(
            "`@KeyedLock(key = \"#order.id\")`, meters, no holds timed",
            KeyedLockAdvice.Metered.class,
            Map.of("keyedlock.metrics.hold", "off")),
    KEYEDLOCK_METERS_SAMPLED("`@KeyedLock(key = \"#order.id\")`, meters, holds sampled", KeyedLockAdvice.Metered.class),
    KEYEDLOCK_METERS_EXACT(
            "`@KeyedLock(key = \"#order.id\")`, meters, holds exact",
            KeyedLockAdvice.Metered.class,
            Map.of("keyedlock.metrics.hold", "exact")),
    BY_HAND("`KeyedLocker.acquire` and `close` in the method, no advice", KeyedLockAdvice.ByHand.class),
    TRANSACTIONAL("`@Transactional`, a manager that does nothing", TransactionalAdvice.class),
    CONCURRENCY_LIMIT("`@ConcurrencyLimit(1)`, no key", ConcurrencyLimitAdvice.class),
    BULKHEAD("resilience4j `@Bulkhead(name = \"#order.id\")`", BulkheadAdvice.class),
    LOCK4J("lock4j `@Lock4j(keys = \"#order.id\")`, a map for executor", Lock4jAdvice.class),
    FUTURE_EMPTY("a `CompletableFuture`, one more empty interceptor", LaterAdvice.UnlockedFuture.class),
    FUTURE("a `CompletableFuture`, `@KeyedLock(key = \"#order.id\")`", LaterAdvice.LockedFuture.class),
    MONO_EMPTY("a `Mono`, one more empty interceptor", LaterAdvice.UnlockedMono.class),
    MONO("a `Mono`, `@KeyedLock(key = \"#order.id\")`", LaterAdvice.LockedMono.class);

    final String label;
    final Class<?> configuration;

    @SuppressWarnings("ImmutableEnumChecker") // made by Map.of
    final Map<String, Object> properties;

    /** Returns what the cost is compared with, as the name of a figure. */
    String overWhat() {
        return base() == EMPTY ? "over an empty interceptor" : "over the same without the lock";
    }

    /** Returns the limit of the cost, in nanoseconds, or NaN. */
    double must() {
        return switch (this) {
            case KEYEDLOCK, KEYEDLOCK_COMPOSITE, KEYEDLOCK_METERS -> 120;
            case FUTURE -> 600;
            case MONO -> 1_500;
            default -> Double.NaN;
        };
    }

    /** Returns the value that the cost should reach, in nanoseconds, or NaN. */
    double aim() {
        return this == KEYEDLOCK || this == KEYEDLOCK_COMPOSITE || this == KEYEDLOCK_METERS ? 50 : must() / 2;
    }

    /** Returns the advice to subtract, without the measured part. */
    Advices base() {
        return switch (this) {
            case FUTURE -> FUTURE_EMPTY;
            case MONO -> MONO_EMPTY;
            default -> EMPTY;
        };
    }

    Advices(String label, Class<?> configuration) {
        this(label, configuration, Map.of());
    }

    Advices(String label, Class<?> configuration, Map<String, Object> properties) {
        this.label = label;
        this.configuration = configuration;
        this.properties = properties;
    }
}
