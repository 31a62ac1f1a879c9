// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.KeyedLocker;
import io.keyedlock.Permit;
import io.keyedlock.lease.LeaseStore;
import io.keyedlock.lease.LockersOnAStoreContract;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.springframework.data.redis.connection.lettuce.LettuceConnectionFactory;

/** Tests the contract of lockers on a real Redis. */
class RedisLockerTests extends LockersOnAStoreContract {

    private static RedisProcess redis;

    @BeforeAll
    static void start() {
        redis = new RedisProcess();
    }

    @AfterAll
    static void stop() {
        redis.close();
    }

    @Override
    protected LeaseStore create() {
        return store(redis.factoryWithDocumentedRights());
    }

    private static LeaseStore store(LettuceConnectionFactory client) {
        return new RedisLeaseStore(client, RedisLeaseStore.DEFAULT_PREFIX);
    }

    private String name(String what) {
        return "keyedlock:v1:{" + lock + "}:" + what;
    }

    private long size(String what) {
        return redis.template().opsForZSet().zCard(name(what));
    }

    @Override
    protected long waiters(String keyName) {
        return size("queue:" + keyName);
    }

    @Override
    protected boolean isHeld(String keyName) {
        return size("holders:" + keyName) > 0;
    }

    /** In milliseconds. */
    @Override
    protected long endOfLease(String keyName) {
        return redis.template()
                .opsForZSet()
                .rangeWithScores(name("holders:" + keyName), 0, 0)
                .iterator()
                .next()
                .getScore()
                .longValue();
    }

    @Override
    protected void loseLease(String keyName) {
        redis.template().delete(name("holders:" + keyName));
    }

    @Override
    protected boolean isEmpty() {
        return redis.leasesAndQueues().isEmpty();
    }

    @Override
    protected void checkWhatRemains() {
        assertThat(redis.keys()).contains(name("token"));
        assertThat(redis.template().getExpire(name("token"))).isEqualTo(-1);
        assertThat(redis.keys())
                .filteredOn(key -> key.startsWith(name("gone:")))
                .isNotEmpty()
                .allSatisfy(key -> assertThat(redis.template().getExpire(key)).isNotNegative());
    }

    @Test
    void releaseReachesRedisBeforeTheLockerAndItsClientAreClosed() throws Exception {
        for (int i = 0; i < 10; i++) {
            LettuceConnectionFactory own = redis.factory();
            KeyedLocker<Object> locker = locker(store(own));
            locker.acquire("k").close();
            locker.close();
            own.destroy();
            assertThat(isHeld("s:k")).isFalse();
        }
        locker(create()).acquire("k").close();
    }

    @Test
    void tokensGrowEvenWhenTheCounterIsGone() throws Exception {
        KeyedLocker<Object> one = locker(create());
        Permit before = one.acquire("k");
        before.close();
        redis.template().delete(name("token"));
        Permit after = one.acquire("k");
        assertThat(token(after)).isGreaterThan(token(before));
        after.close();
    }
}
