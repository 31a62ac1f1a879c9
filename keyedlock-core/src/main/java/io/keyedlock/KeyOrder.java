// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Several keys, each once, in the order in which all callers take them: by spread hash code, and where those are equal by
 * the number that an entry gets when it is pinned first.
 *
 * <p>Keys of equal hash are pinned until this is closed. A pinned entry stays in the table, so that any two callers who
 * are on their way at the same time see the same numbers. A caller pins all such keys before it takes the first.
 *
 * <p>Where permits come from a backend, the order is that of the keys' names there, and nothing is pinned.
 */
final class KeyOrder implements AutoCloseable {

    /** One of the keys. */
    static final class Slot {

        final Object key;

        final int hash;

        /** Its entry, if another of the keys has the same hash. */
        private @Nullable Entry pin;

        private Slot(Object key) {
            this.key = key;
            this.hash = DefaultKeyedLocker.hash(key);
        }

        private long pinNumber() {
            return pin == null ? 0 : pin.contended().pinNumber;
        }
    }

    private static final Comparator<Slot> CANONICAL =
            Comparator.<Slot>comparingInt(slot -> slot.hash).thenComparingLong(Slot::pinNumber);

    private final List<Slot> slots;

    /** How many slots, from the first on, are not pinned any more. Closing needs no memory. */
    private int unpinned;

    KeyOrder(Stripes stripes, @Nullable KeyedLockerBackend backend, Collection<?> keys) {
        // For close(), after which nobody else has the permits.
        Headroom.checkForWait();
        Set<Object> distinct = new LinkedHashSet<>();
        for (Object key : keys) {
            distinct.add(Objects.requireNonNull(key, "keys must not contain null"));
        }
        List<Slot> all = new ArrayList<>(distinct.size());
        for (Object key : distinct) {
            all.add(new Slot(key));
        }
        slots = all;
        if (backend != null) {
            all.sort(byName(backend, all));
            return;
        }
        all.sort(CANONICAL);
        boolean complete = false;
        try {
            pinWhereHashesAreEqual(stripes);
            all.sort(CANONICAL);
            complete = true;
        } finally {
            if (!complete) {
                close();
            }
        }
    }

    /** By the names that the keys have in every process, so that callers of all processes are in one order. */
    private static Comparator<Slot> byName(KeyedLockerBackend backend, List<Slot> slots) {
        IdentityHashMap<Object, String> names = new IdentityHashMap<>();
        for (Slot slot : slots) {
            names.put(slot.key, backend.keyName(slot.key));
        }
        return Comparator.comparing(slot -> names.getOrDefault(slot.key, ""));
    }

    private void pinWhereHashesAreEqual(Stripes stripes) {
        for (int i = 0; i < slots.size(); i++) {
            Slot slot = slots.get(i);
            if (hashAt(i - 1, slot) || hashAt(i + 1, slot)) {
                slot.pin = stripes.of(slot.hash).pin(slot.key, slot.hash);
            }
        }
    }

    private boolean hashAt(int i, Slot slot) {
        return i >= 0 && i < slots.size() && slots.get(i).hash == slot.hash;
    }

    int size() {
        return slots.size();
    }

    Slot get(int i) {
        return slots.get(i);
    }

    @Override
    public void close() {
        for (; unpinned < slots.size(); unpinned++) {
            Entry pin = slots.get(unpinned).pin;
            if (pin != null) {
                pin.stripe.unpin(pin);
            }
        }
    }
}
