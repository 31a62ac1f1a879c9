// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.uses;

import java.util.List;

/** A use of the lock that can be run in several ways for comparison. */
public interface Use {

    /**
     * Returns its name in URLs.
     *
     * @return lower case letters
     */
    String id();

    /**
     * Returns a description of the figures of a run.
     *
     * @return a sentence or two
     */
    String conditions();

    /**
     * Returns the ways, the one without the lock first.
     *
     * @return at least two
     */
    List<Way> ways();

    /**
     * Runs this use.
     *
     * @param way the id of one of its ways
     * @param progress receives the progress, from any thread
     * @return the measured values, with the same figures for each way
     * @throws InterruptedException if the thread is interrupted; the run stops then
     */
    List<Figure> run(String way, Progress progress) throws InterruptedException;

    /**
     * One way.
     *
     * @param id its name in URLs
     * @param label its label
     * @param lock whether it uses the lock
     */
    record Way(String id, String label, boolean lock) {}
}
