// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import io.keyedlock.KeyText;
import io.keyedlock.lease.LeaseLog;
import io.keyedlock.lease.LeaseStore;
import io.keyedlock.lease.LeaseStore.Claim;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.springframework.util.ClassUtils;

/**
 * Finds the turns of the waiters of this process, on one thread and one connection, which there are while claims wait and for
 * some time afterwards.
 *
 * <p>PostgreSQL notifies of them. Elsewhere, or if the driver is not that of PostgreSQL, one query looks at the keys of all
 * waiters, with pauses that double while nothing changes. If the connection breaks, another is made, with pauses that double too;
 * meanwhile heartbeats find turns.
 */
final class JdbcTurns implements AutoCloseable {

    private static final LeaseLog LOG = new LeaseLog(JdbcLeaseStore.class);

    private static final long LINGER_NANOS = TimeUnit.SECONDS.toNanos(30);

    /** How long a wait for a notification lasts; then it is seen whether the store has been closed. Costs no message. */
    private static final int NOTIFICATION_MILLIS = 250;

    /** How long nothing may arrive on the connection before it is tried. */
    private static final long SILENCE_NANOS = TimeUnit.SECONDS.toNanos(10);

    private static final long FIRST_RETRY_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final long LAST_RETRY_NANOS = TimeUnit.SECONDS.toNanos(25);

    /** A pause lasts for all parts of an offer's time but one, which is left for the look itself. */
    private static final int OFFER_PARTS = 5;

    private static final boolean POSTGRESQL =
            ClassUtils.isPresent("org.postgresql.PGConnection", JdbcTurns.class.getClassLoader());

    private final JdbcConnections connections;
    private final JdbcStoreSettings settings;
    private final String process;
    private final LeaseStore.TurnListener listener;

    /** The claims that wait as far as the answers of the database say, and when it last said so. */
    private final Map<Claim, Long> waiting = new ConcurrentHashMap<>();

    private final AtomicBoolean warned = new AtomicBoolean();

    /** The pause before the next attempt to find turns. Used by the one thread that finds them. */
    private long retry = FIRST_RETRY_NANOS;

    /** Whether the database has refused notifications. Used by the one thread that finds turns. */
    private boolean isRefused;

    /** Whether a claim was added since the last look. */
    private volatile boolean added;

    private volatile boolean closed;

    /** Written under this. */
    private volatile @Nullable Thread thread;

    JdbcTurns(
            JdbcConnections connections, JdbcStoreSettings settings, String process, LeaseStore.TurnListener listener) {
        this.connections = connections;
        this.settings = settings;
        this.process = process;
        this.listener = listener;
    }

    /** Finds the turn of a claim for its patience from now on. */
    void waits(Claim claim) {
        if (waiting.put(claim, System.nanoTime()) == null) {
            added = true;
            Thread running = thread;
            if (running == null) {
                start();
            } else {
                LockSupport.unpark(running);
            }
        }
    }

    void waitsNoLonger(Claim claim) {
        waiting.remove(claim);
    }

    /** Returns whether no claim waits. Forgets those of which nothing was heard for long, as their waiters are gone. */
    private boolean nobodyWaits() {
        long now = System.nanoTime();
        waiting.entrySet()
                .removeIf(entry -> now - entry.getValue()
                        > entry.getKey().requester().patience().toNanos());
        return waiting.isEmpty();
    }

    private synchronized void start() {
        if (thread == null && !closed) {
            Thread started = new Thread(null, this::run, "keyedlock-jdbc-turns", 0, false);
            started.setContextClassLoader(null);
            started.setDaemon(true);
            thread = started;
            try {
                started.start();
            } catch (RuntimeException | Error e) {
                // No thread can be started. The next claim tries again, and heartbeats find turns meanwhile.
                thread = null;
            }
        }
    }

    private void run() {
        while (!endsHere()) {
            try (JdbcSession session = connections.open()) {
                findTurns(session);
            } catch (SQLException | RuntimeException | Error e) {
                if (!closed && warned.compareAndSet(false, true)) {
                    LOG.warn(
                            "Turns cannot be found in the database now (" + KeyText.inLine(e.getMessage())
                                    + "). Waiters find them by heartbeats, which takes longer, until a new attempt succeeds.",
                            null);
                }
                LockSupport.parkNanos(retry);
                retry = Math.min(2 * retry, LAST_RETRY_NANOS);
            }
        }
    }

    private void findTurns(JdbcSession session) throws SQLException {
        Connection connection = session.connection();
        try {
            JdbcTable table = connections.table();
            Notifications notifications = connections.notifies() && !isRefused ? Notifications.of(connection) : null;
            if (notifications == null) {
                poll(connection, table);
            } else {
                listen(connection, notifications, table);
            }
        } catch (SQLException | RuntimeException | Error e) {
            session.abandon();
            throw e;
        }
    }

    /** Returns whether turns are notified, and not looked for. */
    static boolean notifies(JdbcPlatform platform) {
        return POSTGRESQL && platform == JdbcPlatform.POSTGRESQL;
    }

    /** Ends the thread if nobody waits. */
    private boolean endsHere() {
        if (!closed && !nobodyWaits()) {
            return false;
        }
        synchronized (this) {
            thread = null;
        }
        // A claim that was added before that has started no other thread.
        if (!closed && !nobodyWaits()) {
            start();
        }
        return true;
    }

