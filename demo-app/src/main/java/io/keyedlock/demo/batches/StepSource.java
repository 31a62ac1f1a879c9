// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.batches;

import java.util.List;

/** A source of batches. */
public interface StepSource {

    /**
     * Returns the label of this source.
     *
     * @return a few words
     */
    String description();

    /**
     * Sends messages. They may be delivered during this call or after it.
     *
     * @param steps the messages
     * @param way the way to process their batches
     * @throws InterruptedException if the thread is interrupted
     */
    void send(List<Step> steps, BatchWay way) throws InterruptedException;
}
