// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.batches;

import java.util.List;

/** Where batches come from. */
public interface StepSource {

    /**
     * Where batches come from, for people.
     *
     * @return a few words
     */
    String description();

    /**
     * Sends messages. They may be delivered during this call or after it.
     *
     * @param steps the messages
     * @param way how their batches are to be worked on
     * @throws InterruptedException if the thread is interrupted meanwhile
     */
    void send(List<Step> steps, BatchWay way) throws InterruptedException;
}
