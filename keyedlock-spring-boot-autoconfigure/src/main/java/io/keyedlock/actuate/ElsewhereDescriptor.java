// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.actuate;

import io.keyedlock.KeyedLockerBackend;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A holder of a key in another process.
 *
 * @param owner the name of that process: its property {@code keyedlock.owner}
 * @param age how long it has held the key, an ISO 8601 duration
 * @param leaseLeft the time until its lease expires unless renewed, an ISO 8601 duration
 * @since 0.1.0
 * @see KeyedLocksEndpoint.HeldKeyDescriptor
 */
public record ElsewhereDescriptor(String owner, String age, String leaseLeft) {

    /** The time to wait for a reply of the backend. Long enough for most backends, short enough for an HTTP client. */
    private static final long TIMEOUT_SECONDS = 5;

    /** Returns the keys that a text may denote if it matches no active key of this process: a string, number or UUID. */
    static List<Object> keysOf(String text) {
        List<Object> keys = new ArrayList<>(List.of(text));
        try {
            long number = Long.parseLong(text);
            keys.add(number);
            if (number == (int) number) {
                keys.add((int) number);
            }
        } catch (NumberFormatException e) {
            // Not a number.
        }
        try {
            keys.add(UUID.fromString(text));
        } catch (IllegalArgumentException e) {
            // Not a UUID.
        }
        return keys;
    }

    /** Returns the holders of keys in other processes. Keys about which the backend does not reply in time have none. */
    static List<ElsewhereDescriptor> holders(KeyedLockerBackend backend, List<?> keys) {
        Set<String> names = new LinkedHashSet<>();
        List<CompletionStage<List<KeyedLockerBackend.Holder>>> replies = new ArrayList<>();
        for (Object key : keys) {
            try {
                String name = backend.keyName(key);
                if (names.add(name)) {
                    replies.add(backend.holdersElsewhere(name));
                }
            } catch (RuntimeException e) {
                // The backend does not accept keys of this type, or fails.
            }
        }
        List<ElsewhereDescriptor> holders = new ArrayList<>();
        for (CompletionStage<List<KeyedLockerBackend.Holder>> reply : replies) {
            try {
                reply.toCompletableFuture().get(TIMEOUT_SECONDS, TimeUnit.SECONDS).stream()
                        .map(holder -> new ElsewhereDescriptor(
                                holder.owner(),
                                KeyedLocksEndpoint.text(holder.age()),
                                KeyedLocksEndpoint.text(holder.leaseLeft())))
                        .forEach(holders::add);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return holders;
            } catch (ExecutionException | TimeoutException | RuntimeException e) {
                // The meter keyedlock.backend.up reports an unavailable backend.
            }
        }
        return holders;
    }
}
