// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.LockBackendException;
import io.keyedlock.Permit;
import io.keyedlock.lease.LeaseBackend;
import io.keyedlock.lease.LeaseSettings;
import io.keyedlock.lease.Leases;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.data.redis.connection.lettuce.LettuceConnectionFactory;

/** Servers with missing features or risky settings, and the warnings about them. */
@ExtendWith(OutputCaptureExtension.class)
class RedisServerTests {

    private static final KeyedLockerSettings SETTINGS =
            KeyedLockerSettings.defaults().withName("server");

    private static final LeaseSettings QUICK = LeaseSettings.defaults().withBackendTimeout(Duration.ofSeconds(2));

    private static Leases leases(LettuceConnectionFactory factory) {
        return Leases.create(new RedisLeaseStore(factory, RedisLeaseStore.DEFAULT_PREFIX), "test");
    }

    @Test
    void withoutChannelsWaitersFindTheirTurnByHeartbeatsAndOneWarningNamesTheRight(CapturedOutput output)
            throws Exception {
        try (RedisProcess redis = new RedisProcess("acl-pubsub-default resetchannels")) {
            waitersOfAUserWithoutChannelsAreServed(redis, output);
        }
    }

    static void waitersOfAUserWithoutChannelsAreServed(RedisProcess redis, CapturedOutput output) throws Exception {
        redis.ask("ACL SETUSER shop on >secret ~keyedlock:v1:* +@all");
        try (Leases one = leases(redis.factory("shop", "secret"));
                Leases other = leases(redis.factory("shop", "secret"));
                KeyedLocker<String> here = KeyedLocker.createOn(one.backend(SETTINGS, QUICK), SETTINGS);
                KeyedLocker<String> there = KeyedLocker.createOn(other.backend(SETTINGS, QUICK), SETTINGS)) {
            for (int i = 0; i < 3; i++) {
                Permit held = here.acquire("k", Duration.ofMinutes(1));
                CompletableFuture<Permit> waits = there.acquireAsync("k", Duration.ofMinutes(1));
                RedisProcess.until(() -> redis.keys().contains("keyedlock:v1:{server}:queue:s:k"));
                held.close();
                waits.get(60, TimeUnit.SECONDS).close();
            }
            RedisProcess.until(() -> output.toString().contains("Redis rejects PUBLISH"));
            assertThat(output.toString())
                    .contains("ACL SETUSER <user> +publish +subscribe &keyedlock:v1:*")
                    .doesNotContain("cannot be reached")
                    .doesNotContain("lost");
            // One warning for each of the two processes.
            assertThat(output.toString().split("Redis rejects PUBLISH", -1)).hasSizeLessThanOrEqualTo(3);
        }
    }

    @Test
    void documentedRightsAreEnough(CapturedOutput output) throws Exception {
        try (RedisProcess redis = new RedisProcess("acl-pubsub-default resetchannels");
                Leases one = leases(redis.factoryWithDocumentedRights());
                Leases other = leases(redis.factoryWithDocumentedRights());
                KeyedLocker<String> here = KeyedLocker.createOn(one.backend(SETTINGS, QUICK), SETTINGS);
                KeyedLocker<String> there = KeyedLocker.createOn(other.backend(SETTINGS, QUICK), SETTINGS)) {
            one.backend(SETTINGS, QUICK).connect();
            other.backend(SETTINGS, QUICK).connect();
            Permit held = here.acquire("k", Duration.ofMinutes(1));
            CompletableFuture<Permit> waits = there.acquireAsync("k", Duration.ofMinutes(1));
            RedisProcess.until(() -> redis.keys().contains("keyedlock:v1:{server}:queue:s:k"));
            held.close();
            waits.get(60, TimeUnit.SECONDS).close();
            assertThat(output).doesNotContain("Redis rejects").doesNotContain("NOPERM");
        }
    }

    @Test
    void theReasonOfAnOutageIsReported(CapturedOutput output) {
        try (RedisProcess redis = new RedisProcess("requirepass secret")) {
            assertFails(redis.factory("default", "wrong"), "WRONGPASS");
            assertFails(redis.factory(), "NOAUTH");
            RedisProcess.until(() -> output.toString().contains("redis cannot be reached: "));
        }
        try (RedisProcess redis = new RedisProcess("min-replicas-to-write 1")) {
            assertFails(redis.factory(), "NOREPLICAS");
        }
        try (RedisProcess master = new RedisProcess();
                RedisProcess replica = new RedisProcess("replicaof 127.0.0.1 " + master.port())) {
            assertFails(replica.factory(), "READONLY");
        }
    }

    private static void assertFails(LettuceConnectionFactory factory, String reason) {
        try (Leases leases = leases(factory)) {
            LeaseBackend backend = leases.backend(SETTINGS, QUICK);
            RedisProcess.until(() -> catchThrowable(backend::connect) instanceof LockBackendException failure
                    && failure.getMessage().contains(reason));
            RedisProcess.until(() -> !backend.isAvailable());
        }
    }

    @Test
    void aServerThatMayEvictLeasesIsReportedOnce(CapturedOutput output) {
        try (RedisProcess redis = new RedisProcess("maxmemory 100mb", "maxmemory-policy allkeys-lru");
                Leases leases = leases(redis.factory())) {
            leases.backend(SETTINGS, LeaseSettings.defaults()).connect();
            leases.backend(SETTINGS, LeaseSettings.defaults()).connect();
            RedisProcess.until(() -> output.toString().contains("The eviction policy of Redis is 'allkeys-lru'"));
            assertThat(output.toString().split("The eviction policy", -1)).hasSize(2);
        }
    }

    @Test
    void anOldServerAndReplicasWithoutAMinimumAreReported() {
        String info = "redis_version:6.0.9\r\nmaxmemory_policy:noeviction\r\nconnected_slaves:1\r\n";
        assertThat(RedisServerCheck.examine("\n" + info))
                .extracting(RedisServerCheck.Finding::isWarning)
                .containsExactly(true, false);
        assertThat(RedisServerCheck.examine("\n" + info.replace("6.0.9", "7.2.4") + "min_slaves_good_slaves:1"))
                .isEmpty();
        assertThat(RedisServerCheck.examine("\n")).isEqualTo(List.of());
    }
}
