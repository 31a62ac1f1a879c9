// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

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
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;
import org.springframework.expression.EvaluationContext;
import org.springframework.expression.spel.SpelEvaluationException;

/**
 * An annotation as it applies to one method of one class: read, checked and resolved once.
 *
 * @param placed tells class and method, for messages
 * @param method the method as the class has it
 * @param names what expressions call its arguments
 * @param arguments makes of the arguments of a call what expressions see
 * @param shared what all evaluations share
 * @param condition whether to lock, or null for always
 * @param keys where the key comes from
 * @param locker whose locks are taken
 * @param waitTime how long to wait, or null for as long as the locker says
 * @param policy what to do where the key is not free
 * @param afterTransaction whether an active transaction keeps the permit until it has completed
 * @param throwsInterrupted whether callers expect {@link InterruptedException}
 * @param emptyResult what a call that is skipped returns
 * @param strategy how a call runs, given what its result is
 */
record LockedMethod(
        Supplier<String> placed,
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
        ResultStrategy strategy) {

    /** A key of a large limit has more than a message should name. */
    private static final int MOST_HOLDERS = 5;

    /** How much a message quotes of what an expression has thrown. */
    private static final int LONGEST_FOREIGN = 1_000;

    /** Class and method, for messages. */
    String place() {
        return placed.get();
    }

    CallContext contextOf(MethodInvocation invocation, Object target) {
        return new CallContext(
                shared, names, new LockInvocation(target, method, arguments.of(invocation.getArguments())));
    }

    /** Whether this call is to be locked at all. */
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

    /** The one key of a call. */
    Object keyOf(CallContext context) {
        return nonNull(evaluate(context), "is null");
    }

    /** The keys of a call for whose method {@link #hasSeveralKeys()}. */
    List<Object> keysOf(CallContext context) {
        Object value = nonNull(evaluate(context), "is null");
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
     * A failed wait with the method that waited and, where keys are shown, the threads that hold the key.
     *
     * @param lookForHolders whether to look who holds the key, which asks the key itself, so that only the caller may
     */
    LockTimeoutException timedOut(KeyedLocker<Object> locker, LockTimeoutException failure, boolean lookForHolders) {
        Object key = failure.key();
        KeyedLockerSettings settings = locker.settings(); // null if it is a mock
        String holders =
                lookForHolders && key != null && settings != null && settings.showKeys() ? holdersOf(locker, key) : "";
        LockTimeoutException explained = new LockTimeoutException(
                failure.lockName(),
                key,
                failure.waitTime(),
                failure.getMessage() + ". Method: " + place()
                        + (holders.isEmpty() ? "" : ". ChainPermits by: " + holders));
        explained.setStackTrace(failure.getStackTrace());
        return explained;
    }

    private static String holdersOf(KeyedLocker<Object> locker, Object key) {
        try {
            return locker.snapshot(key).stream()
                    .flatMap(snapshot -> snapshot.holders().stream())
                    .map(holder -> holder.threadId() < 0
                            ? "an asynchronous caller"
                            : "thread '" + KeyText.inLine(holder.threadName()) + "'")
                    .distinct()
                    .limit(MOST_HOLDERS)
                    .collect(Collectors.joining(", "));
        } catch (RuntimeException | StackOverflowError e) {
            // The key's own code; what failed before is what the caller must hear of.
            return "";
        }
    }

    /** Returns what a locker answered. Null breaks its contract: the method must not run then, nor be skipped. */
    <T> T given(@Nullable T answer) {
        if (answer == null) {
            throw gaveNothing();
        }
        return answer;
    }

    /** The exception for a locker that answers null, most likely a mock. */
    IllegalStateException gaveNothing() {
        return new IllegalStateException("@KeyedLock on " + place() + ": the locker '" + locker.name() + "', of "
                + locker.get().getClass() + ", returned null instead of a permit. If it is a mock, stub "
                + (hasSeveralKeys() ? "its methods for several keys" : "its acquire and tryAcquire methods")
                + " to return a permit, or replace it by a locker of KeyedLocker.create");
    }

    /** The exception for a call that does not wait and found no permit available. */
    LockRejectedException refused(KeyedLocker<Object> locker, Object key) {
        return new LockRejectedException(
                this.locker.name(),
                key,
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

    /** Runs what runs foreign code to make keys, and says of which expression it was. */
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

    /** What an expression throws may have the arguments in its words: what does not convert, what was not found. */
    private LockKeyException failed(String what, RuntimeException e) {
        if (showsKeys()) {
            return failure(what + " failed: " + KeyText.inLine(e.getMessage(), LONGEST_FOREIGN), e);
        }
        String kind = e instanceof SpelEvaluationException spel
                ? spel.getMessageCode().name()
                : e.getClass().getName();
        LockKeyException wordless = failure(
                what + " failed: " + kind + ". More is not told, as it may name a key (keyedlock.show-keys)", null);
        wordless.setStackTrace(e.getStackTrace());
        return wordless;
    }

    private boolean showsKeys() {
        try {
            return locker.get().settings().showKeys();
        } catch (RuntimeException e) {
            // No locker, no word of a key.
            return false;
        }
    }

    private LockKeyException failure(String problem, @Nullable RuntimeException cause) {
        return new LockKeyException(locker.name(), "@KeyedLock on " + place() + ": " + problem + ".", cause);
    }
}
