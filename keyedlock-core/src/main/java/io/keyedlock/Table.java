// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.lang.reflect.Modifier;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The entries of a stripe: a single one, as there are seldom more, and a chained hash table of the others, which grows and
 * shrinks with their number.
 *
 * <p>A chain gets long only if keys were chosen to collide. Further entries then go into a sorted map, if their keys are values
 * of the JDK: those are immutable, equal only values of their own class, and run no foreign code when compared. Keys of other
 * classes stay in the chain, because an inconsistent order could give one key two entries, and so two holders.
 *
 * <p>Guarded by the lock that this class extends, except for {@link #active()}.
 */
class Table extends SpinLock {

    private static final VarHandle ACTIVE = Statics.handle(MethodHandles.lookup(), "active", int.class);

    private static final int SMALLEST = 8;

    private static final int LARGEST = 1 << 27;

    /** The number of bits by which the table grows and shrinks at once. Each resize visits all entries. */
    private static final int RESIZE_BITS = 2;

    /** The length from which on a chain gets no further entries whose keys can be sorted. */
    private static final int LONG_CHAIN = 64;

    /** An entry that is in no chain, or null. It is next to the lock, and so needs no further cache line. */
    private @Nullable Entry single;

    /**
     * All other entries: chains by the low bits of {@link Entry#hash}, as the high bits have selected the stripe. Null until
     * first used.
     */
    private @Nullable Entry @Nullable [] chains;

    /** The entries of sortable keys whose chain was too long when they were added. Null while there are none. */
    private @Nullable TreeMap<Object, Entry> sorted;

    /** The number of entries. Written under the lock, read by any thread. */
    private int active;

    final int active() {
        return (int) ACTIVE.getOpaque(this);
    }

    /** Returns the number of chains. */
    final int size() {
        return chains == null ? 0 : chains.length;
    }

    final boolean isEmpty() {
        return active == 0;
    }

    final @Nullable Entry find(Object key, int hash) {
        Entry s = single;
        if (s == null) {
            return active == 0 ? null : findInChain(key, hash);
        }
        if (s.hash == hash && (s.key == key || key.equals(s.key))) {
            return s;
        }
        return active == 1 ? null : findInChain(key, hash);
    }

    private @Nullable Entry findInChain(Object key, int hash) {
        @Nullable Entry[] c = chains;
        if (c == null) {
            return null;
        }
        for (Entry e = c[hash & (c.length - 1)]; e != null; e = e.next) {
            if (e.hash == hash && (e.key == key || key.equals(e.key))) {
                return e;
            }
        }
        return sorted == null ? null : findSorted(sorted, key, hash);
    }

    private static @Nullable Entry findSorted(Map<Object, Entry> sorted, Object key, int hash) {
        if (isSortable(key)) {
            Entry e = sorted.get(key);
            return e != null && key.equals(e.key) ? e : null;
        }
        // The equals of a foreign class may accept a key of the JDK.
        for (Entry e : sorted.values()) {
            if (e.hash == hash && key.equals(e.key)) {
                return e;
            }
        }
        return null;
    }

    /**
     * Returns whether a key is of a final class of the JDK with a natural order, for instance a {@link String} or {@link Long}.
     */
    private static boolean isSortable(Object key) {
        Class<?> type = key.getClass();
        return key instanceof Comparable && type.getClassLoader() == null && Modifier.isFinal(type.getModifiers());
    }

    @SuppressWarnings("unchecked") // both are of one class
    private static int compare(Object a, Object b) {
        return a.getClass() == b.getClass()
                ? ((Comparable<Object>) a).compareTo(b)
                : a.getClass().getName().compareTo(b.getClass().getName());
    }

    final void add(Entry entry) {
        if (single == null) {
            single = entry;
        } else {
            addToChain(entry);
        }
        active++;
    }

    private void addToChain(Entry entry) {
        @Nullable Entry[] c = chains;
        if (c == null) {
            c = chains = new Entry[SMALLEST];
        } else if (active >= c.length && c.length < LARGEST) {
            c = resize(c, c.length << RESIZE_BITS);
        }
        int i = entry.hash & (c.length - 1);
        Entry last = c[i];
        if (last == null) {
            c[i] = entry;
        } else {
            // At the end: a key that was acquired earlier is likely to be released earlier, and is then found first.
            int length = 1;
            for (; last.next != null; last = last.next) {
                length++;
            }
            if (length < LONG_CHAIN || !isSortable(entry.key) || !sort(entry)) {
                last.next = entry;
            }
        }
    }

    /**
     * Adds an entry to the sorted map; returns false if another key compares as equal, so that this one must stay in its chain.
     */
    private boolean sort(Entry entry) {
        if (sorted == null) {
            sorted = new TreeMap<>(Table::compare);
        }
        Headroom.checkForSection();
        return sorted.putIfAbsent(entry.key, entry) == null;
    }

    private boolean isSorted(Entry entry) {
        return sorted != null && isSortable(entry.key) && sorted.get(entry.key) == entry;
    }

    private boolean removeSorted(Entry entry) {
        if (sorted == null || !isSorted(entry)) {
            return false;
        }
        Headroom.checkForSection();
        sorted.remove(entry.key);
        if (sorted.isEmpty()) {
            sorted = null;
        }
        return true;
    }

    final void remove(Entry entry) {
        if (single == entry) {
            single = null;
            active--;
        } else {
            removeFromChain(entry);
        }
    }

    private void removeFromChain(Entry entry) {
        @Nullable Entry[] c = chains;
        if (c == null) {
            throw new AssertionError("an entry that is not in its table");
        }
        int i = entry.hash & (c.length - 1);
        Entry e = c[i];
        if (e == entry) {
            c[i] = entry.next;
        } else {
            while (e != null && e.next != entry) {
                e = e.next;
            }
            if (e != null) {
                e.next = entry.next;
            } else if (!removeSorted(entry)) {
                throw new AssertionError("an entry that is not in its table");
            }
        }
        // A closed permit must not keep others reachable.
        entry.next = null;
        active--;
        if (active < c.length >> (2 * RESIZE_BITS) && c.length > SMALLEST) {
            try {
                resize(c, c.length >> RESIZE_BITS);
            } catch (VirtualMachineError full) {
                // The table stays large. The release must not fail for that.
            }
        }
    }

    private @Nullable Entry[] resize(@Nullable Entry[] old, int length) {
        @Nullable Entry[] fresh = new Entry[length];
        for (Entry e : old) {
            while (e != null) {
                Entry following = e.next;
                int i = e.hash & (length - 1);
                e.next = fresh[i];
                fresh[i] = e;
                e = following;
            }
        }
        chains = fresh;
        return fresh;
    }

    /** Returns the first entry in no particular order, or null. */
    final @Nullable Entry firstEntry() {
        return single != null ? single : firstInChains(0);
    }

    /** Returns the entry after another one, or null. Entries up to that one may be removed between the calls. */
    final @Nullable Entry entryAfter(Entry e) {
        if (e == single) {
            return firstInChains(0);
        }
        if (isSorted(e)) {
            Object key = sorted == null ? null : sorted.higherKey(e.key);
            return sorted == null || key == null ? null : sorted.get(key);
        }
        return e.next != null ? e.next : chains == null ? null : firstInChains((e.hash & (chains.length - 1)) + 1);
    }

    private @Nullable Entry firstInChains(int from) {
        for (int i = from; chains != null && i < chains.length; i++) {
            if (chains[i] != null) {
                return chains[i];
            }
        }
        return sorted == null ? null : sorted.get(sorted.firstKey());
    }

    /** Returns the number of parts into which {@link #forEachOfPart} divides the entries at present. */
    final int parts() {
        return Math.max(1, size());
    }

    /**
     * Calls an action with each entry of one part. A part consists of the entries in chains whose hash has certain low bits,
     * whatever the size of the table; the first part also has the sorted entries. So a caller that visits all parts sees each
     * entry that is present throughout once, even if the table is resized in between. The action must not add or remove
     * entries.
     *
     * @param parts the number of parts, a power of two
     * @return the number of entries, chains, holds and waiters visited; long queues are not counted to their end
     */
    final int forEachOfPart(int part, int parts, Consumer<Entry> action) {
        int steps = 1;
        int mask = parts - 1;
        if (single != null && (single.hash & mask) == part) {
            action.accept(single);
            steps += stepsFor(single);
        }
        @Nullable Entry[] c = chains;
        if (c != null) {
            for (int i = part & (c.length - 1); i < c.length; i += parts) {
                for (Entry e = c[i]; e != null; e = e.next) {
                    if ((e.hash & mask) == part) {
                        action.accept(e);
                        steps += stepsFor(e);
                    }
                }
                steps++;
            }
        }
        // Resizing does not move these, so they can all belong to one part.
        if (sorted != null && part == 0) {
            for (Entry e : sorted.values()) {
                action.accept(e);
                steps += stepsFor(e);
            }
        }
        return steps;
    }

    private static int stepsFor(Entry e) {
        return 1 + e.holdCount() + Math.min(e.waiterCount(), Inspection.PORTION);
    }
}
