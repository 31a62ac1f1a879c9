// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import io.keyedlock.KeyText;
import io.keyedlock.lease.LeaseLog;
import io.keyedlock.lease.LeaseStore;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.function.LongSupplier;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * A store of leases in a table of PostgreSQL, MySQL, MariaDB or H2.
 *
 * <p>It works on at most three connections of its own, opened with the address and settings of a {@link DataSource}, in short
 * transactions of its own. So it neither takes part in transactions of the application nor needs a free connection in its pool. No
 * connection or row is locked while a lease is held. All times are those of the database.
 *
 * @since 0.1.0
 */
public final class JdbcLeaseStore implements LeaseStore {

    private static final LeaseLog LOG = new LeaseLog(JdbcLeaseStore.class);

    private static final long HOUSEKEEPING_NANOS = TimeUnit.HOURS.toNanos(1);

    private final JdbcStoreSettings settings;
    private final JdbcConnections connections;
    private final JdbcWorkers workers;

    /** When rows of old keys were last removed. */
    private final AtomicLong housekeepingAt = new AtomicLong(System.nanoTime() - HOUSEKEEPING_NANOS);

    private volatile @Nullable JdbcTurns turns;

    /**
     * Creates a store. The database need not be reachable yet.
     *
     * @param dataSource tells where the database is. The store opens connections like those of this source; if its kind is
     *     unknown, it uses connections of this source
     * @param settings how to use the database
     */
    public JdbcLeaseStore(DataSource dataSource, JdbcStoreSettings settings) {
        this(dataSource, settings, System::nanoTime);
    }

    /** Creates a store for which connections grow old by another clock. */
    JdbcLeaseStore(DataSource dataSource, JdbcStoreSettings settings, LongSupplier clock) {
        this.settings = settings;
        this.connections = new JdbcConnections(dataSource, settings, JdbcWorkers.THREADS + 1, clock);
        this.workers = new JdbcWorkers(connections, clock);
    }

