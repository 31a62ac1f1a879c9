// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The table of a stripe against a map, one thread at a time. */
class TableTests {

    private final DefaultKeyedLocker<Object> locker = DefaultKeyedLocker.create(KeyedLockerSettings.defaults(), null);
    private final Stripe table = new Stripe(locker);

    private Entry insert(Object key, int hash) {
        Entry entry = new Entry(key, hash, table, null, false, 0);
        table.insert(entry);
        return entry;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 40, 3_000})
    void behavesLikeAMap(int most) {
        Random random = new Random(most);
        Map<Integer, Entry> model = new HashMap<>();
        List<Integer> present = new ArrayList<>();
        for (int i = 0; i < 60_000; i++) {
            // Alternates long phases of growing and emptying.
            boolean growing = (i / (3 * most)) % 2 == 0;
            int key = random.nextInt(2 * most);
            Entry known = model.get(key);
            assertThat(table.find(key, hash(key))).isSameAs(known);
            if (known == null && model.size() < most && (growing || random.nextInt(4) == 0)) {
                model.put(key, insert(key, hash(key)));
                present.add(key);
            } else if (!present.isEmpty() && (!growing || random.nextInt(4) == 0)) {
                table.remove(model.remove(present.remove(random.nextInt(present.size()))));
            }
            assertThat(table.active()).isEqualTo(model.size());
            assertThat(table.isEmpty()).isEqualTo(model.isEmpty());
            if (i % 500 == 0) {
                assertThat(entries()).isEqualTo(Set.copyOf(model.values()));
            }
        }
        present.forEach(key -> table.remove(model.remove(key)));
        assertThat(table.isEmpty()).isTrue();
        assertThat(entries()).isEmpty();
        assertThat(table.size()).isLessThanOrEqualTo(8);
    }

    @Test
    void oneEntryAtATimeNeedsNoChains() {
        for (int key = 0; key < 100; key++) {
            Entry entry = insert(key, hash(key));
            assertThat(table.find(key, hash(key))).isSameAs(entry);
            table.remove(entry);
        }
        assertThat(table.size()).isZero();
    }

    @Test
    void collidingKeysOfAnyClassesBehaveAsInAMap() {
        Random random = new Random(1);
        List<Object> keys = new ArrayList<>();
        for (int i = 0; i < 400; i++) {
            keys.add(
                    switch (i % 4) {
                        case 0 -> "key " + i;
                        case 1 -> (long) i;
                        case 2 -> new ReverseOfItself(i);
                        default -> new Colliding(i);
                    });
        }
        Map<Object, Entry> model = new HashMap<>();
        for (int i = 0; i < 40_000; i++) {
            Object key = keys.get(random.nextInt(keys.size()));
            Entry known = model.get(key);
            assertThat(table.find(key, 1)).isSameAs(known);
            boolean growing = (i / 4_000) % 2 == 0;
            if (known == null) {
                model.put(key, insert(key, 1));
            } else if (!growing || random.nextInt(4) == 0) {
                table.remove(known);
                model.remove(key);
            }
            if (i % 500 == 0) {
                assertThat(entries()).isEqualTo(Set.copyOf(model.values()));
            }
        }
        model.values().forEach(table::remove);
        assertThat(table.isEmpty()).isTrue();
        assertThat(entries()).isEmpty();
    }

    /** A key whose order contradicts its equals. */
    private record ReverseOfItself(int id) implements Comparable<ReverseOfItself> {

        @Override
        @SuppressWarnings("ComparableMethodMissingEquals")
        public int compareTo(ReverseOfItself other) {
            return 1;
        }
    }

    @Test
    void aForeignKeyThatEqualsASortedOneFindsIt() {
        for (int i = 0; i < 200; i++) {
            insert("key " + i, 1);
        }
        Object foreign = new Object() {
            @Override
            public boolean equals(Object other) {
                return "key 150".equals(other);
            }

            @Override
            public int hashCode() {
                return 1;
            }
        };
        assertThat(table.find(foreign, 1)).isSameAs(table.find("key 150", 1)).isNotNull();
    }

    @Test
    void manyStringsOfOneHashCodeAreNotQuadratic() {
        List<Entry> entries = new ArrayList<>();
        long begun = System.nanoTime();
        for (int i = 0; i < 1 << 17; i++) {
            StringBuilder key = new StringBuilder();
            for (int bit = 0; bit < 17; bit++) {
                key.append((i >> bit & 1) == 0 ? "Aa" : "BB");
            }
            assertThat(table.find(key.toString(), 1)).isNull();
            entries.add(insert(key.toString(), 1));
        }
        entries.forEach(table::remove);
        assertThat(table.isEmpty()).isTrue();
        // Half a second; if each had to be compared with all others, a minute.
        assertThat(System.nanoTime() - begun).isLessThan(20_000_000_000L);
    }

    @Test
    void removingAMissingEntryIsLoggedAndChangesNothing() {
        Entry removed = insert("a", 1);
        table.remove(removed);
        assertThatThrownBy(() -> table.remove(removed)).isInstanceOf(AssertionError.class);
        Entry single = insert("b", 1);
        Entry chained = insert("c", 1);
        assertThatThrownBy(() -> table.remove(removed)).isInstanceOf(AssertionError.class);
        assertThat(table.find("b", 1)).isSameAs(single);
        assertThat(table.find("c", 1)).isSameAs(chained);
        assertThat(table.active()).isEqualTo(2);
    }

    @Test
    void aKeyWhoseEqualsThrowsChangesNothing() {
        insert("a", 1);
        insert("b", 1);
        Object hostile = new Object() {
            @Override
            public boolean equals(Object other) {
                throw new IllegalStateException("not today");
            }

            @Override
            public int hashCode() {
                return 1;
            }
        };
        assertThatThrownBy(() -> table.find(hostile, 1)).hasMessage("not today");
        assertThat(table.active()).isEqualTo(2);
    }

    @Test
    void removedEntryDoesNotReferToOthers() {
        List<Entry> entries = new ArrayList<>();
        for (String key : List.of("single", "first", "second", "third")) {
            entries.add(insert(key, 1));
        }
        assertThat(entries.get(2).next).isSameAs(entries.get(3));
        table.remove(entries.get(2));
        assertThat(entries.get(2).next).isNull();
        assertThat(table.find("third", 1)).isSameAs(entries.get(3));
        table.remove(entries.get(1));
        assertThat(entries.get(1).next).isNull();
    }

    /** Few hash codes, so that chains are long, and some that differ in their high bits only. */
    private static int hash(int key) {
        return key % 7 == 0 ? key << 28 : key / 3;
    }

    private Set<Entry> entries() {
        Set<Entry> entries = new HashSet<>();
        table.forEachOfPart(0, 1, entry -> assertThat(entries.add(entry)).isTrue());
        Set<Entry> inSteps = new HashSet<>();
        for (Entry e = table.firstEntry(); e != null; e = table.entryAfter(e)) {
            assertThat(inSteps.add(e)).isTrue();
        }
        assertThat(inSteps).isEqualTo(entries);
        return entries;
    }
}
