// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.load;

import java.time.Duration;

/**
 * What a load showed.
 *
 * @param isolation how far the database isolated the transactions
 * @param lock whether it ran under the lock
 * @param events how many events were sent
 * @param time from the first event's start to the last one's end
 * @param conflicts transactions that failed because another was faster
 * @param retries how often an event was tried again
 * @param lostUpdates events that were accepted but are missing in the scores
 * @param givenUp events that conflicted at every attempt
 * @param median the time within which half of the events were done, retries and waiting included
 * @param p99 the time within which 99 of 100 events were done
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
     * Whether it went as it must: nothing lost and nothing given up, and under the lock no conflict. At SERIALIZABLE there
     * may be some: the database keeps account of what was read by page, and so takes rows for one another that are on one.
     *
     * @return true if so
     */
    public boolean asExpected() {
        return lostUpdates == 0 && givenUp == 0 && (!lock || serializable() || (conflicts == 0 && retries == 0));
    }

    boolean serializable() {
        return isolation.equals(Database.SERIALIZABLE);
    }
}
