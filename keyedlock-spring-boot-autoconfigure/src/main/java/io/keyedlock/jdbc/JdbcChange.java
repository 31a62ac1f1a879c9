// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import io.keyedlock.lease.LeaseStore.Claim;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A call of a store about one claim: a change of the state of its key.
 *
 * @param id the id of the row
 * @param single makes the change if it is alone
 * @param step makes the change in a transaction
 * @param answer the future of the caller, which is done early if the caller gives up
 */
record JdbcChange<T>(Claim claim, String id, SingleStatement<T> single, Step<T> step, CompletableFuture<T> answer) {

    /** Makes a change by one statement, and commits it. Returns null, and changes nothing, if that is not possible. */
    interface SingleStatement<T> {
        @Nullable
        T apply(Connection connection, JdbcTable table, String id) throws SQLException;
    }

    /** Changes the state of a key, and returns the answer. */
    interface Step<T> {
        T apply(KeyState state, long now, List<String> offers);
    }

    /** Returns an action that completes the answer, or null if a transaction has to make the change. */
    @Nullable
    Runnable applyAlone(Connection connection, JdbcTable table) throws SQLException {
        T result = single.apply(connection, table, id);
        return result == null ? null : () -> answer.complete(result);
    }

    /** Returns an action that completes the answer after the commit. */
    Runnable apply(KeyState state, long now, List<String> offers) {
        T result = step.apply(state, now, offers);
        return () -> answer.complete(result);
    }

    /** Fails the answer. Returns true. */
    boolean fail(Throwable failure) {
        answer.completeExceptionally(failure);
        return true;
    }
}
