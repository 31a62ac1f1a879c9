// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.test;

import io.keyedlock.KeySnapshot;
import io.keyedlock.KeyText;
import io.keyedlock.KeyedLockerSettings;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Descriptions of keys and their callers. They name a key only if the settings of its locker allow it. */
final class Descriptions {

    /** The maximum number of keys, and of callers of a key, that are listed. */
    static final int MOST = 10;

    private Descriptions() {}

    /** Returns, for instance, {@code key '42' of 'orders'}. */
    static String key(KeyedLockerSettings settings, Object key) {
        return (settings.showKeys() ? "key '" + KeyText.inLine(key) + "'" : "a key") + " of '" + settings.name() + "'";
    }

    /** Describes the holders and waiters of a key. */
    static String state(KeySnapshot<?> key) {
        if (key.holders().isEmpty() && key.waiters().isEmpty()) {
            return "neither held nor awaited";
        }
        // The start of a hold is recorded when it is first inspected, so the hold may be older.
        return "held by " + callers(key.holders(), "for at least ") + "; awaited by " + callers(key.waiters(), "for ");
    }

    static <T> String lines(List<T> all, Function<T, String> line) {
        String first =
                all.stream().limit(MOST).map(one -> "\n  " + line.apply(one)).collect(Collectors.joining());
        return all.size() > MOST ? first + "\n  and " + (all.size() - MOST) + " more" : first;
    }

    private static String callers(List<KeySnapshot.Caller> callers, String age) {
        if (callers.isEmpty()) {
            return "nobody";
        }
        String first = callers.stream()
                .limit(MOST)
                .map(caller -> name(caller) + " " + age + caller.age().truncatedTo(ChronoUnit.MILLIS))
                .collect(Collectors.joining(", "));
        String count = callers.size() == 1 ? "" : callers.size() + ": ";
        return count + (callers.size() > MOST ? first + " and " + (callers.size() - MOST) + " more" : first);
    }

    private static String name(KeySnapshot.Caller caller) {
        if (isAsync(caller)) {
            return "an asynchronous caller";
        }
        return "'" + caller.threadName() + "' (" + (caller.virtual() ? "virtual thread " : "thread ")
                + caller.threadId() + ")";
    }

    static boolean isAsync(KeySnapshot.Caller caller) {
        return caller.threadId() == -1;
    }
}
