// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import io.keyedlock.lease.LeaseStore.Claim;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Makes the calls of a store, on threads and connections of its own that no caller can hold.
 *
 * <p>Changes of keys are queued, and a thread that is free makes all that are queued, up to a limit, in one transaction. So a
 * call alone is made at once, and calls that arrive during a commit share the next.
 */
final class JdbcWorkers implements AutoCloseable {

    /*
     * ATOMICITY
     * A transaction at READ COMMITTED locks the rows of its keys, decides in memory by their states (KeyState), and
     * writes them. The decision about a key is atomic because of the statement that locks its row:
     *   PostgreSQL, MySQL, MariaDB, H2: SELECT ... ORDER BY ID FOR UPDATE, which waits for another transaction that has
     *   the row and then reads what that one has committed.
     * A key without a row has the empty state. The transaction inserts its row, and the primary key decides:
     *   PostgreSQL: INSERT ... ON CONFLICT DO NOTHING waits for another transaction that inserts the row, and then counts 0.
     *   MySQL, MariaDB: INSERT IGNORE does the same.
     *   H2: INSERT waits likewise, and then fails as a duplicate.
     * Then everything is rolled back and decided again. Answers are given after the commit.
     * On PostgreSQL, a change that is alone is first tried by one statement, which decides and commits (SingleStatements):
     *   acquire: INSERT ... ON CONFLICT (ID) DO UPDATE ... WHERE nobody waits and a lease is free
     *   release: UPDATE ... WHERE the claim holds the last lease and nobody waits
     * Both wait for another transaction that has the row, and then judge what that one has committed.
     *
     * NO DEADLOCKS, AND IF SO, NO ERRORS
     * Rows are locked in the order of their ids; then rows are inserted, in that order too, and nothing is locked after that.
     * A transaction that waits for the insertion of another one holds only locks of existing rows. The other one has all of
     * its locks by then, so it does not wait for these.
     * Should a database find a deadlock or a serialization failure nonetheless, the transaction is repeated.
     *
     * UNKNOWN OUTCOMES
     * A connection that breaks during a commit leaves open whether the transaction took effect. A call that is repeated is
     * harmless by the contract of LeaseStore, so a transaction whose connection broke is made again on a new one.
     */

    /** One commits while the other collects. */
    static final int THREADS = 2;

    /** How many changes one transaction makes. */
    private static final int BATCH = 64;

    /** How many contended keys are remembered. If one is forgotten, a statement is made that changes nothing. */
    private static final int MOST_CONTENDED = 1_000;

    private static final int MOST_ATTEMPTS = 20;

    /** How often a transaction is repeated whose connection broke. One that cannot be opened is not tried again. */
    private static final int MOST_OUTAGES = 2;

    /** Something to do in a transaction of its own. */
    interface Work<T> {
        T apply(Connection connection, JdbcTable table) throws SQLException;
    }

    private final JdbcConnections connections;
    private final LongSupplier clock;
    private final ThreadPoolExecutor threads;
    private final Queue<JdbcChange<?>> changes = new ConcurrentLinkedQueue<>();

    /** The ids of keys that were contended when a transaction last changed them. A single statement would change nothing. */
    private final Set<String> contended = ConcurrentHashMap.newKeySet();

    /** The ids of rows that somebody else had locked for longer than a transaction waits, until a change of one succeeds. */
    private final Set<String> locked = ConcurrentHashMap.newKeySet();

    /** The changes of these rows, and whether a thread makes one of them. */
    private final Queue<JdbcChange<?>> lockedChanges = new ConcurrentLinkedQueue<>();

    private final AtomicBoolean makesLocked = new AtomicBoolean();

    /** Open connections without auto-commit that no thread uses. */
    private final Deque<JdbcSession> idle = new ConcurrentLinkedDeque<>();

    private volatile boolean closed;

    JdbcWorkers(JdbcConnections connections, LongSupplier clock) {
        this.connections = connections;
        this.clock = clock;
        this.threads =
                new ThreadPoolExecutor(THREADS, THREADS, 1, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> {
                    Thread thread = new Thread(null, task, "keyedlock-jdbc", 0, false);
                    thread.setContextClassLoader(null);
                    thread.setDaemon(true);
                    return thread;
                });
        threads.allowCoreThreadTimeOut(true);
    }

    /** Changes the state of the key of a claim. A change whose future is cancelled is not made if it has not begun. */
    <T> CompletableFuture<T> change(Claim claim, JdbcChange.Step<T> step) {
        return change(claim, (connection, table, id) -> null, step);
    }

