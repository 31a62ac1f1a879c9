// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.uses;

/** Is told how far something has come. */
@FunctionalInterface
public interface Progress {

    /**
     * Tells how far it has come.
     *
     * @param done how much is done
     * @param of of how much
     */
    void done(int done, int of);
}
