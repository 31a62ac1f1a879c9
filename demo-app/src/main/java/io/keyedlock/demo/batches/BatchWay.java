// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.batches;

/** How the messages of a batch are worked on. */
public enum BatchWay {
    /** One after the other, which is what a listener does that knows nothing of keys. */
    ONE_BY_ONE("one by one"),
    /** All at once without a lock, so that messages of one key overtake each other. */
    UNORDERED("at once, no lock"),
    /** At once under the lock of their key. */
    IN_ORDER("at once, in order");

    private final String label;

    BatchWay(String label) {
        this.label = label;
    }

    /**
     * How it is called in tables.
     *
     * @return a few words
     */
    public String label() {
        return label;
    }

    /**
     * Whether it must keep the order per key.
     *
     * @return true if so
     */
    public boolean keepsOrder() {
        return this != UNORDERED;
    }
}
