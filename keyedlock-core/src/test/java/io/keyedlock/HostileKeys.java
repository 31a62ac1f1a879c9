// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** Keys that break the contracts of their methods. */
final class HostileKeys {

    /** The exception of a key. */
    static final class OwnException extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    /** The error of a key. */
    static final class OwnError extends Error {
        private static final long serialVersionUID = 1L;
    }

    /** A key that can change its hash code and start to fail at any time. It has few hash codes, so that many collide. */
    static final class Moody {
        private final int id;
        private int hash;
        private int failing;
        private final boolean withErrors;

        Moody(Random random) {
            id = random.nextInt(3);
            hash = random.nextInt(2);
            withErrors = random.nextBoolean();
            if (random.nextInt(3) == 0) {
                change(random);
            }
        }

        void change(Random random) {
            hash = random.nextInt(4);
            failing = random.nextInt(16);
        }

        private void mayFail(int what) {
            if ((failing & what) != 0) {
                if (withErrors) {
                    throw new OwnError();
                }
                throw new OwnException();
            }
        }

        @Override
        public boolean equals(Object other) {
            mayFail(1);
            return other instanceof Moody moody && moody.id == id;
        }

        @Override
        public int hashCode() {
            mayFail(2);
            return hash;
        }

        @Override
        @SuppressWarnings("ToStringReturnsNull")
        public String toString() {
            mayFail(4);
            return (failing & 8) != 0 ? null : "moody " + id;
        }
    }

    private HostileKeys() {}

    static @Nullable Object any(Random random) {
        return switch (random.nextInt(13)) {
            case 0 -> random.nextInt(4) == 0 ? null : "";
            case 1 -> "x".repeat(random.nextInt(random.nextInt(20) == 0 ? 1_000_000 : 2_000));
            case 2 -> text(random, 1 + random.nextInt(400));
            case 3 -> random.nextLong();
            case 4 -> new Colliding(random.nextInt(3));
            case 5 -> new byte[random.nextInt(4)];
            // Rarely, as overflowing a stack is slow.
            case 6 -> random.nextInt(10) == 0 ? containingItself(new ArrayList<>()) : new Object();
            case 7 -> random.nextInt(10) == 0 ? containingItself(new HashMap<>()) : List.of();
            case 8 -> new ArrayList<>(Arrays.asList(null, random.nextInt(3), text(random, 3)));
            default -> new Moody(random);
        };
    }

    /** Returns any chars, including control characters, unpaired surrogates and unassigned code points. */
    static String text(Random random, int length) {
        char[] chars = new char[length];
        for (int i = 0; i < length; i++) {
            chars[i] = (char)
                    switch (random.nextInt(5)) {
                        case 0 -> random.nextInt(0x20);
                        case 1 -> 0xD800 + random.nextInt(0x800);
                        case 2 -> random.nextInt(0x10000);
                        default -> 0x20 + random.nextInt(0x5F);
                    };
        }
        return new String(chars);
    }

    static List<Object> containingItself(List<Object> list) {
        list.add(list);
        return list;
    }

    private static Map<Object, Object> containingItself(Map<Object, Object> map) {
        map.put("me", map);
        return map;
    }

    /** Returns whether a failure was thrown by a key or is that of a null key. */
    static boolean isOwn(Throwable failure) {
        return failure instanceof OwnException
                || failure instanceof OwnError
                || failure instanceof StackOverflowError
                || failure instanceof NullPointerException;
    }
}
