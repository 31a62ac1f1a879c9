// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.lease.LeaseStore.Claim;
import io.keyedlock.lease.LeaseStore.Grant;
import io.keyedlock.lease.LeaseStore.Heartbeat;
import io.keyedlock.lease.LeaseStore.Outcome;
import io.keyedlock.lease.LeaseStore.Requester;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * The contract of every {@link LeaseStore}. A test class of a store extends this and creates stores that share their data,
 * like those of two processes.
 */
public abstract class LeaseStoreContract {

    private static final Duration HOUR = Duration.ofHours(1);

    /** Short, but longer than a call on a busy machine. */
    private static final Duration SHORT = Duration.ofMillis(400);

    private final List<LeaseStore> stores = new ArrayList<>();
    private final ConcurrentLinkedQueue<String> turns = new ConcurrentLinkedQueue<>();
    private final String lock = "lock-" + UUID.randomUUID();
    private Participant one;
    private Participant two;
    private Participant three;

    /** Creates a store of one process. */
    protected abstract LeaseStore create();

    /** Returns whether the store notifies of turns. */
    protected boolean notifies() {
        return true;
    }

    /** A locker in a separate process. */
    private final class Participant {
        private final LeaseStore store = create();
        private final String process = UUID.randomUUID().toString().replace("-", "");
        private long lastNumber;

        Participant() {
            stores.add(store);
            store.listen(process, new LeaseStore.TurnListener() {
                @Override
                public void turn(String claimId) {
                    turns.add(claimId);
                }

                @Override
                public void listening() {
                    turns.add("listening " + process);
                }
            });
        }

        Claim claim(String key, boolean waits, int limit, Duration lease, Duration patience) {
            return new Claim(
                    new Requester(process, process + ".1", "owner of " + process, lock, limit, lease, patience, HOUR),
                    ++lastNumber,
                    key,
                    waits);
        }

        Claim claim(boolean waits) {
            return claim("k", waits, 1, HOUR, HOUR);
        }

        /** Returns a claim of one of the lockers of the process, with the time for which an offer counts. */
        Claim withOfferTime(int locker, int limit, Duration offerTime) {
            return new Claim(
                    new Requester(process, process + "." + locker, "o", lock, limit, HOUR, HOUR, offerTime),
                    1,
                    "k",
                    true);
        }

        Grant acquire(Claim claim) {
            return get(store.acquire(claim));
        }

        boolean release(Claim claim) {
            return get(store.release(claim));
        }

        Heartbeat heartbeat(Claim claim) {
            return get(store.heartbeat(List.of(claim))).get(0);
        }

        /** Queues a claim, and waits until notifications arrive. */
        Claim queued() {
            Claim claim = claim(true);
            assertThat(acquire(claim).outcome()).isEqualTo(Outcome.QUEUED);
            if (notifies()) {
                until(() -> turns.contains("listening " + process));
            }
            return claim;
        }
    }

