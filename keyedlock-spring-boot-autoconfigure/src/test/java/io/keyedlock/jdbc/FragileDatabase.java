// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Supplier;
import org.springframework.jdbc.datasource.AbstractDataSource;

/**
 * A pool of a kind that nobody knows, whose connections can all be made to fail. Restores no settings; the connections that it
 * opens are serializable and without auto-commit.
 */
final class FragileDatabase extends AbstractDataSource implements AutoCloseable {

    private final JdbcDatabase database;
    private final boolean reuses;
    private final List<Fragile> opened = new CopyOnWriteArrayList<>();
    private final Deque<Fragile> free = new ConcurrentLinkedDeque<>();

    /** Creates a pool, or a source that opens a connection each time. */
    FragileDatabase(JdbcDatabase database, boolean reuses) {
        this.database = database;
        this.reuses = reuses;
    }

    private final class Fragile {

        private final Connection real;
        private volatile Supplier<SQLException> failure;

        Fragile(Connection real) {
            this.real = real;
        }

        boolean isClosed() {
            try {
                return real.isClosed();
            } catch (SQLException e) {
                throw new IllegalStateException(e);
            }
        }

        Connection handle() {
            return proxy(Connection.class, real);
        }

        private <T> T proxy(Class<T> type, T target) {
            return type.cast(Proxy.newProxyInstance(
                    FragileDatabase.class.getClassLoader(),
                    new Class<?>[] {type},
                    (proxy, method, arguments) -> call(target, method, arguments)));
        }

        private Object call(Object target, Method method, Object[] arguments) throws Throwable {
            String name = method.getName();
            if (failure != null && name.equals("isValid")) {
                return false;
            }
            if (failure != null && name.startsWith("execute")) {
                throw failure.get();
            }
            if (target == real && name.equals("abort")) {
                real.close();
                return null;
            }
            if (target == real && name.equals("close") && reuses && !real.isClosed()) {
                free.push(this);
                return null;
            }
            try {
                Object result = method.invoke(target, arguments);
                if (result instanceof PreparedStatement statement) {
                    return proxy(PreparedStatement.class, statement);
                }
                return result instanceof Statement statement ? proxy(Statement.class, statement) : result;
            } catch (InvocationTargetException e) {
                throw e.getCause();
            }
        }
    }

    @Override
    public Connection getConnection() throws SQLException {
        Fragile next = free.poll();
        if (next == null) {
            Connection real = DriverManager.getConnection(database.url(), database.user(), "");
            real.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
            real.setAutoCommit(false);
            next = new Fragile(real);
            opened.add(next);
        }
        return next.handle();
    }

    @Override
    public Connection getConnection(String user, String password) throws SQLException {
        return getConnection();
    }

    /** Has all statements fail that are made on the connections that have been opened until now. */
    void breakConnections(Supplier<SQLException> failure) {
        opened.forEach(each -> each.failure = failure);
    }

    /** Returns the connections that were returned to the pool. */
    List<Connection> returned() {
        List<Connection> connections = new ArrayList<>();
        free.forEach(each -> connections.add(each.real));
        return connections;
    }

    /** Returns how many connections are open and not in the pool. */
    long inUse() {
        return opened.stream()
                .filter(each -> !each.isClosed() && !free.contains(each))
                .count();
    }

    @Override
    public void close() throws SQLException {
        for (Fragile each : opened) {
            each.real.close();
        }
    }
}
