// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.batches;

/**
 * A message: the next step of an order, which makes sense only after the ones before it.
 *
 * @param run the run that it belongs to
 * @param order the order, which is the message's key
 * @param number the how-manieth step of its order, from 1 on
 */
public record Step(String run, String order, int number) {

    /**
     * The text that is sent, besides the key.
     *
     * @return run and number
     */
    public String text() {
        return run + "/" + number;
    }

    /**
     * Reads a message.
     *
     * @param order its key
     * @param text its text
     * @return the step
     * @throws IllegalArgumentException if the text is none of {@link #text()}
     */
    public static Step of(String order, String text) {
        int slash = text.lastIndexOf('/');
        if (slash < 1) {
            throw new IllegalArgumentException("'" + text + "' is no step; send run/number, for instance r1/7");
        }
        return new Step(text.substring(0, slash), order, Integer.parseInt(text.substring(slash + 1)));
    }
}
