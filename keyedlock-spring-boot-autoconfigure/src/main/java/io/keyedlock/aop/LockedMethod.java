// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.KeySnapshot;
import io.keyedlock.KeyText;
import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.LockRejectedException;
import io.keyedlock.LockTimeoutException;
import io.keyedlock.annotation.KeyedLock;
import java.lang.reflect.Method;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;
import org.springframework.expression.EvaluationContext;
import org.springframework.expression.spel.SpelEvaluationException;

/**
 * An annotation as it applies to one method of one class, read, checked and resolved once.
 *
 * @param description supplies class and method for messages
 * @param method the method as declared or inherited by the class
 * @param names the names by which expressions refer to the arguments
 * @param arguments converts the arguments of a call into what expressions see
 * @param shared the evaluation context that all calls share
 * @param condition whether to lock, or null to lock always
 * @param keys the source of the key
 * @param locker the locker
 * @param waitTime the maximum time to wait, or null for that of the locker
 * @param policy what to do if the key is not available
 * @param afterTransaction whether an active transaction keeps the permit until it has completed
 * @param throwsInterrupted whether callers expect {@link InterruptedException}
 * @param emptyResult the result of a call that is skipped
 * @param strategy how a call runs, given its kind of result
 * @param next the lock to acquire after this one, or null
 */
