// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import java.util.Random;

/**
 * The keys of one thread, in its own order, to be used repeatedly. Equal to those of other threads but
 * not identical with them: identical strings hide the cost of equals.
 */
final class KeyRing {

    private final String[] keys;

    private int next;

    KeyRing(int size, long seed) {
        keys = fresh(size, seed);
    }

    /** Creates new strings, shuffled, whose hash codes are already computed. */
    static String[] fresh(int size, long seed) {
        String[] keys = new String[size];
        Random random = new Random(seed);
        for (int i = 0; i < size; i++) {
            int j = random.nextInt(i + 1);
            keys[i] = keys[j];
            keys[j] = "key-" + i;
        }
        int sum = 0;
        for (String key : keys) {
            sum += key.hashCode();
        }
        if (sum == 0 && size > 1) {
            throw new AssertionError("hash codes that cancel each other out");
        }
        return keys;
    }

    String next() {
        int i = next;
        next = i + 1 == keys.length ? 0 : i + 1;
        return keys[i];
    }
}
