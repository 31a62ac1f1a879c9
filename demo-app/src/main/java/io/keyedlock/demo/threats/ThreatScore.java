// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.threats;

import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import jakarta.persistence.Version;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** The row of an address, which its concurrent events contend for. */
@Entity
@Table(name = "threat_score")
public class ThreatScore {

    /** The minimum score at which an address is blocked. */
    public static final int BLOCKED_FROM = 100;

    @Id
    private String address;

    private int score;

    private @Nullable Instant blockedAt;

    // Null until the row is stored, by which the repository distinguishes inserts from updates.
    @Version
    private @Nullable Long version;

    /** For the persistence provider. */
    @SuppressWarnings("NullAway.Init")
    protected ThreatScore() {}

    ThreatScore(String address) {
        this.address = address;
    }

    void add(int severity, Instant now) {
        score += severity;
        if (blockedAt == null && score >= BLOCKED_FROM) {
            blockedAt = now;
        }
    }

    String address() {
        return address;
    }

    int score() {
        return score;
    }

    @Nullable
    Instant blockedAt() {
        return blockedAt;
    }
}
