// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.lease.LeaseStore.Claim;
import io.keyedlock.lease.LeaseStore.Outcome;
import io.keyedlock.lease.LeaseStore.Requester;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The state of a key, where no store can bring it about. */
class KeyStateTests {

    private static final long HOUR_MICROS = 3_600_000_000L;

    private static Claim claim(String requester) {
        Duration offerTime = Duration.ofMillis(100);
        Requester of = new Requester(
                requester, requester, "test", "orders", 1, Duration.ofSeconds(30), Duration.ofHours(2), offerTime);
        return new Claim(of, 1, "k", true);
    }

    @Test
    void offerFromBeforeTheClockWentBackDelaysNobodyForLong() {
        List<String> offers = new ArrayList<>();
        KeyState state = new KeyState(0, "");
        long now = 2 * HOUR_MICROS;
        state.acquire(claim("holder"), now, offers);
        assertThat(state.acquire(claim("gone"), now, offers).outcome()).isEqualTo(Outcome.QUEUED);
        state.release(claim("holder"), now, offers);
        assertThat(offers)
                .as("the free lease is offered to")
                .containsExactly(claim("gone").id());
        now -= HOUR_MICROS;
        Claim next = claim("next");
        assertThat(state.acquire(next, now, offers).outcome()).isEqualTo(Outcome.QUEUED);
        assertThat(state.acquire(next, now + 200_000, offers).outcome()).isEqualTo(Outcome.GRANTED);
    }

    @Test
    void stateOfANewerVersionIsRejected() {
        assertThatThrownBy(() -> new KeyState(0, "hint 1 2 3\n"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("which a newer version has written");
    }
}
