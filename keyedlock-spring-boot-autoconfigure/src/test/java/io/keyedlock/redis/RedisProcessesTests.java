// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.KeyedLocker;
import io.keyedlock.Permit;
import io.keyedlock.lease.LeaseStore;
import io.keyedlock.lease.ProcessesContract;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Several JVMs on one real Redis. */
class RedisProcessesTests extends ProcessesContract {

    private RedisProcess redis;

    @BeforeEach
    void start() {
        redis = new RedisProcess();
    }

    @Override
    protected void stopServer() {
        redis.close();
    }

    @Override
    protected LeaseStore create() {
        return new RedisLeaseStore(redis.factory(), RedisLeaseStore.DEFAULT_PREFIX);
    }

    @Override
    protected Class<?> worker() {
        return RedisWorker.class;
    }

    @Override
    protected String address() {
        return Integer.toString(redis.port());
    }

    @Override
    protected RedisWorker.InRedis witnesses() {
        return new RedisWorker.InRedis(redis.template(), NAME);
    }

    @Override
    protected long counted(String key) {
        return witnesses().counted(key);
    }

    @Override
    protected String stored() {
        return (String) redis.template().opsForHash().get("store:" + NAME, "value");
    }

    /** In milliseconds. */
    @Override
    protected List<Long> endOfLeaseAndNow() {
        String both = redis.template()
                .execute(
                        org.springframework.data.redis.core.script.RedisScript.of("""
                                local lease = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
                                local now = redis.call('TIME')
                                return string.format('%.0f %.0f', lease[2] or 0, now[1] * 1000 + math.floor(now[2] / 1000))
                                """, String.class),
                        List.of("keyedlock:v1:{" + NAME + "}:holders:s:k"));
        return Stream.of(both.split(" ", 2)).map(Long::parseLong).toList();
    }

    @Override
    protected boolean isEmpty() {
        return redis.leasesAndQueues().isEmpty();
    }

    @Override
    protected void whileDown(Runnable task) {
        redis.stop();
        task.run();
        redis.start();
    }

    @Test
    void aRestartWithoutDataLosesTheLeasesAndReportsThem() throws Exception {
        KeyedLocker<Object> one = locker(Duration.ofMinutes(1), OUTAGE);
        Permit held = one.acquire("k");
        long token = held.fencingToken().orElseThrow();
        whileDown(redis::forgetEverything);

        until(() -> lost.contains("k"));
        KeyedLocker<Object> other = locker(Duration.ofMinutes(1), OUTAGE);
        Permit later = other.acquire("k", Duration.ofMinutes(1));
        assertThat(later.fencingToken().orElseThrow()).isGreaterThan(token);
        held.close();
        assertThat(one.activeKeyCount()).isZero();
        later.close();
    }
}
