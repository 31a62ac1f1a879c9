// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.uses;

import java.util.List;

/** A use of the lock that can be run in several ways, so that these can be compared. */
public interface Use {

    /**
     * Its name in addresses.
     *
     * @return lower case letters
     */
    String id();

    /**
     * What the figures of a run of it mean, for people.
     *
     * @return a sentence or two
     */
    String conditions();

    /**
     * The ways, the one without the lock first.
     *
     * @return at least two
     */
    List<Way> ways();

    /**
     * Runs it.
     *
     * @param way the id of one of its ways
     * @param progress is told how far it has come, by any thread
     * @return what was measured, the same figures for each way
     * @throws InterruptedException if the thread is interrupted; what was begun stops then
     */
    List<Figure> run(String way, Progress progress) throws InterruptedException;

    /**
     * One way.
     *
     * @param id its name in addresses
     * @param label a few words
     * @param lock whether it uses the lock
     */
    record Way(String id, String label, boolean lock) {}
}
