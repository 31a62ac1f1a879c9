// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.actuate;

import io.keyedlock.KeySnapshot;
import io.keyedlock.KeyText;
import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerBackend;
import io.keyedlock.LockerOverview;
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
import org.springframework.aot.hint.annotation.RegisterReflectionForBinding;
import org.springframework.boot.actuate.endpoint.OperationResponseBody;
import org.springframework.boot.actuate.endpoint.SecurityContext;
import org.springframework.boot.actuate.endpoint.Show;
import org.springframework.boot.actuate.endpoint.annotation.Endpoint;
import org.springframework.boot.actuate.endpoint.annotation.ReadOperation;
import org.springframework.boot.actuate.endpoint.annotation.Selector;

/**
 * Shows the lockers of an application with their most contended keys.
 *
 * <p>Each answer is gathered key by key while callers come and go, so that its figures need not add up. At most
 * {@value #MOST} keys, holders and waiters are listed; the counts beside them are of all.
 */
@Endpoint(id = "keyedlocks")
@RegisterReflectionForBinding({
    KeyedLocksEndpoint.KeyFiguresDescriptor.class,
    KeyedLocksEndpoint.HeldKeyDescriptor.class,
    KeyedLocksEndpoint.CallerDescriptor.class
})
public final class KeyedLocksEndpoint {

    static final int MOST = 100;

    /** Of the text of a key so much is shown, and compared with what is asked for. */
    static final int LONGEST_KEY = 16_384;

    private final Supplier<? extends Map<String, ? extends KeyedLocker<?>>> lockers;
    private final Show showKeys;
    private final Set<String> roles;

    /**
     * Makes the endpoint.
     *
     * @param lockers the lockers to show, by name; asked at each request
     * @param showKeys to whom keys are shown
     * @param roles who is authorized to see them; empty means whoever is authenticated
     */
    public KeyedLocksEndpoint(
            Supplier<? extends Map<String, ? extends KeyedLocker<?>>> lockers, Show showKeys, Set<String> roles) {
        this.lockers = lockers;
        this.showKeys = showKeys;
        this.roles = Set.copyOf(roles);
    }

    /**
     * All lockers, each with its most contended keys.
     *
     * @return the lockers by name
     */
    @ReadOperation
    public LockersDescriptor lockers() {
        return lockers(showsKeysTo(SecurityContext.NONE));
    }

    /**
     * One locker with who holds and who awaits its most contended keys, or one of its keys.
     *
     * @param name the locker's name
     * @param key the text of an active key, or null for the locker
     * @return a {@link LockerDescriptor} or a {@link HeldKeyDescriptor}; null if there is no such locker or active key
     */
    @ReadOperation
    public @Nullable OperationResponseBody locker(
            @Selector String name, @org.springframework.lang.Nullable @Nullable String key) {
        return locker(name, key, showsKeysTo(SecurityContext.NONE));
    }

    boolean showsKeysTo(SecurityContext reader) {
        return showKeys.isShown(reader, roles);
    }

