// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.actuate;

import io.keyedlock.KeySnapshot;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/** The stack traces of threads that have held a key for long. There are none of virtual threads, which the JVM does not list. */
final class HolderStacks {

    private static final int MAX_DEPTH = 64;

    private HolderStacks() {}

    /**
     * Returns the current stack traces of the holders that have held the key for at least a time, by the id of the thread.
     *
     * @param snapshot the state of the key
     * @param longHold that time; zero for no stack traces
     * @param again supplies the state of the key once more, because a thread may release the key before its stack is read
     */
    static <K> Map<Long, List<String>> of(
            KeySnapshot<K> snapshot, Duration longHold, Supplier<Optional<KeySnapshot<K>>> again) {
        long[] ids = snapshot.holders().stream()
                .filter(holder -> holder.threadId() > 0 && !holder.virtual())
                .filter(holder -> !longHold.isZero() && holder.age().compareTo(longHold) >= 0)
                .mapToLong(KeySnapshot.Caller::threadId)
                .limit(KeyedLocksEndpoint.MAX_LISTED)
                .toArray();
        if (ids.length == 0) {
            return Map.of();
        }
        Map<Long, List<String>> stacks = new HashMap<>();
        for (ThreadInfo info : ManagementFactory.getThreadMXBean().getThreadInfo(ids, MAX_DEPTH)) {
            if (info != null) {
                stacks.put(
                        info.getThreadId(),
                        Arrays.stream(info.getStackTrace())
                                .map(StackTraceElement::toString)
                                .toList());
            }
        }
        List<KeySnapshot.Caller> still = again.get().map(KeySnapshot::holders).orElse(List.of());
        stacks.keySet()
                .retainAll(still.stream()
                        .filter(holder -> holder.age().compareTo(longHold) >= 0)
                        .map(KeySnapshot.Caller::threadId)
                        .toList());
        return stacks;
    }
}
