// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import io.keyedlock.lease.LeaseStore;
import io.keyedlock.lease.LeaseStoreContract;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

/**
 * Tests the installed Redis, newer than the one that the tests bring. Without an installed Redis, they are
 * skipped, but with {@code CI=true} they fail.
 */
@ExtendWith(OutputCaptureExtension.class)
class InstalledRedisTests extends LeaseStoreContract {

    private static final String COMMAND = "redis-server";

    private static RedisProcess redis;

    @BeforeAll
    static void start() {
        redis = server();
    }

    @AfterAll
    static void stop() {
        if (redis != null) {
            redis.close();
        }
    }

    private static RedisProcess server() {
        Path server = Stream.of(System.getenv("PATH").split(File.pathSeparator, -1))
                .map(directory -> Path.of(directory, COMMAND))
                .filter(Files::isExecutable)
                .findFirst()
                .orElse(null);
        if (server == null) {
            String missing = "There is no " + COMMAND + " on the PATH. Install it: apt-get install redis-server";
            if ("true".equals(System.getenv("CI"))) {
                throw new IllegalStateException(missing);
            }
            Assumptions.abort(missing);
        }
        return new RedisProcess(server::toFile);
    }

    @Override
    protected LeaseStore create() {
        return new RedisLeaseStore(redis.factory(), RedisLeaseStore.DEFAULT_PREFIX);
    }

    /** Since Redis 7 a new user has no channels. */
    @Test
    void aUserWithoutChannelsFindsItsTurnByHeartbeats(CapturedOutput output) throws Exception {
        try (RedisProcess other = server()) {
            RedisServerTests.waitersOfAUserWithoutChannelsAreServed(other, output);
        }
    }
}