    /** Changes the state of the key of a claim, by a single statement if there is no other change to make and if it is possible. */
    <T> CompletableFuture<T> change(Claim claim, JdbcChange.SingleStatement<T> single, JdbcChange.Step<T> step) {
        CompletableFuture<T> answer = new CompletableFuture<>();
        changes.add(new JdbcChange<>(claim, JdbcTable.id(claim.requester().lock(), claim.key()), single, step, answer));
        execute(this::drain, answer);
        return answer;
    }

    /** Does something in a transaction of its own. */
    <T> CompletableFuture<T> run(Work<T> work) {
        CompletableFuture<T> answer = new CompletableFuture<>();
        execute(
                () -> {
                    if (!answer.isDone()) {
                        try {
                            answer.complete(transact(work));
                        } catch (SQLException | RuntimeException | Error e) {
                            answer.completeExceptionally(e);
                        }
                    }
                },
                answer);
        return answer;
    }

    private void execute(Runnable task, CompletableFuture<?> answer) {
        try {
            threads.execute(task);
        } catch (RuntimeException | Error e) {
            // The store is closed, or no thread can be started.
            answer.completeExceptionally(closed ? closedFailure(e) : e);
        }
    }

    private static Throwable closedFailure(@Nullable Throwable cause) {
        return new IllegalStateException("The JDBC store is closed", cause);
    }

    private void drain() {
        List<JdbcChange<?>> batch = new ArrayList<>();
        while (batch.size() < BATCH) {
            JdbcChange<?> next = changes.poll();
            if (next == null) {
                break;
            }
            if (next.answer().isDone()) {
                continue;
            }
            if (locked.contains(next.id())) {
                lockedChanges.add(next);
            } else {
                batch.add(next);
            }
        }
        if (!batch.isEmpty()) {
            make(batch);
        }
        makeLocked();
    }

    private void make(List<JdbcChange<?>> batch) {
        List<Runnable> answers;
        try {
            answers = transact((connection, table) -> apply(batch, connection, table));
        } catch (SQLException | RuntimeException | Error e) {
            boolean isLocked = e instanceof SQLException failure && JdbcFailures.isRowLocked(failure);
            if (isLocked && batch.size() > 1) {
                separate(batch, e);
            } else if (batch.size() == 1 || (e instanceof SQLException failure && JdbcFailures.isOutage(failure))) {
                batch.forEach(change -> change.fail(e));
                if (isLocked) {
                    String id = batch.get(0).id();
                    locked.add(id);
                    // They would fail as well, and delay the changes of other rows until then.
                    lockedChanges.removeIf(change -> change.id().equals(id) && change.fail(e));
                }
            } else {
                // One of the keys may be the reason, for instance a state that a newer version has written.
                makeEach(batch);
            }
            return;
        }
        answers.forEach(Runnable::run);
    }

    private void makeEach(List<JdbcChange<?>> batch) {
        batch.stream().filter(change -> !change.answer().isDone()).forEach(change -> make(List.of(change)));
    }

    // ---- rows that stay locked, by a migration or a hung client

    /** Makes the changes of a batch without those whose rows are locked, which are left to {@link #makeLocked}. */
    private void separate(List<JdbcChange<?>> batch, Throwable failure) {
        SortedSet<String> ids = new TreeSet<>();
        batch.forEach(change -> ids.add(change.id()));
        Set<String> found;
        try {
            found = transact((connection, table) -> table.locked(connection, ids));
        } catch (SQLException | RuntimeException | Error e) {
            // The table is locked, too.
            batch.forEach(change -> change.fail(failure));
            return;
        }
        if (found.isEmpty()) {
            // Not a row that exists is locked, but one that is being inserted, or the lock was released meanwhile.
            makeEach(batch);
            return;
        }
        locked.addAll(found);
        List<JdbcChange<?>> others = new ArrayList<>();
        batch.forEach(change -> (found.contains(change.id()) ? lockedChanges : others).add(change));
        if (!others.isEmpty()) {
            make(others);
        }
    }

    /** Makes one change of a locked row unless the other thread does, so that one thread is free for other keys. */
    private void makeLocked() {
        if (!lockedChanges.isEmpty() && makesLocked.compareAndSet(false, true)) {
            JdbcChange<?> next = lockedChanges.poll();
            try {
                if (next != null && !next.answer().isDone()) {
                    make(List.of(next));
                }
            } finally {
                makesLocked.set(false);
            }
            if (next != null && !next.answer().isCompletedExceptionally()) {
                locked.remove(next.id());
            }
            if (!lockedChanges.isEmpty()) {
                // Behind the calls that have come meanwhile.
                execute(this::drain, new CompletableFuture<>());
            }
        }
    }

