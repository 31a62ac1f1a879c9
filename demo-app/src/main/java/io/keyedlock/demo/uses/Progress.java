// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.uses;

/** Receives the progress of a run. */
@FunctionalInterface
public interface Progress {

    /**
     * Reports the progress.
     *
     * @param done the amount done
     * @param of the total amount
     */
    void done(int done, int of);
}