    // ---- notifications

    /** What needs the classes of PostgreSQL's driver. */
    private record Notifications(PGConnection source) {

        static @Nullable Notifications of(Connection connection) throws SQLException {
            return connection.isWrapperFor(PGConnection.class)
                    ? new Notifications(connection.unwrap(PGConnection.class))
                    : null;
        }

        List<String> await() throws SQLException {
            PGNotification[] notifications = source.getNotifications(NOTIFICATION_MILLIS);
            return notifications == null
                    ? List.of()
                    : Stream.of(notifications).map(PGNotification::getParameter).toList();
        }
    }

    private void listen(Connection connection, Notifications notifications, JdbcTable table) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            if (!subscribe(statement)) {
                return;
            }
            heard();
            long usedAt = System.nanoTime();
            long heardAt = usedAt;
            while (!closed && table.notifies() && System.nanoTime() - usedAt <= LINGER_NANOS) {
                long now = System.nanoTime();
                boolean waits = !nobodyWaits();
                if (waits) {
                    usedAt = now;
                }
                List<String> claimIds = notifications.await();
                if (!claimIds.isEmpty()) {
                    heardAt = now;
                    claimIds.forEach(listener::turn);
                } else if (now - heardAt > SILENCE_NANOS && waits) {
                    statement.execute("SELECT 1");
                    heardAt = now;
                }
            }
            // The next user of the connection wants no notifications.
            statement.execute("UNLISTEN *");
        }
    }

    /** Returns false if the database refuses notifications. Then turns are found by queries. */
    private boolean subscribe(Statement statement) throws SQLException {
        try {
            statement.execute("LISTEN \"" + JdbcTable.channel(process).replace("\"", "") + '"');
            return true;
        } catch (SQLException e) {
            if (JdbcFailures.isTemporary(e)) {
                throw e;
            }
            isRefused = true;
            LOG.warn(
                    "The database refuses LISTEN (" + KeyText.inLine(e.getMessage())
                            + "). Waiters poll for their turn, which takes longer. Connect leases directly to PostgreSQL,"
                            + " for instance by another DataSource with @KeyedLockDataSource.",
                    null);
            return false;
        }
    }

    private void heard() {
        retry = FIRST_RETRY_NANOS;
        if (warned.getAndSet(false)) {
            LOG.info("Turns are found in the database again");
        }
        listener.listening();
    }

    // ---- polling

    private void poll(Connection connection, JdbcTable table) throws SQLException {
        long shortest = settings.pollMin().toNanos();
        long longest = settings.pollMax().toNanos();
        boolean heard = false;
        long pause = shortest;
        long usedAt = System.nanoTime();
        while (!closed && System.nanoTime() - usedAt < LINGER_NANOS) {
            if (nobodyWaits()) {
                LockSupport.parkNanos(this, LINGER_NANOS);
                pause = shortest;
                continue;
            }
            pause(pause);
            boolean isNew = added;
            added = false;
            boolean found = look(connection, table);
            if (!heard) {
                heard();
                heard = true;
            }
            pause = found || isNew ? shortest : Math.min(2 * pause, longest);
            usedAt = System.nanoTime();
        }
    }

    /** Waits for a time; if a claim is added, for the shortest pause. */
    private void pause(long nanos) {
        long start = System.nanoTime();
        while (!closed) {
            long most = added ? settings.pollMin().toNanos() : nanos;
            long left = Math.min(most, longestPause()) - (System.nanoTime() - start);
            if (left <= 0) {
                return;
            }
            LockSupport.parkNanos(this, left);
        }
    }

    /** Returns a pause within which waiters find their offers while these last. */
    private long longestPause() {
        return waiting.keySet().stream()
                .mapToLong(claim -> offeredNanos(claim.requester().offerTime()))
                .min()
                .orElse(Long.MAX_VALUE);
    }

    private static long offeredNanos(Duration offerTime) {
        return offerTime.toNanos() / OFFER_PARTS * (OFFER_PARTS - 1);
    }

    /** Returns how long an offer has to last so that a waiter finds it which looks with pauses. */
    static Duration offerTime(Duration longestPause) {
        return longestPause.multipliedBy(OFFER_PARTS).dividedBy(OFFER_PARTS - 1);
    }

    private boolean look(Connection connection, JdbcTable table) throws SQLException {
        List<Claim> claims = List.copyOf(waiting.keySet());
        Set<String> ids = new HashSet<>();
        claims.forEach(claim -> ids.add(id(claim)));
        if (ids.isEmpty()) {
            return false;
        }
        Map<String, JdbcTable.Row> rows = table.read(connection, ids);
        boolean found = false;
        for (Claim claim : claims) {
            JdbcTable.Row row = rows.get(id(claim));
            if (row != null && new KeyState(row.token(), row.state()).isTurn(claim, row.readAt())) {
                found = true;
                listener.turn(claim.id());
            }
        }
        return found;
    }

    private static String id(Claim claim) {
        return JdbcTable.id(claim.requester().lock(), claim.key());
    }

    @Override
    public void close() {
        closed = true;
        Thread running = thread;
        if (running != null) {
            LockSupport.unpark(running);
        }
    }
}
