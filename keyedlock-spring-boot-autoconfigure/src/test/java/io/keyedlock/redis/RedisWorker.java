// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import io.keyedlock.lease.Worker;
import java.util.List;
import org.springframework.data.redis.connection.lettuce.LettuceConnectionFactory;
import org.springframework.data.redis.core.StringRedisTemplate;

/** A {@link Worker} on Redis, at a port. */
public final class RedisWorker {

    /** Stores a value unless its token is older than the last one. */
    private static final String STORE = """
            if tonumber(ARGV[1]) < tonumber(redis.call('HGET', KEYS[1], 'token') or '0') then return 0 end
            redis.call('HSET', KEYS[1], 'token', ARGV[1], 'value', ARGV[2])
            return 1
            """;

    private RedisWorker() {}

    /** Runs the worker. */
    public static void main(String[] args) throws Exception {
        int port = Integer.parseInt(args[0]);
        LettuceConnectionFactory connections = RedisProcess.factory(port);
        Worker.run(
                new RedisLeaseStore(connections, RedisLeaseStore.DEFAULT_PREFIX),
                new InRedis(new StringRedisTemplate(RedisProcess.factory(port)), args[1]),
                args);
    }

    /** The records of workers in Redis. */
    record InRedis(StringRedisTemplate redis, String locker) implements Worker.Witnesses {

        @Override
        public long enter(String key) {
            return redis.opsForValue().increment(name("inside", key));
        }

        @Override
        public void count(String key) {
            redis.opsForValue().set(name("count", key), Long.toString(counted(key) + 1));
        }

        @Override
        public void leave(String key) {
            redis.opsForValue().decrement(name("inside", key));
        }

        @Override
        public boolean store(String key, long token, String value) {
            return RedisWorker.store(redis, locker, token, value);
        }

        long counted(String key) {
            String count = redis.opsForValue().get(name("count", key));
            return count == null ? 0 : Long.parseLong(count);
        }

        private String name(String what, String key) {
            return "witness:" + locker + ":" + what + ":" + key;
        }
    }

    /** Stores a value unless a newer token has stored one. */
    static boolean store(StringRedisTemplate redis, String name, long token, String value) {
        return redis.execute(
                        org.springframework.data.redis.core.script.RedisScript.of(STORE, Long.class),
                        List.of("store:" + name),
                        Long.toString(token),
                        value)
                == 1;
    }
}
