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
 * Several keys, each once, in the order in which all callers acquire them: by spread hash code and, if those are equal, by the
 * number that an entry gets when it is first pinned.
 *
 * <p>Keys of equal hash are pinned until this is closed. A pinned entry stays in the table, so any two concurrent callers see
 * the same numbers. A caller pins all such keys before it acquires the first.
 *
 * <p>With a backend, the order is that of the key names at the backend, and no key is pinned.
 */
final class KeyOrder implements AutoCloseable {

    /** One of the keys. */
    static final class Slot {

        final Object key;

        final int hash;

        /** The pinned entry, if another of the keys has the same hash. */
        private @Nullable Entry pin;

        private Slot(Object key) {
            this.key = key;
            this.hash = Engine.hash(key);
        }

        private long pinNumber() {
            return pin == null ? 0 : pin.contended().pinNumber;
        }
    }

    private static final Comparator<Slot> CANONICAL = (one, other) -> one.hash == other.hash
            ? Long.compare(one.pinNumber(), other.pinNumber())
            : Integer.compare(one.hash, other.hash);

    private final List<Slot> slots;

    /** The number of slots, from the first, that were unpinned. Closing needs no memory. */
    private int unpinned;

    KeyOrder(Stripes stripes, @Nullable KeyedLockerBackend backend, Collection<?> keys) {
        // Checks for close(): no other thread would unpin the keys.
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
        try {
            pinWhereHashesAreEqual(stripes);
            all.sort(CANONICAL);
        } catch (Throwable e) {
            close();
            throw e;
        }
    }

    /** Orders keys by their names at the backend, which are the same in every process. */
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
            if (hasHashOf(slot, i - 1) || hasHashOf(slot, i + 1)) {
                slot.pin = stripes.of(slot.hash).pin(slot.key, slot.hash);
            }
        }
    }

    private boolean hasHashOf(Slot slot, int i) {
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