    /**
     * Waits until the table has been checked, and created if the settings say so. Returns without a result if the database cannot
     * be reached in time; then the first call does the same.
     *
     * @param timeout how long to wait at most
     * @throws JdbcSetupException if the database can be reached, but cannot be used as it is set up
     */
    public void initialize(Duration timeout) throws JdbcSetupException {
        CompletableFuture<?> ready = ping().toCompletableFuture();
        try {
            ready.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (TimeoutException e) {
            ready.cancel(false);
        } catch (ExecutionException e) {
            Throwable cause = e.getCause();
            if (cause instanceof RuntimeException problem) {
                throw problem;
            }
            if (cause instanceof JdbcSetupException problem) {
                throw problem;
            }
            if (cause instanceof SQLException problem && !JdbcFailures.isTemporary(problem)) {
                throw unusable(problem);
            }
            LOG.info("The database of leases cannot be used yet: " + KeyText.inLine(e.getMessage()));
        }
    }

    private static JdbcSetupException unusable(SQLException problem) {
        return new JdbcSetupException(
                "The database cannot be used for leases: " + KeyText.inLine(problem.getMessage()),
                "Check the DataSource, and keyedlock.jdbc.platform if it is set.",
                problem);
    }

    @Override
    public String name() {
        return "jdbc";
    }

    @Override
    public void listen(String process, TurnListener listener) {
        turns = new JdbcTurns(connections, settings, process, listener);
    }

    /** Where waiters look for their turn with pauses, an offer lasts for longer than a pause. */
    @Override
    public Duration offerTime() {
        Duration offerTime = JdbcTurns.offerTime(settings.pollMax());
        return connections.notifies() || offerTime.compareTo(OFFER_TIME) < 0 ? OFFER_TIME : offerTime;
    }

    @Override
    public CompletionStage<Grant> acquire(Claim claim) {
        CompletableFuture<Grant> answer = workers.change(
                claim,
                (connection, table, id) -> table.acquire(connection, id, claim),
                (state, now, offers) -> state.acquire(claim, now, offers));
        // Before the stages of the caller, so that a release which follows finds it.
        return map(answer, grant -> {
            noteWait(claim, grant.outcome() == Outcome.QUEUED);
            return grant;
        });
    }

    private void noteWait(Claim claim, boolean waits) {
        JdbcTurns current = turns;
        if (current != null && claim.waits()) {
            if (waits) {
                current.waits(claim);
            } else {
                current.waitsNoLonger(claim);
            }
        }
    }

    @Override
    public CompletionStage<Boolean> release(Claim claim) {
        noteWait(claim, false);
        return workers.change(
                claim,
                (connection, table, id) -> table.release(connection, id, claim),
                (state, now, offers) -> state.release(claim, now, offers));
    }

    @Override
    public CompletionStage<List<Heartbeat>> heartbeat(List<Claim> claims) {
        List<CompletableFuture<Heartbeat>> answers = new ArrayList<>();
        for (Claim claim : claims) {
            CompletableFuture<Heartbeat> answer =
                    workers.change(claim, (state, now, offers) -> state.heartbeat(claim, now, offers));
            answers.add(map(answer, heartbeat -> {
                noteWait(claim, heartbeat == Heartbeat.WAITING || heartbeat == Heartbeat.ITS_TURN);
                return heartbeat;
            }));
        }
        // One row that somebody has locked must not cost the leases of all others.
        CompletableFuture<List<Heartbeat>> all = CompletableFuture.allOf(answers.toArray(new CompletableFuture<?>[0]))
                .completeOnTimeout(null, heartbeatNanos(claims), TimeUnit.NANOSECONDS)
                .handle((nothing, failure) -> {
                    if (!answers.isEmpty() && answers.stream().noneMatch(JdbcLeaseStore::isAnswered)) {
                        throw new CompletionException(failure == null ? new TimeoutException() : failure);
                    }
                    keepHouse();
                    List<Heartbeat> known = answers.stream()
                            .map(answer -> isAnswered(answer) ? answer.join() : Heartbeat.UNKNOWN)
                            .toList();
                    answers.forEach(answer -> answer.cancel(false));
                    return known;
                });
        all.whenComplete((value, failure) -> {
            if (all.isCancelled()) {
                answers.forEach(answer -> answer.cancel(false));
            }
        });
        return all;
    }

    private static boolean isAnswered(CompletableFuture<?> answer) {
        return answer.isDone() && !answer.isCompletedExceptionally();
    }

    /** Returns for how long a heartbeat waits for locked rows: nearly the backend timeout, of which patience is twice at most. */
    private static long heartbeatNanos(List<Claim> claims) {
        return claims.stream()
                        .mapToLong(claim -> claim.requester().patience().toNanos())
                        .min()
                        .orElse(0)
                / 100
                * 45;
    }

    @Override
    public CompletionStage<List<Holder>> holders(String lock, String key) {
        String id = JdbcTable.id(lock, key);
        return workers.run((connection, table) -> {
            JdbcTable.Row row = table.read(connection, List.of(id)).get(id);
            return row == null ? List.of() : new KeyState(row.token(), row.state()).holders(row.readAt());
        });
    }

    @Override
    public CompletionStage<Void> ping() {
        CompletableFuture<Boolean> checked = workers.run((connection, table) -> {
            table.check(connection);
            return true;
        });
        return map(checked, done -> {
            keepHouse();
            return null;
        });
    }

    /** Maps an answer; cancelling the result cancels the call. */
    private static <T, R extends @Nullable Object> CompletableFuture<R> map(
            CompletableFuture<T> answer, Function<T, R> mapping) {
        CompletableFuture<R> mapped = answer.thenApply(mapping);
        mapped.whenComplete((value, failure) -> {
            if (mapped.isCancelled()) {
                answer.cancel(false);
            }
        });
        return mapped;
    }

    // ---- housekeeping

    /** Removes rows of old keys if that was not done for an hour; after other calls, so that a quiet application sends nothing. */
    private void keepHouse() {
        long last = housekeepingAt.get();
        long now = System.nanoTime();
        if (now - last >= HOUSEKEEPING_NANOS && housekeepingAt.compareAndSet(last, now)) {
            removeOld();
        }
    }

    private void removeOld() {
        long retention = settings.tokenRetention().plusDays(1).toDays();
        workers.run((connection, table) ->
                        table.removeOld(connection, JdbcTable.day(table.now(connection)) - retention))
                .whenComplete((more, failure) -> {
                    if (failure == null && more) {
                        // Behind the calls that have come meanwhile.
                        removeOld();
                    } else if (failure instanceof SQLException) {
                        LOG.info("Rows of old keys could not be removed this time: "
                                + KeyText.inLine(failure.getMessage()));
                    }
                });
    }

    @Override
    public void close() {
        JdbcTurns current = turns;
        if (current != null) {
            current.close();
        }
        workers.close();
        connections.close();
    }
}
