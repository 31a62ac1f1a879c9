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
 * @param owner which process it is, in the words of its configuration
 * @param age for how long, an ISO 8601 duration
 * @param leaseLeft how long its lease lasts unless it is renewed, an ISO 8601 duration
 */
public record ElsewhereDescriptor(String owner, String age, String leaseLeft) {

    /** Longer than most backends take, and short for whoever asks the endpoint. */
    private static final long PATIENCE_SECONDS = 5;

    /** Returns the keys that a text may stand for where no key of this process has it. */
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

    /** Asks a backend who holds keys; nobody as far as it cannot be reached. */
    static List<ElsewhereDescriptor> holders(KeyedLockerBackend backend, List<?> keys) {
        Set<String> names = new LinkedHashSet<>();
        for (Object key : keys) {
            try {
                names.add(backend.keyName(key));
            } catch (RuntimeException e) {
                // No key of this type.
            }
        }
        List<CompletionStage<List<KeyedLockerBackend.Holder>>> asked =
                names.stream().map(backend::holdersElsewhere).toList();
        List<ElsewhereDescriptor> holders = new ArrayList<>();
        for (CompletionStage<List<KeyedLockerBackend.Holder>> one : asked) {
            try {
                one.toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS).stream()
                        .map(holder -> new ElsewhereDescriptor(
                                holder.owner(),
                                KeyedLocksEndpoint.text(holder.age()),
                                KeyedLocksEndpoint.text(holder.leaseLeft())))
                        .forEach(holders::add);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return holders;
            } catch (ExecutionException | TimeoutException e) {
                // The state of the backend is a meter.
            }
        }
        return holders;
    }
}
