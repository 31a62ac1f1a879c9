// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which failures a wait mends. */
class JdbcFailuresTests {

    @ParameterizedTest
    @ValueSource(ints = {1203, 1226})
    void tooManyConnectionsOfAUserAreTemporaryAndNoRefusal(int code) {
        SQLException failure = new SQLException("has exceeded the 'max_user_connections' resource", "42000", code);
        assertThat(JdbcFailures.isTemporary(failure)).isTrue();
        assertThat(JdbcFailures.isRefused(failure)).isFalse();
    }

    @Test
    void aWrongPasswordIsARefusalAlsoIfAPoolReportsIt() {
        assertThat(JdbcFailures.isRefused(new SQLTransientConnectionException("Connection is not available", "28P01")))
                .isTrue();
    }
}
