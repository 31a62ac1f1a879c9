// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * The scripts that run in Redis as one atomic step. All times are taken from Redis. Scripts answer with texts.
 *
 * <p>A member of {@code holders} and {@code queue} is the limit of the requester and the id of the claim, joined by a space. An
 * id begins with the id of the process and a dot.
 *
 * <p>The state of a waiter consists of the time until which it is assumed to wait, the time since which a free lease has been
 * offered to it (or 0), how long an offer lasts, and the time at which it was queued or sent its last heartbeat. A waiter
 * without a state is removed, because its state was evicted.
 */
enum RedisScript {
    /**
     * Grants a lease, or queues the claim. Keys: token, {@link RedisNames#keys}, {@link RedisNames#gone}. Arguments: channels,
     * limit, requester, number, whether the claim waits (1 or 0), lease time, patience, offer time, owner. Answers "outcome
     * token otherLimit denied", where the outcome is 0 (taken), 1 (granted) or 2 (queued).
     */
    ACQUIRE("""
            local token, holders, owners, queue, waiters, gone = unpack(KEYS)
            local channels, limit, requester, number, waits, lease, patience, offer_time, owner = unpack(ARGV)
            local id = requester .. ':' .. number
            local member = limit .. ' ' .. id
            local count, found = live_holders(holders, owners)
            local other = '0'
            local held = count > #found / 2 and redis.call('ZSCORE', holders, member)
            for i = 1, #found, 2 do
              local its_limit, its_requester = string.match(found[i], '^(%d+) (.*):')
              held = held or found[i] == member
              if its_limit ~= limit and its_requester ~= requester then other = its_limit end
            end
            if held then
              local known = redis.call('HGET', owners, id)
              if not known then
                known = next_token(token) .. ' ' .. owner
                redis.call('HSET', owners, id, known)
                redis.call('PEXPIRE', owners, lease)
              end
              hold(holders, owners, member, lease)
              return '1 ' .. string.match(known, '^%d+') .. ' ' .. other .. ' '
            end
            local last = redis.call('GET', gone)
            if last and tonumber(number) <= tonumber(last) and not redis.call('ZSCORE', queue, member) then
              return '0 0 ' .. other .. ' '
            end
            if count < tonumber(limit) then
              local is_free, is_queued = offer(holders, owners, queue, waiters, channels, member, count)
              if is_free then
                if is_queued then
                  redis.call('ZREM', queue, member)
                  redis.call('HDEL', waiters, member)
                end
                local granted = next_token(token)
                redis.call('HSET', owners, id, granted .. ' ' .. owner)
                hold(holders, owners, member, lease, count == 0)
                return '1 ' .. granted .. ' ' .. other .. ' ' .. denied
              end
            end
            if waits == '0' then
              return '0 0 ' .. other .. ' ' .. denied
            end
            local heartbeat = now
            if redis.call('ZADD', queue, 'NX', text(micros), member) == 0 then
              local _, _, _, known = waiter(waiters, member)
              heartbeat = known or now
            end
            set_waiter(waiters, member, now + patience, 0, offer_time, heartbeat)
            keep(patience, queue, waiters)
            return '2 0 ' .. other .. ' ' .. denied
            """),

    /**
     * Releases a lease or a place in the queue, and offers free leases. Keys: {@link RedisNames#keys}, {@link RedisNames#gone}.
     * Arguments: channels, limit, requester, number, how long the release is remembered. Answers "released denied", where
     * "released" is 1 or 0.
     */
    RELEASE("""
            local holders, owners, queue, waiters, gone = unpack(KEYS)
            local channels, limit, requester, number, remembered = unpack(ARGV)
            local id = requester .. ':' .. number
            local member = limit .. ' ' .. id
            local ends = redis.call('ZSCORE', holders, member)
            redis.call('HDEL', owners, id)
            if ends then
              redis.call('ZREM', holders, member)
            else
              redis.call('ZREM', queue, member)
              redis.call('HDEL', waiters, member)
            end
            local last = redis.call('SET', gone, number, 'PX', remembered, 'GET')
            if last and tonumber(last) > tonumber(number) then
              redis.call('SET', gone, last, 'PX', remembered)
            end
            offer(holders, owners, queue, waiters, channels)
            local released = last == number or (ends and tonumber(ends) > now)
            return (released and '1 ' or '0 ') .. denied
            """),