    LockersDescriptor lockers(boolean keysShown) {
        Map<String, LockerDescriptor> all = new TreeMap<>();
        lockers.get().forEach((name, locker) -> {
            LockerOverview<?> overview = locker.overview(most(locker, keysShown));
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
        return most(locker, keysShown) > 0 ? find(locker, key) : null;
    }

    /** How many keys of a locker may be told, if any: a locker may hide its own. */
    private static int most(KeyedLocker<?> locker, boolean keysShown) {
        return keysShown && locker.settings().showKeys() ? MOST : 0;
    }

    private static <K> LockerDescriptor describe(KeyedLocker<K> locker, boolean keysShown) {
        LockerOverview<K> overview = locker.overview(most(locker, keysShown));
        List<KeyDescriptor> keys = new ArrayList<>();
        for (LockerOverview.KeyFigures<K> figures : overview.keys()) {
            snapshot(locker, figures.key()).ifPresent(snapshot -> keys.add(describe(snapshot, List.of())));
        }
        return describe(locker, overview, keys);
    }

    @SuppressWarnings("unchecked") // a locker takes keys of any type
    private static <K> @Nullable HeldKeyDescriptor find(KeyedLocker<K> locker, String key) {
        // Most keys are strings, and looking one up spares a look at all of them.
        Optional<KeySnapshot<K>> here = locker.snapshot((K) key);
        if (here.isEmpty()) {
            here = locker.findActiveKey(active -> text(active).equals(key)).flatMap(active -> snapshot(locker, active));
        }
        KeyedLockerBackend backend = locker.backend().orElse(null);
        if (backend == null) {
            return here.map(snapshot -> describe(snapshot, List.of())).orElse(null);
        }
        List<ElsewhereDescriptor> elsewhere = here.isPresent()
                ? ElsewhereDescriptor.holders(backend, List.of(here.get().key()))
                : ElsewhereDescriptor.holders(backend, ElsewhereDescriptor.keysOf(key));
        if (here.isPresent()) {
            return describe(here.get(), elsewhere);
        }
        return elsewhere.isEmpty()
                ? null
                : new HeldKeyDescriptor(
                        key, 0, 0, text(Duration.ZERO), text(Duration.ZERO), List.of(), 0, List.of(), 0, elsewhere);
    }

    /**
     * The key's state; looked for among all where the key's own code fails, or does not find it any more, so that one bad
     * key does not hide the others, nor itself.
     */
    private static <K> Optional<KeySnapshot<K>> snapshot(KeyedLocker<K> locker, K key) {
        try {
            Optional<KeySnapshot<K>> found = locker.snapshot(key);
            if (found.isPresent() || locker.findActiveKey(each -> each == key).isEmpty()) {
                return found;
            }
        } catch (RuntimeException | Error e) {
            // Its hash code or its equals has failed.
        }
        return locker.snapshot().stream().filter(each -> each.key() == key).findFirst();
    }

    private static LockerDescriptor describe(
            KeyedLocker<?> locker, LockerOverview<?> overview, List<? extends KeyDescriptor> keys) {
        return new LockerDescriptor(
                locker.settings().limit(),
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
                figures.holders(),
                figures.waiters(),
                text(figures.longestHold()),
                text(figures.longestWait()));
    }

    private static HeldKeyDescriptor describe(KeySnapshot<?> snapshot, List<ElsewhereDescriptor> elsewhere) {
        List<CallerDescriptor> holding = first(snapshot.holders());
        List<CallerDescriptor> waiting = first(snapshot.waiters());
        return new HeldKeyDescriptor(
                text(snapshot.key()),
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

    private static List<CallerDescriptor> first(List<KeySnapshot.Caller> callers) {
        return callers.stream()
                .limit(MOST)
                .map(caller -> new CallerDescriptor(text((Object) caller.threadName()), text(caller.age())))
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

    /** The text by which a key is shown and found. One key whose own code fails must not hide the others. */
    private static String text(Object key) {
        return KeyText.of(key, LONGEST_KEY);
    }

    /**
     * All lockers.
     *
     * @param lockers the lockers by name
     */
    public record LockersDescriptor(Map<String, LockerDescriptor> lockers) implements OperationResponseBody {}

    /**
     * One locker.
     *
     * @param limit how many callers each key admits at once
     * @param fair whether a permit is always handed to the longest waiting caller
     * @param backend where permits come from: {@code local} for this process alone, or the name of the backend
     * @param activeKeys how many keys are held or awaited
     * @param holders how many callers are inside, over all keys
     * @param waiters how many callers wait, over all keys
     * @param keys the most contended keys; empty where keys are hidden
     * @param keysShown how many keys are listed
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

    /** One key, in figures or with its callers. */
    public sealed interface KeyDescriptor {}

    /**
     * One key in figures.
     *
     * @param key its text
     * @param holders how many callers are inside
     * @param waiters how many callers wait
     * @param longestHold the age of the oldest holder, an ISO 8601 duration
     * @param longestWait the age of the oldest waiter, an ISO 8601 duration
     */
    public record KeyFiguresDescriptor(String key, int holders, int waiters, String longestHold, String longestWait)
            implements KeyDescriptor {}

    /**
     * One key with its callers.
     *
     * @param key its text
     * @param holders how many callers are inside
     * @param waiters how many callers wait
     * @param longestHold the age of the oldest holder, an ISO 8601 duration
     * @param longestWait the age of the oldest waiter, an ISO 8601 duration
     * @param holding who is inside, oldest first
     * @param holdingShown how many of them are listed
     * @param waiting who waits, in the order in which they will be served
     * @param waitingShown how many of them are listed
     * @param elsewhere the holders in other processes, where one key was asked for
     */
    public record HeldKeyDescriptor(
            String key,
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
     * Somebody who holds or awaits a key.
     *
     * @param thread the name of the thread, or {@code async} where no thread owns the permit
     * @param age for how long, an ISO 8601 duration
     */
    public record CallerDescriptor(String thread, String age) {}
}
