// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.threats;

import io.keyedlock.annotation.KeyedLock;
import java.time.Clock;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.springframework.stereotype.Service;
import org.springframework.transaction.annotation.Transactional;

/**
 * Adds events to the scores, each in a transaction that reads the row, thinks, and writes it. The row has a version: if
 * another transaction has written it in the meantime, the commit fails and the caller retries, so no update is lost.
 *
 * <p>Both ways do the same work in the same kind of transaction. The lock is the only difference: it is acquired before the
 * transaction begins and released after it has ended, so events of one address do not overlap.
 */
@Service
public class ThreatScores {

    private final ThreatScoreRepository scores;
    private final long thinkNanos;
    private final Clock clock = Clock.systemUTC();

    ThreatScores(ThreatScoreRepository scores, EventProperties properties) {
        this.scores = scores;
        this.thinkNanos = properties.thinkTime().toNanos();
    }

    /**
     * Adds an event under the lock of its address.
     *
     * @param event the event
     * @return the address with its new score
     */
    @KeyedLock(name = "addresses", key = "#event.address")
    @Transactional
    public Threat addUnderLock(SecurityEvent event) {
        return addTo(event);
    }

    /**
     * Adds an event without a lock.
     *
     * @param event the event
     * @return the address with its new score
     */
    @Transactional
    public Threat addWithoutLock(SecurityEvent event) {
        return addTo(event);
    }

    private Threat addTo(SecurityEvent event) {
        ThreatScore row = scores.findById(event.address()).orElseGet(() -> new ThreatScore(event.address()));
        think();
        row.add(event.severity(), Instant.now(clock));
        return Threat.of(scores.saveAndFlush(row));
    }

    /** Simulates the work of a real application between read and write, such as a rule engine or a reputation service. */
    private void think() {
        long end = System.nanoTime() + thinkNanos;
        long left = thinkNanos;
        while (left > 0 && !Thread.currentThread().isInterrupted()) {
            LockSupport.parkNanos(this, left);
            left = end - System.nanoTime();
        }
    }

    /**
     * Returns the state of an address.
     *
     * @param address the address in its canonical form
     * @return its state, or empty if it has no events
     */
    @Transactional(readOnly = true)
    public Optional<Threat> find(String address) {
        return scores.findById(address).map(Threat::of);
    }

    /**
     * Returns the addresses with the highest scores.
     *
     * @return at most 100, the highest score first
     */
    @Transactional(readOnly = true)
    public List<Threat> worst() {
        return scores.findTop100ByOrderByScoreDescAddressAsc().stream()
                .map(Threat::of)
                .toList();
    }

    /**
     * Returns the number of addresses with a score.
     *
     * @return the count
     */
    @Transactional(readOnly = true)
    public long known() {
        return scores.count();
    }

    /**
     * Returns the number of blocked addresses.
     *
     * @return the count
     */
    @Transactional(readOnly = true)
    public long blocked() {
        return scores.countByBlockedAtIsNotNull();
    }

    /**
     * Returns the sum of the scores of some addresses.
     *
     * @param addresses the addresses
     * @return the sum
     */
    @Transactional(readOnly = true)
    public long totalOf(Collection<String> addresses) {
        return scores.totalScore(addresses);
    }

    /**
     * Deletes the scores of some addresses.
     *
     * @param addresses the addresses; those without a score are ignored
     */
    @Transactional
    public void forget(Collection<String> addresses) {
        scores.deleteAllInBatch(scores.findAllById(addresses));
    }
}