    /**
     * Renews leases and places in queues. Keys: {@link RedisNames#keys} of each claim. Arguments: channels, then for each claim
     * its limit, id, lease time and patience. Answers "states denied", with a digit for each claim: 0 (gone), 1 (renewed), 2
     * (waits) or 3 (waits, and it is its turn).
     */
    HEARTBEAT("""
            local answers = {}
            -- Redis allows this command when its memory is full, and then also allows the rest of the script.
            redis.call('HDEL', KEYS[2], '')
            for i = 0, #KEYS / 4 - 1 do
              local holders, owners, queue, waiters = unpack(KEYS, 4 * i + 1, 4 * i + 4)
              local limit, id, lease, patience = unpack(ARGV, 4 * i + 2, 4 * i + 5)
              local member = limit .. ' ' .. id
              local lease_ends = redis.call('ZSCORE', holders, member)
              if lease_ends and tonumber(lease_ends) > now then
                hold(holders, owners, member, lease)
                answers[i + 1] = '1'
              else
                local ends, offered, offer_time, heartbeat = waiter(waiters, member)
                if not ends or ends <= now or not redis.call('ZSCORE', queue, member) then
                  redis.call('ZREM', queue, member)
                  redis.call('HDEL', waiters, member)
                  answers[i + 1] = '0'
                else
                  keep(patience, queue, waiters)
                  local turn = offer(holders, owners, queue, waiters, ARGV[1], member)
                  if not turn then
                    offered = 0
                  elseif offered == 0 then
                    offered = now
                  end
                  set_waiter(waiters, member, now + patience, offered, offer_time, now)
                  answers[i + 1] = turn and '3' or '2'
                end
              end
            end
            return table.concat(answers) .. ' ' .. denied
            """),

    /** Lists holders. Keys: the first two of {@link RedisNames#keys}. Answers lines of "requester age left owner", in ms. */
    HOLDERS("""
            local lines = {}
            local holders = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
            for i = 1, #holders, 2 do
              local left = tonumber(holders[i + 1]) - now
              local id = string.match(holders[i], ' (.*)$')
              local since, owner = string.match(redis.call('HGET', KEYS[2], id) or '', '^(%d+) (.*)$')
              if left > 0 then
                lines[#lines + 1] = string.match(id, '^[^:]*') .. ' '
                  .. text(math.max(0, (micros - (since or micros)) / 1000)) .. ' ' .. text(left) .. ' ' .. (owner or '')
              end
            end
            return table.concat(lines, '\\n')
            """),

    /** Checks that writing is possible. Key: a key that does not exist. */
    PING("""
            redis.call('DEL', KEYS[1])
            return 'PONG'
            """),

    /**
     * Describes the server, as far as the user's permissions allow. Key: a key that does not exist. Argument: a channel.
     * Answers the error of PUBLISH in the first line, then the output of INFO.
     */
    CHECK("""
            redis.call('DEL', KEYS[1])
            local published = redis.pcall('PUBLISH', ARGV[1], '')
            local lines = {type(published) == 'table' and published.err or ''}
            for _, section in ipairs({'server', 'memory', 'replication'}) do
              local info = redis.pcall('INFO', section)
              lines[#lines + 1] = type(info) == 'string' and info or ''
            end
            return table.concat(lines, '\\n')
            """);