    private static <T> T get(CompletionStage<T> stage) {
        try {
            return stage.toCompletableFuture().get(60, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private static void until(java.util.function.BooleanSupplier condition) {
        Awaitility.await()
                .pollDelay(0, TimeUnit.MILLISECONDS)
                .pollInterval(5, TimeUnit.MILLISECONDS)
                .atMost(Duration.ofSeconds(60))
                .until(condition::getAsBoolean);
    }

    /** Waits until the clock has moved on, so that the order of two events can be seen from their times. */
    private static long awaitTick() {
        long before = System.currentTimeMillis();
        until(() -> System.currentTimeMillis() > before + 1);
        return System.currentTimeMillis();
    }

    @BeforeEach
    void participants() {
        one = new Participant();
        two = new Participant();
        three = new Participant();
    }

    @AfterEach
    void close() {
        stores.forEach(LeaseStore::close);
    }

    @Test
    void aLeaseExcludesOthersUntilItIsReleased() {
        Claim mine = one.claim(false);
        assertThat(one.acquire(mine).outcome()).isEqualTo(Outcome.GRANTED);
        assertThat(two.acquire(two.claim(false)).outcome()).isEqualTo(Outcome.TAKEN);
        assertThat(two.acquire(two.claim("other", false, 1, HOUR, HOUR)).outcome())
                .isEqualTo(Outcome.GRANTED);
        assertThat(one.release(mine)).isTrue();
        assertThat(two.acquire(two.claim(false)).outcome()).isEqualTo(Outcome.GRANTED);
    }

    @Test
    void aLeaseEndsUnlessItIsRenewed() {
        Claim mine = one.claim("k", false, 1, SHORT, HOUR);
        one.acquire(mine);
        until(() -> two.acquire(two.claim(false)).outcome() == Outcome.GRANTED);
        assertThat(one.heartbeat(mine)).isEqualTo(Heartbeat.GONE);
        assertThat(one.release(mine)).isFalse();
    }

    @Test
    void aHeartbeatRenewsALease() {
        Claim mine = one.claim("k", false, 1, SHORT, HOUR);
        one.acquire(mine);
        Claim longer = new Claim(
                new Requester(one.process, mine.requester().id(), "o", lock, 1, HOUR, HOUR, HOUR),
                mine.number(),
                "k",
                false);
        if (one.heartbeat(longer) == Heartbeat.RENEWED) {
            Duration left =
                    get(two.store.holders(lock, "k")).get(0).description().leaseLeft();
            assertThat(left).isBetween(Duration.ofMinutes(50), HOUR);
            // A shorter renewal that arrives late does not shorten the lease.
            assertThat(one.heartbeat(mine)).isEqualTo(Heartbeat.RENEWED);
            assertThat(get(two.store.holders(lock, "k")).get(0).description().leaseLeft())
                    .isGreaterThan(Duration.ofMinutes(50));
        }
    }

    @Test
    void repeatingAnAcquireIsHarmless() {
        Claim mine = one.claim(true);
        Grant first = one.acquire(mine);
        assertThat(one.acquire(mine)).isEqualTo(first);
        Claim theirs = two.queued();
        assertThat(two.acquire(theirs).outcome()).isEqualTo(Outcome.QUEUED);
        one.release(mine);
        assertThat(two.acquire(theirs).outcome()).isEqualTo(Outcome.GRANTED);
    }

    @Test
    void tokensRise() {
        long last = 0;
        for (int i = 0; i < 50; i++) {
            Participant next = i % 2 == 0 ? one : two;
            Claim claim = next.claim(false);
            long token = next.acquire(claim).token();
            assertThat(token).isGreaterThan(last);
            last = token;
            next.release(claim);
        }
    }

    @Test
    void tokensAreNeverBehindTheClock() {
        long before = System.currentTimeMillis() * 1_000;
        long token = one.acquire(one.claim(false)).token();
        // The clock of the store may differ a little.
        assertThat(token).isGreaterThan(before - TimeUnit.SECONDS.toMicros(5));
    }

    @Test
    void waitersAreServedInOrderAndNotifiedOfTheirTurn() {
        Claim mine = one.claim(false);
        one.acquire(mine);
        Claim second = two.queued();
        Claim third = three.queued();
        assertThat(two.heartbeat(second)).isEqualTo(Heartbeat.WAITING);
        one.release(mine);
        if (notifies()) {
            until(() -> turns.contains(second.id()));
            assertThat(turns).doesNotContain(third.id());
        }
        assertThat(three.heartbeat(third)).isEqualTo(Heartbeat.WAITING);
        assertThat(three.acquire(third).outcome()).isEqualTo(Outcome.QUEUED);
        assertThat(one.acquire(one.claim(false)).outcome())
                .as("the repeated acquire overtakes nobody")
                .isEqualTo(Outcome.TAKEN);
        assertThat(two.heartbeat(second)).isEqualTo(Heartbeat.ITS_TURN);
        assertThat(two.acquire(second).outcome()).isEqualTo(Outcome.GRANTED);
        two.release(second);
        assertThat(three.acquire(third).outcome()).isEqualTo(Outcome.GRANTED);
    }

    @Test
    void aWaiterThatLeavesDelaysNobody() {
        Claim mine = one.claim(false);
        one.acquire(mine);
        Claim second = two.queued();
        Claim third = three.queued();
        one.release(mine);
        assertThat(two.release(second)).isFalse();
        if (notifies()) {
            until(() -> turns.contains(third.id()));
        }
        assertThat(three.heartbeat(third)).isEqualTo(Heartbeat.ITS_TURN);
    }

    @Test
    void aWaiterWithoutAHeartbeatIsRemoved() {
        Claim mine = one.claim(false);
        one.acquire(mine);
        Claim dead = two.claim("k", true, 1, HOUR, SHORT);
        two.acquire(dead);
        Claim third = three.queued();
        one.release(mine);
        until(() -> three.acquire(third).outcome() == Outcome.GRANTED);
        assertThat(two.heartbeat(dead)).isEqualTo(Heartbeat.GONE);
    }

    @Test
    void aWaiterThatDoesNotTakeItsTurnNoLongerPrecedesOthers() {
        Claim mine = one.claim(false);
        one.acquire(mine);
        Claim slow = two.withOfferTime(1, 1, Duration.ofMillis(50));
        two.acquire(slow);
        Claim third = three.queued();
        one.release(mine);
        until(() -> three.heartbeat(third) == Heartbeat.ITS_TURN);
        assertThat(three.acquire(third).outcome()).isEqualTo(Outcome.GRANTED);
        assertThat(two.heartbeat(slow)).as("it keeps its place").isEqualTo(Heartbeat.WAITING);
    }

    @Test
    void anyNumberOfGoneWaitersDelaysOthersByOneHeartbeat() {
        Claim mine = one.claim(false);
        one.acquire(mine);
        for (int i = 1; i <= 3; i++) {
            two.acquire(two.withOfferTime(i, 1, SHORT));
        }
        Claim third = three.queued();
        long released = awaitTick();
        one.release(mine);
        assertThat(three.heartbeat(third)).as("one is offered the lease").isEqualTo(Heartbeat.WAITING);
        until(() -> System.currentTimeMillis() > released + SHORT.toMillis() + 50);
        assertThat(three.heartbeat(third)).isEqualTo(Heartbeat.ITS_TURN);
        assertThat(three.acquire(third).outcome()).isEqualTo(Outcome.GRANTED);
    }

    @Test
    void aWaiterThatIsGoneDoesNotDelayThoseWithAHigherLimit() {
        one.acquire(one.claim("k", false, 2, HOUR, HOUR));
        assertThat(two.acquire(two.withOfferTime(1, 1, Duration.ofMillis(50))).outcome())
                .isEqualTo(Outcome.QUEUED);
        awaitTick();
        Claim third = three.claim("k", true, 2, HOUR, HOUR);
        assertThat(three.acquire(third).outcome()).as("behind the other").isEqualTo(Outcome.QUEUED);
        assertThat(three.heartbeat(third)).isEqualTo(Heartbeat.ITS_TURN);
        assertThat(three.acquire(third).outcome()).isEqualTo(Outcome.GRANTED);
    }

    @Test
    void aRepeatedAcquireOvertakesNobody() {
        Claim mine = one.claim("k", false, 1, SHORT, HOUR);
        one.acquire(mine);
        Claim second = two.claim(true);
        two.acquire(second);
        Claim third = three.claim(true);
        three.acquire(third);
        awaitTick();
        // Also the second: a waiter that is silent for longer than the third would block nobody.
        two.heartbeat(second);
        three.heartbeat(third);
        until(() -> get(three.store.holders(lock, "k")).stream()
                .noneMatch(holder -> holder.requesterId().startsWith(one.process)));
        assertThat(three.acquire(third).outcome()).isEqualTo(Outcome.QUEUED);
        assertThat(two.acquire(second).outcome()).isEqualTo(Outcome.GRANTED);
    }

    @Test
    void anAcquireThatArrivesAfterItsReleaseHoldsNothing() {
        Claim late = one.claim(true);
        assertThat(one.release(late)).isFalse();
        assertThat(one.acquire(late).outcome()).isEqualTo(Outcome.TAKEN);
        assertThat(one.heartbeat(late)).isEqualTo(Heartbeat.GONE);
        Claim next = one.claim(true);
        assertThat(one.acquire(next).outcome()).isEqualTo(Outcome.GRANTED);
        one.release(next);
        assertThat(one.acquire(late).outcome()).isEqualTo(Outcome.TAKEN);
        assertThat(two.acquire(two.claim(false)).outcome()).isEqualTo(Outcome.GRANTED);
    }

    @Test
    void aRepeatedReleaseReportsNoLoss() {
        Claim mine = one.claim(false);
        one.acquire(mine);
        assertThat(one.release(mine)).isTrue();
        assertThat(one.release(mine)).isTrue();
    }

    @Test
    void changedLimitDoesNotAffectAnotherProcess() {
        Claim before = one.claim("k", false, 1, HOUR, HOUR);
        assertThat(one.acquire(before).outcome()).isEqualTo(Outcome.GRANTED);
        assertThat(one.acquire(one.claim("k", false, 2, HOUR, HOUR))).satisfies(grant -> {
            assertThat(grant.outcome()).isEqualTo(Outcome.GRANTED);
            assertThat(grant.otherLimit()).isZero();
        });
        assertThat(one.acquire(one.claim("k", false, 1, HOUR, HOUR)).outcome()).isEqualTo(Outcome.TAKEN);
        assertThat(one.release(before)).isTrue();
    }

    @Test
    void eachProcessAdmitsUpToItsOwnLimit() {
        Claim narrow = one.claim("k", false, 1, HOUR, HOUR);
        assertThat(one.acquire(narrow).otherLimit()).isZero();
        Claim wide = two.claim("k", false, 3, HOUR, HOUR);
        assertThat(two.acquire(wide)).satisfies(grant -> {
            assertThat(grant.outcome()).isEqualTo(Outcome.GRANTED);
            assertThat(grant.otherLimit()).isEqualTo(1);
        });
        assertThat(two.acquire(two.claim("k", false, 3, HOUR, HOUR)).outcome()).isEqualTo(Outcome.GRANTED);
        assertThat(two.acquire(two.claim("k", false, 3, HOUR, HOUR)).outcome()).isEqualTo(Outcome.TAKEN);
        assertThat(one.acquire(one.claim("k", false, 1, HOUR, HOUR))).satisfies(grant -> {
            assertThat(grant.outcome()).isEqualTo(Outcome.TAKEN);
            assertThat(grant.otherLimit()).isEqualTo(3);
        });
        assertThat(one.release(narrow)).isTrue();
        assertThat(one.acquire(one.claim("k", false, 1, HOUR, HOUR)).outcome()).isEqualTo(Outcome.TAKEN);
    }

    @Test
    void aWaiterWithALowerLimitIsNotOvertakenByOneWithAHigher() {
        Claim mine = one.claim("k", false, 1, HOUR, HOUR);
        one.acquire(mine);
        Claim narrow = two.queued();
        Claim wide = three.claim("k", true, 3, HOUR, HOUR);
        assertThat(three.acquire(wide).outcome()).isEqualTo(Outcome.QUEUED);
        one.release(mine);
        assertThat(two.acquire(narrow).outcome()).isEqualTo(Outcome.GRANTED);
        assertThat(three.acquire(wide).outcome()).isEqualTo(Outcome.GRANTED);
    }

    @Test
    void holdersAreListedWithTheirOwners() {
        Claim mine = one.claim(false);
        one.acquire(mine);
        assertThat(get(two.store.holders(lock, "k"))).singleElement().satisfies(holder -> {
            assertThat(holder.requesterId()).isEqualTo(one.process + ".1");
            assertThat(holder.description().owner()).isEqualTo("owner of " + one.process);
            assertThat(holder.description().age()).isBetween(Duration.ZERO, Duration.ofMinutes(10));
            assertThat(holder.description().leaseLeft()).isBetween(Duration.ofMinutes(50), HOUR);
        });
        one.release(mine);
        assertThat(get(two.store.holders(lock, "k"))).isEmpty();
    }

    @Test
    void oneHeartbeatRenewsManyClaims() {
        Claim held = one.claim("a", false, 1, HOUR, HOUR);
        one.acquire(held);
        Requester other = new Requester(one.process, one.process + ".2", "o", lock + "-other", 1, HOUR, HOUR, HOUR);
        assertThat(one.store.partition(held.requester())).isEqualTo(one.store.partition(held.requester()));
        boolean isOnePartition = one.store.partition(held.requester()).equals(one.store.partition(other));
        Claim elsewhere = isOnePartition ? new Claim(other, 1, "b", false) : one.claim("b", false, 1, HOUR, HOUR);
        one.acquire(elsewhere);
        Claim unknown = one.claim("c", false, 1, HOUR, HOUR);
        List<Claim> many = new ArrayList<>(List.of(held, unknown, elsewhere));
        many.addAll(Collections.nCopies(250, held));
        assertThat(get(one.store.heartbeat(many)))
                .hasSize(253)
                .startsWith(Heartbeat.RENEWED, Heartbeat.GONE, Heartbeat.RENEWED, Heartbeat.RENEWED)
                .endsWith(Heartbeat.RENEWED);
        assertThat(get(one.store.heartbeat(List.of()))).isEmpty();
        get(one.store.ping());
    }

    @Test
    void keysMayContainAnything() {
        for (String key : List.of("", " ", "a:b", "{a}", "ä€😀", "a\nb", "%", "x".repeat(300))) {
            Claim mine = one.claim(key, false, 1, HOUR, HOUR);
            assertThat(one.acquire(mine).outcome()).isEqualTo(Outcome.GRANTED);
            assertThat(two.acquire(two.claim(key, false, 1, HOUR, HOUR)).outcome())
                    .isEqualTo(Outcome.TAKEN);
            assertThat(one.release(mine)).isTrue();
        }
    }

    /** If nothing expires, each random step has the same result as in the model of the simulation. */
    @Test
    void theSimulatedStoreBehavesTheSame() {
        Random random = new Random(42);
        StoreModel model = new StoreModel(claim -> {}, (claim, token) -> {});
        List<Claim> claims = new ArrayList<>();
        for (int step = 1; step <= 400; step++) {
            Participant who = List.of(one, two, three).get(random.nextInt(3));
            int limit = who == three ? 2 : 1;
            Claim claim = claims.isEmpty() || random.nextInt(3) == 0
                    ? who.claim("k" + random.nextInt(2), random.nextBoolean(), limit, HOUR, HOUR)
                    : claims.get(random.nextInt(claims.size()));
            claims.add(claim);
            awaitTick();
            String where = "step " + step + ", claim " + claim;
            switch (random.nextInt(4)) {
                case 0, 1 -> {
                    Grant real = one.acquire(claim);
                    Grant modelled = model.acquire(claim, step);
                    assertThat(real.outcome()).as(where).isEqualTo(modelled.outcome());
                    assertThat(real.otherLimit() == 0).as(where).isEqualTo(modelled.otherLimit() == 0);
                }
                case 2 -> assertThat(one.release(claim)).as(where).isEqualTo(model.release(claim, step));
                default -> assertThat(one.heartbeat(claim)).as(where).isEqualTo(model.heartbeat(claim, step));
            }
        }
    }
}