record LockedMethod(
        Supplier<String> description,
        Method method,
        ParameterNames names,
        ValueClassArguments arguments,
        EvaluationContext shared,
        @Nullable LockExpression condition,
        KeySource keys,
        LazyLocker locker,
        @Nullable Duration waitTime,
        KeyedLock.Policy policy,
        boolean afterTransaction,
        boolean throwsInterrupted,
        @Nullable Object emptyResult,
        ResultStrategy strategy,
        @Nullable LockedMethod next) {

    /** The maximum number of holders that a message names. */
    private static final int MAX_HOLDERS = 5;

    /** The maximum length of a quoted message of an exception thrown by an expression. */
    private static final int MAX_QUOTED_LENGTH = 1_000;

    /** Returns this lock with another to acquire after it. */
    LockedMethod before(@Nullable LockedMethod next) {
        return new LockedMethod(
                description,
                method,
                names,
                arguments,
                shared,
                condition,
                keys,
                locker,
                waitTime,
                policy,
                afterTransaction,
                throwsInterrupted,
                emptyResult,
                strategy,
                next);
    }

    /** Returns class and method for messages. */
    String place() {
        return description.get();
    }

    CallContext contextOf(MethodInvocation invocation, Object target) {
        return new CallContext(
                shared, names, new LockInvocation(target, method, arguments.of(invocation.getArguments())));
    }

    /** Returns whether this call is to be locked. */
    boolean applies(CallContext context) {
        if (condition == null) {
            return true;
        }
        Object value;
        try {
            value = condition.evaluate(context);
        } catch (RuntimeException e) {
            throw failed("condition = \"" + condition.text() + "\"", e);
        }
        if (value instanceof Boolean applies) {
            return applies;
        }
        throw failure(
                "condition = \"" + condition.text() + "\" must be true or false, but is "
                        + (value == null ? "null" : "of " + value.getClass()),
                null);
    }

    boolean hasSeveralKeys() {
        return keys instanceof KeySource.Several;
    }

    /** Returns the key of a call or, if the method {@link #hasSeveralKeys()}, the list of its keys. */
    Object keysOf(CallContext context) {
        Object value = nonNull(evaluate(context), "is null");
        if (!hasSeveralKeys()) {
            return value;
        }
        List<@Nullable Object> elements = elementsOf(value);
        if (elements == null) {
            throw failure(
                    keys.text() + " must be a Collection or an array, but is of " + value.getClass()
                            + ". For one key write key instead of keys",
                    null);
        }
        List<Object> several = new ArrayList<>(elements.size());
        for (Object element : elements) {
            several.add(nonNull(element, "has null at index " + several.size()));
        }
        return several;
    }

    /**
     * Returns a timeout with the name of the method and, if keys are shown, the threads that hold the key.
     *
     * @param lookForHolders whether to look up the holders, which runs the key's own code, so that only the calling
     *     thread may do it
     */
    LockTimeoutException timedOut(KeyedLocker<Object> locker, LockTimeoutException failure, boolean lookForHolders) {
        Object key = failure.key();
        KeyedLockerSettings settings = locker.settings(); // null if it is a mock
        String holders =
                lookForHolders && key != null && settings != null && settings.showKeys() ? holdersOf(locker, key) : "";
        LockTimeoutException explained = new LockTimeoutException(
                failure.lockName(),
                key,
                failure.limit(),
                failure.waiters(),
                place(),
                failure.waitTime(),
                failure.getMessage() + ". Method: " + place() + (holders.isEmpty() ? "" : ". Held by: " + holders));
        explained.setStackTrace(failure.getStackTrace());
        return explained;
    }

    private static String holdersOf(KeyedLocker<Object> locker, Object key) {
        return snapshotOf(locker, key).stream()
                .flatMap(snapshot -> snapshot.holders().stream())
                .map(holder -> holder.threadId() < 0
                        ? "an asynchronous caller"
                        : "thread '" + KeyText.inLine(holder.threadName()) + "'")
                .distinct()
                .limit(MAX_HOLDERS)
                .collect(Collectors.joining(", "));
    }

    private static Optional<KeySnapshot<Object>> snapshotOf(KeyedLocker<Object> locker, Object key) {
        try {
            return Objects.requireNonNullElse(locker.snapshot(key), Optional.empty()); // null if it is a mock
        } catch (RuntimeException | StackOverflowError e) {
            // The key's own code failed. The caller needs the original failure, not this one.
            return Optional.empty();
        }
    }

    /** Returns the exception for a call that found the queue full, with the name of the method. */
    LockRejectedException rejected(LockRejectedException failure) {
        LockRejectedException explained = new LockRejectedException(
                failure.lockName(),
                failure.key(),
                failure.limit(),
                failure.waiters(),
                place(),
                failure.getMessage() + ". Method: " + place());
        explained.setStackTrace(failure.getStackTrace());
        return explained;
    }

    /**
     * Returns the result of a locker, which must not be null: with null, the method must neither run nor be skipped.
     */
    <T> T requireResult(@Nullable T result) {
        if (result == null) {
            throw nullResult();
        }
        return result;
    }

    /** Returns the exception for a locker that has returned null, most likely a mock. */
    IllegalStateException nullResult() {
        return new IllegalStateException("@KeyedLock on " + place() + ": the locker '" + locker.name() + "', of "
                + locker.get().getClass() + ", returned null instead of a permit. If it is a mock, stub "
                + (hasSeveralKeys() ? "its methods for several keys" : "its acquire and tryAcquire methods")
                + " to return a permit, or replace it by a locker of KeyedLocker.create");
    }

    /** Returns the exception for a non-waiting call that found no free permit of a key, or of one of several keys. */
    LockRejectedException rejected(KeyedLocker<Object> locker, Object keys) {
        Optional<KeySnapshot<Object>> snapshot = hasSeveralKeys() ? Optional.empty() : snapshotOf(locker, keys);
        return rejected(
                locker,
                keys,
                snapshot.map(KeySnapshot::limit).orElseGet(locker::limit),
                snapshot.map(found -> found.waiters().size()).orElse(0));
    }

    /** Returns the exception for a non-waiting call that found no free permit. */
    LockRejectedException rejected(KeyedLocker<Object> locker, Object key, int limit, int waiters) {
        return new LockRejectedException(
                this.locker.name(),
                key,
                limit,
                waiters,
                place(),
                "All permits of " + described(locker, key) + " are in use, and " + place()
                        + " does not wait. Try again later");
    }

    static String described(KeyedLocker<Object> locker, Object key) {
        KeyedLockerSettings settings = locker.settings();
        if (settings == null) {
            return "a locker without settings, such as a mock,";
        }
        return (settings.showKeys() ? "key '" + KeyText.inLine(key) + "'" : "a key") + " of locker '" + locker.name()
                + "'";
    }

    private @Nullable Object evaluate(CallContext context) {
        return guarded(() -> keys.of(context));
    }

    private @Nullable List<@Nullable Object> elementsOf(Object value) {
        return guarded(() -> Keys.several(value));
    }

    /** Runs code of the application that produces keys. Names the expression if it fails. */
    private <T> @Nullable T guarded(Supplier<@Nullable T> making) {
        try {
            return making.get();
        } catch (RuntimeException e) {
            throw failed(keys.text(), e);
        } catch (StackOverflowError e) {
            throw failure(
                    keys.text() + " is a collection or an array that contains itself, or is nested far too deep."
                            + " Write a key of a few parts, such as {#tenant, #id}",
                    null);
        }
    }

    private Object nonNull(@Nullable Object key, String problem) {
        if (key == null) {
            throw failure(
                    keys.text() + " " + problem + ". A key must not be null"
                            + (names.areKnown() ? "" : ". " + ParameterNames.HINT),
                    null);
        }
        return key;
    }

    /**
     * Returns the exception for a failed expression. Its own message may contain arguments, such as a value that cannot
     * be converted, so it is hidden unless keys are shown.
     */
    private LockKeyException failed(String what, RuntimeException e) {
        if (showsKeys()) {
            return failure(what + " failed: " + KeyText.inLine(e.getMessage(), MAX_QUOTED_LENGTH), e);
        }
        String kind = e instanceof SpelEvaluationException spel
                ? spel.getMessageCode().name()
                : e.getClass().getName();
        LockKeyException redacted = failure(
                what + " failed: " + kind + ". The message is hidden because it may contain a key. Set"
                        + " keyedlock.show-keys=true to show it",
                null);
        redacted.setStackTrace(e.getStackTrace());
        return redacted;
    }

    private boolean showsKeys() {
        try {
            return locker.get().settings().showKeys();
        } catch (RuntimeException e) {
            // Without a locker, keys are not shown.
            return false;
        }
    }

    private LockKeyException failure(String problem, @Nullable RuntimeException cause) {
        return new LockKeyException(locker.name(), "@KeyedLock on " + place() + ": " + problem + ".", cause);
    }
}