    private static final String COMMON = """
            local time = redis.call('TIME')
            local micros = time[1] * 1000000 + time[2]
            local now = math.floor(micros / 1000)
            local denied = ''
            local function text(number)
              return string.format('%.0f', number)
            end
            -- Extends the lifetime of two keys, which have the same lifetime, to at least the given time from now.
            local function keep(millis, key, other)
              if redis.call('PTTL', key) < tonumber(millis) then
                redis.call('PEXPIRE', key, millis)
                redis.call('PEXPIRE', other, millis)
              end
            end
            local function hold(holders, owners, member, millis, is_first)
              redis.call('ZADD', holders, 'GT', text(now + millis), member)
              if is_first then
                redis.call('PEXPIRE', holders, millis)
                redis.call('PEXPIRE', owners, millis)
              else
                keep(millis, holders, owners)
              end
            end
            local function next_token(key)
              local last = redis.call('SET', key, text(micros), 'GET')
              if last and tonumber(last) >= micros then
                redis.call('SET', key, text(tonumber(last) + 1))
                return text(tonumber(last) + 1)
              end
              return text(micros)
            end
            -- Removes the leases that have ended. Returns the number of the others, and the first of them with their ends.
            local function live_holders(holders, owners)
              local found = redis.call('ZRANGE', holders, 0, 15, 'WITHSCORES')
              if found[1] and tonumber(found[2]) <= now then
                for _, member in ipairs(redis.call('ZRANGEBYSCORE', holders, '-inf', now)) do
                  redis.call('ZREM', holders, member)
                  redis.call('HDEL', owners, string.match(member, ' (.*)$'))
                end
                found = redis.call('ZRANGE', holders, 0, 15, 'WITHSCORES')
              end
              return #found < 32 and #found / 2 or redis.call('ZCARD', holders), found
            end
            local function waiter(waiters, member)
              local state = redis.call('HGET', waiters, member)
              if not state then return nil end
              local ends, offered, offer_time, heartbeat = string.match(state, '^(%d+) (%d+) (%d+) (%d+)$')
              return tonumber(ends), tonumber(offered), tonumber(offer_time), tonumber(heartbeat)
            end
            local function set_waiter(waiters, member, ends, offered, offer_time, heartbeat)
              redis.call('HSET', waiters, member,
                text(ends) .. ' ' .. text(offered) .. ' ' .. text(offer_time) .. ' ' .. text(heartbeat))
            end
            local function publish(channels, member)
              local process, id = string.match(member, ' ([^.]*)(.*)$')
              local reply = redis.pcall('PUBLISH', channels .. process, process .. id)
              if type(reply) == 'table' and reply.err then denied = reply.err end
            end
            -- Offers free leases to the waiters whose turn it is. The count of leases is optional. Returns whether a lease
            -- is free for the asking member, if there is one, and whether that member is in the queue. A waiter that has sent
            -- no heartbeat since the previous heartbeat of the asking member does not delay others.
            local function offer(holders, owners, queue, waiters, channels, asking, count)
              local members = redis.call('ZRANGE', queue, 0, -1)
              if not asking and #members == 0 then
                return false
              end
              local taken = count or live_holders(holders, owners)
              local since = 0
              if asking and #members > 0 and members[1] ~= asking then
                local _, offered, _, heartbeat = waiter(waiters, asking)
                -- A repeated acquire (which knows the count) passes the silent only after a heartbeat has found its turn.
                if heartbeat and (not count or offered > 0) then since = heartbeat end
              end
              for _, member in ipairs(members) do
                local limit = tonumber(string.match(member, '^%d+'))
                if member == asking then
                  return taken < limit, true
                end
                local ends, offered, offer_time, heartbeat = waiter(waiters, member)
                local is_fresh = offered and offered > 0 and now - offered <= offer_time
                if not ends or ends <= now then
                  redis.call('ZREM', queue, member)
                  redis.call('HDEL', waiters, member)
                elseif is_fresh or (offered == 0 and heartbeat >= since) then
                  if taken >= limit then
                    return false
                  end
                  if not is_fresh then
                    set_waiter(waiters, member, ends, now, offer_time, heartbeat)
                    publish(channels, member)
                  end
                  taken = taken + 1
                elseif not asking and taken < limit then
                  publish(channels, member)
                end
              end
              return asking and taken < tonumber(string.match(asking, '^%d+'))
            end
            """;

    private final String text;
    private final String digest;

    RedisScript(String body) {
        this.text = COMMON + body;
        this.digest = sha1(text);
    }

    String text() {
        return text;
    }

    /** Returns the digest under which Redis caches the script once it has run. */
    String digest() {
        return digest;
    }

    private static String sha1(String text) {
        try {
            MessageDigest sha1 = MessageDigest.getInstance("SHA-1");
            return HexFormat.of().formatHex(sha1.digest(text.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JVM has SHA-1", e);
        }
    }
}
