// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.actuate;

import static org.springframework.util.MimeTypeUtils.APPLICATION_JSON_VALUE;
import static org.springframework.util.MimeTypeUtils.TEXT_HTML_VALUE;

import io.keyedlock.KeySnapshot;
import io.keyedlock.KeyText;
import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerBackend;
import io.keyedlock.LockerOverview;
import java.security.Principal;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.aot.hint.annotation.RegisterReflectionForBinding;
import org.springframework.boot.actuate.endpoint.Access;
import org.springframework.boot.actuate.endpoint.InvalidEndpointRequestException;
import org.springframework.boot.actuate.endpoint.OperationResponseBody;
import org.springframework.boot.actuate.endpoint.SecurityContext;
import org.springframework.boot.actuate.endpoint.Show;
import org.springframework.boot.actuate.endpoint.annotation.Endpoint;
import org.springframework.boot.actuate.endpoint.annotation.ReadOperation;
import org.springframework.boot.actuate.endpoint.annotation.Selector;
import org.springframework.boot.actuate.endpoint.annotation.WriteOperation;

/**
 * The actuator endpoint {@code keyedlocks}: the lockers of an application with their most contended keys.
 *
 * <p>A response is collected key by key while callers acquire and release permits, so its figures need not add up. At most
 * {@value #MAX_LISTED} keys, holders and waiters are listed; the counts include all of them.
 *
 * @since 0.1.0
 * @see KeyedLocksEndpointWebExtension
 */
@Endpoint(id = "keyedlocks", defaultAccess = Access.READ_ONLY)
@RegisterReflectionForBinding({
    KeyedLocksEndpoint.KeyFiguresDescriptor.class,
    KeyedLocksEndpoint.HeldKeyDescriptor.class,
    KeyedLocksEndpoint.CallerDescriptor.class
})
public final class KeyedLocksEndpoint {

    private static final Logger log = LoggerFactory.getLogger(KeyedLocksEndpoint.class);

    static final int MAX_LISTED = 100;

    /** The number of characters of a key's text that are shown and compared with the requested key. */
    static final int MAX_KEY_LENGTH = 16_384;

    private final Supplier<? extends Map<String, ? extends KeyedLocker<?>>> lockers;
    private final Show showKeys;
    private final Set<String> roles;

    /**
     * Creates the endpoint.
     *
     * @param lockers supplies the lockers to show, by name; called for each request
     * @param showKeys the readers to whom keys are shown
     * @param roles the roles that are authorized to see keys; empty authorizes every authenticated reader
     */
    public KeyedLocksEndpoint(
            Supplier<? extends Map<String, ? extends KeyedLocker<?>>> lockers, Show showKeys, Set<String> roles) {
        this.lockers = lockers;
        this.showKeys = showKeys;
        this.roles = Set.copyOf(roles);
    }

    /**
     * Returns all lockers, each with its most contended keys.
     *
     * @return the lockers by name
     */
    @ReadOperation(produces = {Format.V3_TYPE, Format.V2_TYPE, APPLICATION_JSON_VALUE, TEXT_HTML_VALUE})
    public LockersDescriptor lockers() {
        return lockers(showsKeysTo(SecurityContext.NONE));
    }

    /**
     * Returns one locker with the holders and waiters of its most contended keys, or one of its keys.
     *
     * @param name the locker's name
     * @param key the text of an active key, or null to get the locker
     * @return a {@link LockerDescriptor} or a {@link HeldKeyDescriptor}; null if there is no such locker or active key
     */
    @ReadOperation
    public @Nullable OperationResponseBody locker(
            @Selector String name, @org.springframework.lang.Nullable @Nullable String key) {
        return locker(name, key, showsKeysTo(SecurityContext.NONE));
    }

    /**
     * Sets the limit of the keys of a locker that have no limit of their own, until the application ends. Requires
     * {@code management.endpoint.keyedlocks.access=unrestricted}.
     *
     * @param name the locker's name
     * @param limit the new limit, at least 1
     * @return the locker, without keys; null if there is none of that name
     */
    @WriteOperation
    public @Nullable LockerDescriptor setLimit(@Selector String name, int limit) {
        return setLimit(name, limit, SecurityContext.NONE);
    }

    @Nullable
    LockerDescriptor setLimit(String name, int limit, SecurityContext caller) {
        KeyedLocker<?> locker = lockers.get().get(name);
        if (locker == null) {
            return null;
        }
        if (limit < 1) {
            throw new InvalidEndpointRequestException(
                    "limit = " + limit + " admits nobody. Write 1 or more", "limit must be at least 1");
        }
        int before = locker.limit();
        locker.setLimit(limit);
        log.info(
                "Changed the limit of locker '{}' from {} to {}, as asked by {}",
                name,
                before,
                limit,
                describe(caller));
        return describe(locker, false);
    }

    private static String describe(SecurityContext caller) {
        Principal principal = caller.getPrincipal();
        return principal == null ? "an unauthenticated caller" : "'" + KeyText.inLine(principal.getName()) + "'";
    }

