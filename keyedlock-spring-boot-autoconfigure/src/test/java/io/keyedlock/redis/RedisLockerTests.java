// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import io.keyedlock.lease.LeaseStore;
import io.keyedlock.lease.LockersOnAStoreContract;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** Lockers do on Redis what they do on other stores. */
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
        return new RedisLeaseStore(redis.factory(), RedisLeaseStore.DEFAULT_PREFIX);
    }
}
