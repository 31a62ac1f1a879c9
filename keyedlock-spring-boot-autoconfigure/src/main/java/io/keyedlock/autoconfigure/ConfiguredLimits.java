// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyText;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.Supplier;
import java.util.function.ToIntFunction;

/**
 * The limits of the keys of one locker: first those of properties, then those of beans.
 *
 * @param lockName the name of the locker
 * @param limits the limits by the text of the key
 * @param beans supplies the beans; called when a key is first asked for
 */
record ConfiguredLimits(String lockName, Map<String, Integer> limits, Supplier<List<KeyLimits>> beans)
        implements ToIntFunction<Object> {

    /** The maximum length of a key's text that is compared with the names of properties. */
    private static final int LONGEST = 1_000;

    @Override
    public int applyAsInt(Object key) {
        Integer configured = limits.isEmpty() ? null : limits.get(KeyText.of(key, LONGEST));
        if (configured != null) {
            return configured;
        }
        for (KeyLimits each : beans.get()) {
            OptionalInt limit = each.limit(lockName, key);
            if (limit.isPresent()) {
                return atLeastOne(each, limit.getAsInt());
            }
        }
        return 0;
    }

    private static int atLeastOne(KeyLimits bean, int limit) {
        if (limit < 1) {
            throw new IllegalStateException("The KeyLimits bean of " + bean.getClass() + " returned " + limit
                    + ". Return 1 or more, or empty for the limit of the locker");
        }
        return limit;
    }
}