    boolean showsKeysTo(SecurityContext reader) {
        return showKeys.isShown(reader, roles);
    }

    /** Collects the state that the live page shows. */
    LiveView live(LockerHistory history, boolean keysShown, @Nullable String lock, @Nullable String text) {
        return LiveView.of(lockers.get(), history, keysShown, lock, text);
    }

    LockersDescriptor lockers(boolean keysShown) {
        Map<String, LockerDescriptor> all = new TreeMap<>();
        lockers.get().forEach((name, locker) -> {
            LockerOverview<?> overview = locker.overview(maxKeys(locker, keysShown));
            List<KeyFiguresDescriptor> keys = new ArrayList<>();
            overview.keys().forEach(figures -> keys.add(describe(figures)));
            all.put(name, describe(locker, overview, keys));
        });
        return new LockersDescriptor(Collections.unmodifiableMap(all));
    }

    @Nullable
    OperationResponseBody locker(String name, @Nullable String key, boolean keysShown) {
        KeyedLocker<?> locker = lockers.get().get(name);
        if (locker == null) {
            return null;
        }
        if (key == null) {
            return describe(locker, keysShown);
        }
        return maxKeys(locker, keysShown) > 0 ? find(locker, key) : null;
    }

    /** Returns how many keys of a locker may be listed: 0 if they are hidden from the reader or by the locker itself. */
    private static int maxKeys(KeyedLocker<?> locker, boolean keysShown) {
        return keysShown && locker.settings().showKeys() ? MAX_LISTED : 0;
    }

    private static <K> LockerDescriptor describe(KeyedLocker<K> locker, boolean keysShown) {
        LockerOverview<K> overview = locker.overview(maxKeys(locker, keysShown));
        List<KeyDescriptor> keys = new ArrayList<>();
        for (LockerOverview.KeyFigures<K> figures : overview.keys()) {
            snapshot(locker, figures.key()).ifPresent(snapshot -> keys.add(describe(snapshot, Map.of(), List.of())));
        }
        return describe(locker, overview, keys);
    }

    @SuppressWarnings("unchecked") // a locker accepts keys of any type
    private static <K> @Nullable HeldKeyDescriptor find(KeyedLocker<K> locker, String key) {
        // Most keys are strings, and a lookup avoids scanning all active keys.
        Optional<KeySnapshot<K>> local = locker.snapshot((K) key);
        if (local.isEmpty()) {
            local = locker.findActiveKey(active -> text(active).equals(key))
                    .flatMap(active -> snapshot(locker, active));
        }
        KeyedLockerBackend backend = locker.backend().orElse(null);
        Map<Long, List<String>> stacks = local.map(snapshot ->
                        HolderStacks.of(snapshot, locker.settings().longHold(), () -> snapshot(locker, snapshot.key())))
                .orElse(Map.of());
        if (backend == null) {
            return local.map(snapshot -> describe(snapshot, stacks, List.of())).orElse(null);
        }
        List<ElsewhereDescriptor> elsewhere = local.isPresent()
                ? ElsewhereDescriptor.holders(backend, List.of(local.get().key()))
                : ElsewhereDescriptor.holders(backend, ElsewhereDescriptor.keysOf(key));
        if (local.isPresent()) {
            return describe(local.get(), stacks, elsewhere);
        }
        return elsewhere.isEmpty()
                ? null
                : new HeldKeyDescriptor(
                        key,
                        locker.limit(),
                        0,
                        0,
                        text(Duration.ZERO),
                        text(Duration.ZERO),
                        List.of(),
                        0,
                        List.of(),
                        0,
                        elsewhere);
    }

    /**
     * Returns the key's state. Scans all active keys if the lookup fails because the key's {@code hashCode} or {@code equals}
     * throws or has changed its result, so that one faulty key hides neither the others nor itself.
     */
    private static <K> Optional<KeySnapshot<K>> snapshot(KeyedLocker<K> locker, K key) {
        try {
            Optional<KeySnapshot<K>> found = locker.snapshot(key);
            if (found.isPresent() || locker.findActiveKey(each -> each == key).isEmpty()) {
                return found;
            }
        } catch (RuntimeException | Error e) {
            // The key's hashCode or equals has failed.
        }
        return locker.snapshot().stream().filter(each -> each.key() == key).findFirst();
    }

    private static LockerDescriptor describe(
            KeyedLocker<?> locker, LockerOverview<?> overview, List<? extends KeyDescriptor> keys) {
        return new LockerDescriptor(
                locker.limit(),
                locker.settings().fair(),
                locker.backend().map(KeyedLockerBackend::name).orElse("local"),
                overview.activeKeys(),
                overview.holders(),
                overview.waiters(),
                List.copyOf(keys),
                keys.size());
    }

