// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import io.keyedlock.lease.LeaseStore;
import io.keyedlock.lease.LeaseStoreContract;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** Tests the store contract on a real Redis. */
class RedisLeaseStoreTests extends LeaseStoreContract {

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
