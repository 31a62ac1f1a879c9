// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import io.keyedlock.KeyText;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Finds problems of a server for leases in the answer of {@link RedisScript#CHECK}. */
final class RedisServerCheck {

    private static final int OLDEST_MAJOR = 6;
    private static final int OLDEST_MINOR = 2;

    private RedisServerCheck() {}

    /** A finding: a warning or a note. */
    record Finding(boolean isWarning, String message) {}

    static List<Finding> examine(String answer) {
        List<Finding> findings = new ArrayList<>();
        String[] lines = answer.split("\r?\n", -1);
        Map<String, String> info = new HashMap<>();
        for (String line : lines) {
            int colon = line.indexOf(':');
            if (colon > 0) {
                info.put(line.substring(0, colon), line.substring(colon + 1).trim());
            }
        }
        checkVersion(info, findings);
        String policy = info.getOrDefault("maxmemory_policy", "noeviction");
        if (!policy.equals("noeviction")) {
            findings.add(new Finding(
                    true,
                    "The eviction policy of Redis is '" + policy
                            + "'. When its memory is full it may evict leases, and then two processes hold the same key."
                            + " Set maxmemory-policy to noeviction, or use another server for locks."));
        }
        if (!info.getOrDefault("connected_slaves", "0").equals("0") && !info.containsKey("min_slaves_good_slaves")) {
            findings.add(new Finding(
                    false,
                    "Redis has replicas but no min-replicas-to-write. After a failover to a replica that lags behind,"
                            + " another process may hold a key that this one holds; fencing tokens keep rising."));
        }
        return findings;
    }

    private static void checkVersion(Map<String, String> info, List<Finding> findings) {
        String version = info.get("redis_version");
        if (version == null) {
            return;
        }
        String[] parts = version.split("\\.", -1);
        try {
            int major = Integer.parseInt(parts[0]);
            int minor = parts.length > 1 ? Integer.parseInt(parts[1]) : 0;
            if (major < OLDEST_MAJOR || (major == OLDEST_MAJOR && minor < OLDEST_MINOR)) {
                findings.add(new Finding(
                        true, "Redis " + version + " is too old for leases. Use Redis 6.2 or newer, or Valkey."));
            }
        } catch (NumberFormatException e) {
            // The server has a version format of its own, so its version cannot be checked.
        }
    }

    static String publishRejected(String error, String namePattern) {
        return "Redis rejects PUBLISH (" + KeyText.inLine(error)
                + "). Waiters find their turn by heartbeats only, which takes longer. Allow the Redis user the command and"
                + " the channels: ACL SETUSER <user> +publish +subscribe &" + namePattern;
    }
}
