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
 * The entries of a stripe: one by itself, as there are seldom more, and a chained hash table of the others that grows and shrinks
 * with their number. All of it under the lock that it extends, but for {@link #active()}.
 *
 * <p>A chain is long only if somebody has chosen the keys for it. Further entries go into a sorted map then, provided that their
 * keys are values of the JDK: those are immutable, equal values of their class only, and compared by no foreign code. Keys of
 * other classes stay in the chain. To trust their order could give one key two entries, and so two holders.
 */
class Table extends SpinLock {

    private static final VarHandle ACTIVE = Statics.handle(MethodHandles.lookup(), "active", int.class);

    private static final int SMALLEST = 8;

    private static final int LARGEST = 1 << 27;

    /** By how many bits the table grows and shrinks at once: each time, all its entries are touched. */
    private static final int RESIZING = 2;

    /** From which length on a chain is relieved of keys that can be sorted. */
    private static final int LONG_CHAIN = 64;

    /** An entry that is in no chain, or null. It lies beside the lock word, and so costs no further line of memory. */
    private @Nullable Entry single;

    /**
     * All other entries: chains by the low bits of {@link Entry#hash}; the stripe was chosen by the high ones. Null until first
     * used.
     */
    private @Nullable Entry @Nullable [] chains;

    /** The entries of sortable keys for which their chain was too long when they came. Null while there are none. */
    private @Nullable TreeMap<Object, Entry> sorted;

    /** How many entries there are. Written under the lock, read by anybody. */
    private int active;

    final int active() {
        return (int) ACTIVE.getOpaque(this);
    }

    /** How many chains there are; what a burst has left behind. */
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
        // A key of a foreign class may claim to equal one of the JDK's.
        for (Entry e : sorted.values()) {
            if (e.hash == hash && key.equals(e.key)) {
                return e;
            }
        }
        return null;
    }

    /** Whether a key is of a final class of the JDK with a natural order, for instance a {@link String} or {@link Long}. */
    private static boolean isSortable(Object key) {
        Class<?> type = key.getClass();
        return key instanceof Comparable && type.getClassLoader() == null && Modifier.isFinal(type.getModifiers());
    }

    @SuppressWarnings("unchecked") // of one class
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
            c = resize(c, c.length << RESIZING);
        }
        int i = entry.hash & (c.length - 1);
        Entry last = c[i];
        if (last == null) {
            c[i] = entry;
        } else {
            // At the end: a key that was taken earlier is likely to be given back earlier, and so found at once.
            int length = 1;
            for (; last.next != null; last = last.next) {
                length++;
            }
            if (length < LONG_CHAIN || !isSortable(entry.key) || !sort(entry)) {
                last.next = entry;
            }
        }
    }

    /** Returns false if another key compares as equal, so that this one must stay in its chain. */
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
        // Whoever keeps the closed permit keeps no others with it.
        entry.next = null;
        active--;
        if (active < c.length >> (2 * RESIZING) && c.length > SMALLEST) {
            try {
                resize(c, c.length >> RESIZING);
            } catch (OutOfMemoryError full) {
                // It stays large, and whoever gives back does not suffer for it.
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

    /** The first entry in no particular order, or null. */
    final @Nullable Entry firstEntry() {
        return single != null ? single : firstInChains(0);
    }

    /** The entry that comes after another one, or null; removing entries up to that one in between changes nothing. */
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

    /** Into how many parts the entries fall at present. */
    final int parts() {
        return Math.max(1, size());
    }

    /**
     * Calls an action with each entry of one part: those in chains whose hash has certain low bits, however large the table
     * is by now, and in the first part the sorted ones. So whoever goes through all parts meets each entry once that is there all the time, even if the table is
     * resized in between. The action must not add or remove any.
     *
     * @param parts the number of parts, a power of two
     * @return how many entries, chains, holds and waiters there were, without counting long queues to their end
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
        // As these never change their place, they may all belong to one part.
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
