// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.batches;

/**
 * A message: a step of an order, which must be processed after the steps before it.
 *
 * @param run the run of the message
 * @param order the order, which is the message's key
 * @param number the number of the step within its order, from 1
 */
public record Step(String run, String order, int number) {

    /**
     * Returns the processing time of this message. Every fourth message of an order takes five times as long as the others, so
     * that the next one overtakes it unless something keeps the order.
     *
     * @param meanNanos the mean processing time
     * @return a time in nanoseconds
     */
    public long thinkNanos(long meanNanos) {
        boolean slow = Math.floorMod(order.hashCode() + number, 4) == 0;
        return slow ? meanNanos / 2 * 5 : meanNanos / 2;
    }

    /**
     * Returns the text of the message, without the key.
     *
     * @return run and number
     */
    public String text() {
        return run + "/" + number;
    }

    /**
     * Parses a message.
     *
     * @param order its key
     * @param text its text
     * @return the step
     * @throws IllegalArgumentException if the text does not have the format of {@link #text()}
     */
    public static Step of(String order, String text) {
        int slash = text.lastIndexOf('/');
        if (slash < 1) {
            throw new IllegalArgumentException("'" + text + "' is not a step; send run/number, for instance r1/7");
        }
        return new Step(text.substring(0, slash), order, Integer.parseInt(text.substring(slash + 1)));
    }
}
