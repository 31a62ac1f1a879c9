// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.load;

import java.time.Duration;

/**
 * The result of a load.
 *
 * @param isolation the isolation level of the transactions
 * @param lock whether it ran under the lock
 * @param events the number of events sent
 * @param time the time from the start of the first event to the end of the last one
 * @param conflicts the number of transactions that failed because of a concurrent one
 * @param retries the number of retries of events
 * @param lostUpdates the number of accepted events missing from the scores
 * @param givenUp the number of events that conflicted at every attempt
 * @param median the median time of an event, including retries and waits
 * @param p99 the 99th percentile of the time of an event
 */
public record LoadResult(
        String isolation,
        boolean lock,
        int events,
        Duration time,
        long conflicts,
        long retries,
        long lostUpdates,
        long givenUp,
        Duration median,
        Duration p99) {

    /**
     * Returns whether the result is as expected: nothing lost, nothing given up, and no conflict under the lock. At
     * SERIALIZABLE conflicts are allowed: the database tracks reads per page, so different rows on one page conflict.
     *
     * @return true if it is as expected
     */
    public boolean asExpected() {
        return lostUpdates == 0 && givenUp == 0 && (!lock || serializable() || (conflicts == 0 && retries == 0));
    }

    boolean serializable() {
        return isolation.equals(Database.SERIALIZABLE);
    }
}
