// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.batches;

/**
 * The check of the deliveries of a run.
 *
 * @param messages the number of messages
 * @param lost the number of messages never delivered
 * @param repeated the number of repeated deliveries of a message
 * @param outOfOrder the number of deliveries out of sequence
 * @param batches the number of batches
 * @param brokenOff the number of batches that were started but not finished
 * @param millis the time from the start of the first message to the end of the last one
 */
public record StepCheck(
        int messages, int lost, long repeated, int outOfOrder, long batches, int brokenOff, long millis) {

    /**
     * Returns whether each message was delivered, and those of each order in sequence.
     *
     * @return true if no message was lost or out of order
     */
    public boolean good() {
        return lost == 0 && outOfOrder == 0;
    }
}
