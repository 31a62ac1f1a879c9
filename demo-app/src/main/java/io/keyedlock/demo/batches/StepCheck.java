// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.batches;

/**
 * What the deliveries of a run show.
 *
 * @param messages how many messages it has
 * @param lost how many were never delivered
 * @param repeated how many deliveries were not the first of their message
 * @param outOfOrder how many deliveries came when it was another step's turn
 * @param batches in how many batches
 * @param brokenOff how many batches were begun and not ended
 * @param millis from the first message's start to the last one's end
 */
public record StepCheck(
        int messages, int lost, long repeated, int outOfOrder, long batches, int brokenOff, long millis) {

    /**
     * Whether each message was delivered, and each order's in their order.
     *
     * @return true if so
     */
    public boolean good() {
        return lost == 0 && outOfOrder == 0;
    }
}