    private static KeyFiguresDescriptor describe(LockerOverview.KeyFigures<?> figures) {
        return new KeyFiguresDescriptor(
                text(figures.key()),
                figures.limit(),
                figures.holders(),
                figures.waiters(),
                text(figures.longestHold()),
                text(figures.longestWait()));
    }

    private static HeldKeyDescriptor describe(
            KeySnapshot<?> snapshot, Map<Long, List<String>> stacks, List<ElsewhereDescriptor> elsewhere) {
        List<CallerDescriptor> holding = first(snapshot.holders(), stacks);
        List<CallerDescriptor> waiting = first(snapshot.waiters(), Map.of());
        return new HeldKeyDescriptor(
                text(snapshot.key()),
                snapshot.limit(),
                snapshot.holders().size(),
                snapshot.waiters().size(),
                oldest(snapshot.holders()),
                oldest(snapshot.waiters()),
                holding,
                holding.size(),
                waiting,
                waiting.size(),
                elsewhere);
    }

    private static List<CallerDescriptor> first(List<KeySnapshot.Caller> callers, Map<Long, List<String>> stacks) {
        return callers.stream()
                .limit(MAX_LISTED)
                .map(caller -> new CallerDescriptor(
                        text((Object) caller.threadName()),
                        text(caller.age()),
                        stacks.getOrDefault(caller.threadId(), List.of())))
                .toList();
    }

    private static String oldest(List<KeySnapshot.Caller> callers) {
        return text(callers.stream()
                .map(KeySnapshot.Caller::age)
                .max(Duration::compareTo)
                .orElse(Duration.ZERO));
    }

    static String text(Duration duration) {
        return duration.truncatedTo(ChronoUnit.MILLIS).toString();
    }

    /** Returns the text by which a key is shown and found, even if its {@code toString} throws. */
    private static String text(Object key) {
        return KeyText.of(key, MAX_KEY_LENGTH);
    }

    /**
     * All lockers.
     *
     * @param lockers the lockers by name
     * @since 0.1.0
     */
    public record LockersDescriptor(Map<String, LockerDescriptor> lockers) implements OperationResponseBody {}

    /**
     * One locker.
     *
     * @param limit how many callers may hold a key at once, unless the key has a limit of its own
     * @param fair whether a released permit always goes to the waiter that has waited longest
     * @param backend the source of permits: {@code local} for this process alone, or the name of the backend
     * @param activeKeys the number of keys that are held or waited for
     * @param holders the number of holders of all keys
     * @param waiters the number of waiters of all keys
     * @param keys the most contended keys; empty if keys are hidden
     * @param keysShown the number of keys listed
     * @since 0.1.0
     */
    public record LockerDescriptor(
            int limit,
            boolean fair,
            String backend,
            int activeKeys,
            long holders,
            long waiters,
            List<KeyDescriptor> keys,
            int keysShown)
            implements OperationResponseBody {}

    /**
     * One key, as figures or with its callers.
     *
     * @since 0.1.0
     */
    public sealed interface KeyDescriptor {}

    /**
     * One key as figures.
     *
     * @param key the text of the key
     * @param limit how many callers may hold the key at once
     * @param holders the number of holders
     * @param waiters the number of waiters
     * @param longestHold the age of the oldest holder, an ISO 8601 duration
     * @param longestWait the age of the oldest waiter, an ISO 8601 duration
     * @since 0.1.0
     */
    public record KeyFiguresDescriptor(
            String key, int limit, int holders, int waiters, String longestHold, String longestWait)
            implements KeyDescriptor {}

    /**
     * One key with its callers.
     *
     * @param key the text of the key
     * @param limit how many callers may hold the key at once
     * @param holders the number of holders
     * @param waiters the number of waiters
     * @param longestHold the age of the oldest holder, an ISO 8601 duration
     * @param longestWait the age of the oldest waiter, an ISO 8601 duration
     * @param holding the holders, oldest first
     * @param holdingShown the number of holders listed
     * @param waiting the waiters in the order of the queue
     * @param waitingShown the number of waiters listed
     * @param elsewhere the holders in other processes; empty unless a single key was requested
     * @since 0.1.0
     */
    public record HeldKeyDescriptor(
            String key,
            int limit,
            int holders,
            int waiters,
            String longestHold,
            String longestWait,
            List<CallerDescriptor> holding,
            int holdingShown,
            List<CallerDescriptor> waiting,
            int waitingShown,
            List<ElsewhereDescriptor> elsewhere)
            implements KeyDescriptor, OperationResponseBody {}

    /**
     * A holder or waiter of a key.
     *
     * @param thread the name of the thread, or {@code async} if no thread owns the permit
     * @param age how long it has held or waited, an ISO 8601 duration
     * @param stack the current stack trace of a holder's thread, innermost frame first. Empty unless a single key was
     *     requested and the hold is longer than {@code keyedlock.long-hold.threshold}, and for virtual threads
     * @since 0.1.0
     */
    public record CallerDescriptor(String thread, String age, List<String> stack) {}
}