    private List<Runnable> apply(List<JdbcChange<?>> batch, Connection connection, JdbcTable table)
            throws SQLException {
        SortedMap<String, List<JdbcChange<?>>> byId = new TreeMap<>();
        // A change whose answer came too late was given up. Its caller may have released the claim, so it must not be
        // made now.
        batch.stream()
                .filter(change -> !change.answer().isDone())
                .forEach(change -> byId.computeIfAbsent(change.id(), id -> new ArrayList<>())
                        .add(change));
        if (byId.isEmpty()) {
            return List.of();
        }
        if (batch.size() == 1 && !contended.contains(byId.firstKey())) {
            Runnable answer = batch.get(0).applyAlone(connection, table);
            if (answer != null) {
                return List.of(answer);
            }
        }
        Map<String, JdbcTable.Row> rows = table.lock(connection, byId);
        long now = rows.isEmpty()
                ? table.now(connection)
                : rows.values().stream().mapToLong(JdbcTable.Row::readAt).max().getAsLong();
        List<Runnable> answers = new ArrayList<>();
        List<String> offers = new ArrayList<>();
        List<JdbcTable.Write> updates = new ArrayList<>();
        List<JdbcTable.Write> inserts = new ArrayList<>();
        byId.forEach((id, ofKey) -> {
            JdbcTable.Row row = rows.get(id);
            KeyState state = row == null ? new KeyState(0, "") : new KeyState(row.token(), row.state());
            ofKey.forEach(change -> answers.add(change.apply(state, now, offers)));
            noteContention(id, state.isContended());
            String text = state.text();
            long day = JdbcTable.day(state.neededUntil(now));
            if (row == null) {
                Claim claim = ofKey.get(0).claim();
                inserts.add(new JdbcTable.Write(id, claim.requester().lock(), claim.key(), state.token(), text, day));
            } else if (!text.equals(row.state())) {
                updates.add(new JdbcTable.Write(id, null, null, state.token(), text, Math.max(day, row.lastDay())));
            }
        });
        table.update(connection, updates, inserts.isEmpty() && offers.isEmpty());
        table.insert(connection, inserts);
        table.notifyOf(connection, offers);
        return answers;
    }

    private void noteContention(String id, boolean isContended) {
        if (!isContended) {
            contended.remove(id);
        } else if (contended.add(id) && contended.size() > MOST_CONTENDED) {
            contended.clear();
        }
    }

    // ---- transactions

    private <T> T transact(Work<T> work) throws SQLException {
        int outages = 0;
        for (int attempt = 1; ; attempt++) {
            JdbcSession session = take();
            try {
                T result = work.apply(session.connection(), connections.table());
                session.connection().commit();
                keep(session);
                return result;
            } catch (SQLException e) {
                if (JdbcFailures.isRepeated(e) && attempt < MOST_ATTEMPTS && session.rollback()) {
                    keep(session);
                    continue;
                }
                boolean isOutage = session.closeAfter(e);
                if (isOutage) {
                    // The others may be broken too.
                    closeIdle(JdbcSession::abandon);
                }
                if (!isOutage || ++outages > MOST_OUTAGES) {
                    throw e;
                }
            } catch (RuntimeException | Error e) {
                session.abandon();
                throw e;
            }
        }
    }

    /** Returns an idle connection that can be used, or else a new one. */
    private JdbcSession take() throws SQLException {
        for (JdbcSession next = idle.pollFirst(); next != null; next = idle.pollFirst()) {
            long now = clock.getAsLong();
            if (next.isOld(now)) {
                next.close();
            } else if (next.isAlive(now)) {
                return next;
            } else {
                next.abandon();
            }
        }
        JdbcSession opened = connections.open();
        try {
            opened.connection().setAutoCommit(false);
            return opened;
        } catch (SQLException | RuntimeException | Error e) {
            opened.abandon();
            throw e;
        }
    }

    /** Returns how many connections are open and not in use. */
    int idle() {
        return idle.size();
    }

    private void keep(JdbcSession session) {
        long now = clock.getAsLong();
        session.used(now);
        idle.addFirst(session);
        JdbcSession oldest = idle.peekLast();
        if (oldest != null && oldest.isOld(now) && idle.remove(oldest)) {
            oldest.close();
        }
        if (closed) {
            closeIdle(JdbcSession::close);
        }
    }

    private void closeIdle(Consumer<JdbcSession> closing) {
        for (JdbcSession next = idle.pollFirst(); next != null; next = idle.pollFirst()) {
            closing.accept(next);
        }
    }

    @Override
    public void close() {
        closed = true;
        threads.shutdown();
        lockedChanges.forEach(change -> change.fail(closedFailure(null)));
        closeIdle(JdbcSession::close);
    }
}
