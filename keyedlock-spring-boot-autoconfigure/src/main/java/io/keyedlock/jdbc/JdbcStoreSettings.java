// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import java.time.Duration;
import java.util.Objects;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * How a {@link JdbcLeaseStore} uses its database.
 *
 * @param initializeSchema when the store creates its table
 * @param platform {@code postgresql}, {@code mysql}, {@code mariadb} or {@code h2}, or null to find out from the database
 * @param tablePrefix the prefix of the table's name, which may begin with a schema
 * @param tokenRetention how long the last fencing token of a key is kept after its last use
 * @param pollMin how long after a look for turns the next follows at the earliest, where the database does not notify
 * @param pollMax the same at the latest, when nothing has changed for some time
 * @since 0.1.0
 */
public record JdbcStoreSettings(
        InitializeSchema initializeSchema,
        @Nullable String platform,
        String tablePrefix,
        Duration tokenRetention,
        Duration pollMin,
        Duration pollMax) {

    private static final Pattern PREFIX = Pattern.compile("([A-Za-z_][A-Za-z0-9_]*\\.)?[A-Za-z_][A-Za-z0-9_]*");

    private static final Duration SHORTEST_POLL = Duration.ofMillis(1);

    private static final Duration SHORTEST_RETENTION = Duration.ofDays(1);

    private static final JdbcStoreSettings DEFAULTS = new JdbcStoreSettings(
            InitializeSchema.EMBEDDED,
            null,
            "KEYEDLOCK_",
            Duration.ofDays(30),
            Duration.ofMillis(25),
            Duration.ofSeconds(1));

    /** When the store creates its table. */
    public enum InitializeSchema {
        /** If it is missing from an H2 database in memory. */
        EMBEDDED,
        /** If it is missing. */
        ALWAYS,
        /** Never. */
        NEVER
    }

    /**
     * Creates settings.
     *
     * @param initializeSchema when the store creates its table
     * @param platform the platform, or null to find out from the database
     * @param tablePrefix the prefix of the table's name
     * @param tokenRetention how long the last fencing token of a key is kept
     * @param pollMin the shortest pause between two looks for turns
     * @param pollMax the longest pause
     * @throws IllegalArgumentException if the platform is unknown, the prefix is not part of a plain name, or a time is too short
     */
    public JdbcStoreSettings {
        Objects.requireNonNull(initializeSchema, "initializeSchema");
        if (platform != null) {
            JdbcPlatform.of(platform);
        }
        if (!PREFIX.matcher(tablePrefix).matches()) {
            throw new IllegalArgumentException(
                    "keyedlock.jdbc.table-prefix must consist of letters, digits and underscores,"
                            + " after a schema and a dot if need be, but is '" + tablePrefix + "'");
        }
        if (tokenRetention.compareTo(SHORTEST_RETENTION) < 0) {
            throw new IllegalArgumentException(
                    "keyedlock.jdbc.token-retention must be a day or more, but is " + tokenRetention);
        }
        if (pollMin.compareTo(SHORTEST_POLL) < 0 || pollMax.compareTo(pollMin) < 0) {
            throw new IllegalArgumentException(
                    "keyedlock.jdbc.poll-min must be 1 ms or more, and keyedlock.jdbc.poll-max"
                            + " not less, but they are " + pollMin + " and " + pollMax);
        }
    }

    /**
     * Returns the default settings.
     *
     * @return the prefix {@code KEYEDLOCK_}, tables created in embedded databases only, tokens kept for 30 days, and looks for
     *     turns after 25 ms to 1 s
     */
    public static JdbcStoreSettings defaults() {
        return DEFAULTS;
    }

    /**
     * Returns these settings with another time for the creation of the table.
     *
     * @param when when the store creates its table
     * @return the new settings
     */
    public JdbcStoreSettings withInitializeSchema(InitializeSchema when) {
        return new JdbcStoreSettings(when, platform, tablePrefix, tokenRetention, pollMin, pollMax);
    }

    String table() {
        return tablePrefix + "KEY";
    }
}
