// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.batches;

/** The ways to process the messages of a batch. */
public enum BatchWay {
    /** One after the other, as a listener without locks per key does. */
    ONE_BY_ONE("one by one"),
    /** In parallel without a lock, so messages of one key overtake each other. */
    UNORDERED("at once, no lock"),
    /** In parallel under the lock of their key. */
    IN_ORDER("at once, in order");

    private final String label;

    BatchWay(String label) {
        this.label = label;
    }

    /**
     * Returns the label of this way in tables.
     *
     * @return a few words
     */
    public String label() {
        return label;
    }

    /**
     * Returns whether this way must preserve the order per key.
     *
     * @return true if it must
     */
    public boolean keepsOrder() {
        return this != UNORDERED;
    }
}
