// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.redisson.api.RScript;
import org.redisson.client.RedisNoScriptException;

/**
 * What is done in Redis in one step. All times are Redis' own.
 *
 * <p>A key's leases are in {@code holders}, and those who wait in {@code queue}, by a number that was drawn as they came;
 * {@code alive} says until when each of them is believed to wait still. All of it expires by itself, should everybody die.
 */
enum RedisScript {
    /**
     * Takes a permit, or a place in the queue. Keys: token, held, holders, queue, alive. Arguments: id, limit, lease,
     * patience (how long the place is kept without a sign of life, 0 for no place). Answers {1, token}, {0}, or {-1, limit}
     * where another limit is in use. Asking again with the same id is harmless.
     */
    ACQUIRE("""
            local other = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
            if other then
              local limit = string.match(other, '^%d+')
              if limit ~= ARGV[2] then return {-1, tonumber(limit)} end
            end
            if redis.call('EXISTS', KEYS[1]) == 0 then
              redis.call('SET', KEYS[1], time[1] .. string.format('%06d', time[2]))
            end
            forget_ended(KEYS[3])
            forget_dead(KEYS[4], KEYS[5])
            local free = ARGV[2] - redis.call('ZCARD', KEYS[3])
            local rank = redis.call('ZRANK', KEYS[4], ARGV[1]) or redis.call('ZCARD', KEYS[4])
            if rank < free or redis.call('ZSCORE', KEYS[3], ARGV[1]) then
              leave_queue(KEYS[4], KEYS[5], ARGV[1])
              hold(KEYS[3], ARGV[1], ARGV[3])
              hold(KEYS[2], ARGV[2] .. ' ' .. ARGV[1], ARGV[3])
              return {1, redis.call('INCR', KEYS[1])}
            end
            if ARGV[4] ~= '0' then
              if not redis.call('ZSCORE', KEYS[4], ARGV[1]) then
                redis.call('ZADD', KEYS[4], redis.call('INCR', KEYS[1]), ARGV[1])
              end
              hold(KEYS[5], ARGV[1], ARGV[4])
              keep(KEYS[4], ARGV[4])
            end
            return {0}
            """),

    /**
     * Gives a permit back, or a place in the queue, and tells those whose turn it is. Keys: held, holders, queue, alive.
     * Arguments: id, limit, channel. Answers {1} if a permit was held, else {0}.
     */
    LEAVE("""
            local ends = redis.call('ZSCORE', KEYS[2], ARGV[1])
            redis.call('ZREM', KEYS[1], ARGV[2] .. ' ' .. ARGV[1])
            redis.call('ZREM', KEYS[2], ARGV[1])
            leave_queue(KEYS[3], KEYS[4], ARGV[1])
            forget_ended(KEYS[2])
            forget_dead(KEYS[3], KEYS[4])
            local free = ARGV[2] - redis.call('ZCARD', KEYS[2])
            if free > 0 then
              local first = redis.call('ZRANGE', KEYS[3], 0, free - 1)
              if #first > 0 then
                redis.call('PUBLISH', ARGV[3], table.concat(first, ' '))
              end
            end
            return {(ends and tonumber(ends) > now) and 1 or 0}
            """),

    /**
     * Renews leases and places. Keys: held, then holders, queue, alive of each. Arguments: limit, lease, patience, then kind
     * (h or w) and id of each. Answers first the limit that others use, then for each 0 if it is gone, 1 if it was renewed,
     * 2 if it waits and it is its turn.
     */
    HEARTBEAT("""
            local other = redis.call('ZRANGE', KEYS[1], 0, 0)[1]
            local answers = {other and tonumber(string.match(other, '^%d+')) or tonumber(ARGV[1])}
            for i = 1, (#ARGV - 3) / 2 do
              local id = ARGV[2 * i + 3]
              local holders, queue, alive = KEYS[3 * i - 1], KEYS[3 * i], KEYS[3 * i + 1]
              local answer = 0
              forget_ended(holders)
              if ARGV[2 * i + 2] == 'h' then
                if redis.call('ZSCORE', holders, id) then
                  hold(holders, id, ARGV[2])
                  hold(KEYS[1], ARGV[1] .. ' ' .. id, ARGV[2])
                  answer = 1
                end
              else
                forget_dead(queue, alive)
                local rank = redis.call('ZRANK', queue, id)
                if rank then
                  hold(alive, id, ARGV[3])
                  keep(queue, ARGV[3])
                  answer = rank < ARGV[1] - redis.call('ZCARD', holders) and 2 or 1
                end
              end
              answers[i + 1] = answer
            end
            return answers
            """);

    private static final String COMMON = """
            local time = redis.call('TIME')
            local now = time[1] * 1000 + math.floor(time[2] / 1000)
            local function keep(key, millis)
              if redis.call('PTTL', key) < tonumber(millis) then
                redis.call('PEXPIRE', key, millis)
              end
            end
            local function hold(key, id, millis)
              redis.call('ZADD', key, now + millis, id)
              keep(key, millis)
            end
            local function forget_ended(key)
              redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
            end
            local function leave_queue(queue, alive, id)
              redis.call('ZREM', queue, id)
              redis.call('ZREM', alive, id)
            end
            local function forget_dead(queue, alive)
              for _, dead in ipairs(redis.call('ZRANGEBYSCORE', alive, '-inf', now)) do
                leave_queue(queue, alive, dead)
              end
            end
            """;

    private final String text;
    private final String digest;

    RedisScript(String body) {
        // Every script has the locker's leases among its keys; who looks at the limit in use must see none that has
        // ended.
        String held = name().equals("ACQUIRE") ? "KEYS[2]" : "KEYS[1]";
        this.text = COMMON + "forget_ended(" + held + ")\n" + body;
        this.digest = sha1(text);
    }

    private static String sha1(String text) {
        try {
            MessageDigest sha1 = MessageDigest.getInstance("SHA-1");
            return HexFormat.of().formatHex(sha1.digest(text.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JVM has SHA-1", e);
        }
    }

    /** Runs it, by its digest, or as a whole where Redis does not know it yet. */
    CompletableFuture<List<Long>> run(RScript scripts, List<Object> keys, Object... arguments) {
        CompletableFuture<List<Long>> known = scripts.<List<Long>>evalShaAsync(
                        RScript.Mode.READ_WRITE, digest, RScript.ReturnType.LIST, keys, arguments)
                .toCompletableFuture();
        return known.handle((answers, failure) -> {
                    if (failure != null && isUnknown(failure)) {
                        return scripts.<List<Long>>evalAsync(
                                        RScript.Mode.READ_WRITE, text, RScript.ReturnType.LIST, keys, arguments)
                                .toCompletableFuture();
                    }
                    return known;
                })
                .thenCompose(result -> result);
    }

    private static boolean isUnknown(Throwable failure) {
        Throwable cause =
                failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
        return cause instanceof RedisNoScriptException;
    }
}
