// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.actuate;

import io.keyedlock.KeyText;
import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerBackend;
import io.keyedlock.KeyedLockerListener.Outcome;
import io.keyedlock.LockerOverview;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.actuate.endpoint.OperationResponseBody;

/**
 * The state that the live page polls. Unlike the overview it lists the most contended keys of all lockers together, so that its
 * size depends on the number of lockers and hardly on that of keys.
 *
 * @param lockers the lockers by name
 * @param keys the most contended keys, those with the most waiters first
 * @param matching the number of keys that match the search; all active keys without one
 * @param searched the number of keys that were searched; less than all active keys if there are too many
 * @param refusals the last callers that got no permit, newest first
 */
record LiveView(Map<String, Locker> lockers, List<Key> keys, long matching, long searched, List<Refusal> refusals)
        implements OperationResponseBody {

    /** The number of keys and the number of refusals that are listed. */
    static final int LISTED = 50;

    /** The number of keys of a locker whose text is searched, most contended first. */
    static final int SEARCHED = 10_000;

    /** The length to which the text of a key is cut. */
    static final int MAX_KEY_LENGTH = 1_024;

    private static final Comparator<Candidate> BY_CONTENTION = Comparator.comparing(
            Candidate::figures,
            Comparator.<LockerOverview.KeyFigures<?>>comparingInt(LockerOverview.KeyFigures::waiters)
                    .thenComparingInt(LockerOverview.KeyFigures::holders)
                    .thenComparing(LockerOverview.KeyFigures::longestWait)
                    .thenComparing(LockerOverview.KeyFigures::longestHold)
                    .reversed());

    private record Candidate(String lock, LockerOverview.KeyFigures<?> figures) {}

    /**
     * One locker.
     *
     * @param limit how many callers may hold a key at once
     * @param backend the source of permits
     * @param backendUp whether the backend can be reached
     * @param activeKeys the number of keys that are held or waited for
     * @param holders the number of holders of all keys
     * @param waiters the number of waiters of all keys
     * @param keysHidden whether the reader may not see its keys
     * @param longHoldMillis the time after which a hold is long; 0 if never
     * @param counts the counts of its events, or null if they are not recorded
     */
    record Locker(
            int limit,
            String backend,
            boolean backendUp,
            int activeKeys,
            long holders,
            long waiters,
            boolean keysHidden,
            long longHoldMillis,
            @Nullable Counts counts) {}

    /**
     * The counts of a locker since its creation.
     *
     * @param acquired acquisitions that got a permit
     * @param waits acquisitions that waited, with any outcome
     * @param waitedMillis the total time of those waits
     * @param refused acquisitions that got no permit, by their outcome
     */
    record Counts(long acquired, long waits, long waitedMillis, Map<String, Long> refused) {}

    /**
     * One key.
     *
     * @param lock the name of the locker
     * @param key the text of the key
     * @param cut whether that text was cut, so that the key cannot be found by it
     * @param limit the limit of the key
     * @param holders the number of holders
     * @param waiters the number of waiters
     * @param holdMillis the age of the oldest holder
     * @param waitMillis the age of the oldest waiter
     */
    record Key(
            String lock,
            String key,
            boolean cut,
            int limit,
            int holders,
            int waiters,
            long holdMillis,
            long waitMillis) {}

    /**
     * A caller that got no permit.
     *
     * @param lock the name of the locker
     * @param key the text of the key, or null if keys are hidden
     * @param outcome why it got no permit
     * @param waitedMillis how long it had waited
     * @param ageMillis how long ago that was
     */
    record Refusal(String lock, @Nullable String key, String outcome, long waitedMillis, long ageMillis) {}

    /**
     * Collects the view.
     *
     * @param all the lockers by name
     * @param history the history of the lockers
     * @param keysShown whether the reader may see keys
     * @param lock the name of the locker whose keys and refusals are listed, or null for all
     * @param text the text that the listed keys contain, in any case, or null for all
     */
    static LiveView of(
            Map<String, ? extends KeyedLocker<?>> all,
            LockerHistory history,
            boolean keysShown,
            @Nullable String lock,
            @Nullable String text) {
        Map<String, Locker> lockers = new TreeMap<>();
        List<Candidate> keys = new ArrayList<>();
        List<Refusal> refusals = new ArrayList<>();
        long[] found = new long[2];
        String wanted = text == null || text.isEmpty() ? null : text.toLowerCase(Locale.ROOT);
        all.forEach((name, locker) -> {
            boolean hidden = !keysShown || !locker.settings().showKeys();
            boolean listed = lock == null || lock.equals(name);
            LockerOverview<?> overview = locker.overview(hidden || !listed ? 0 : wanted == null ? LISTED : SEARCHED);
            LockerHistory.OfLocker past = history.find(locker.name());
            lockers.put(name, describe(locker, overview, hidden, past));
            if (!listed) {
                return;
            }
            long matching = addCandidates(name, overview, wanted, keys);
            found[0] += wanted == null ? overview.activeKeys() : matching;
            found[1] += wanted == null ? overview.activeKeys() : overview.keys().size();
            if (past != null) {
                long now = System.nanoTime();
                past.lastRefusals().forEach(refusal -> {
                    Refusal described = describe(name, refusal, hidden, now);
                    if (wanted == null || (described.key() != null && contains(described.key(), wanted))) {
                        refusals.add(described);
                    }
                });
            }
        });
        refusals.sort(Comparator.comparingLong(Refusal::ageMillis));
        truncate(refusals);
        return new LiveView(lockers, keys.stream().map(LiveView::describe).toList(), found[0], found[1], refusals);
    }

    private static void truncate(List<?> list) {
        if (list.size() > LISTED) {
            list.subList(LISTED, list.size()).clear();
        }
    }

    private static Locker describe(
            KeyedLocker<?> locker, LockerOverview<?> overview, boolean hidden, LockerHistory.@Nullable OfLocker past) {
        KeyedLockerBackend backend = locker.backend().orElse(null);
        return new Locker(
                locker.limit(),
                backend == null ? "local" : backend.name(),
                backend == null || backend.isAvailable(),
                overview.activeKeys(),
                overview.holders(),
                overview.waiters(),
                hidden,
                locker.settings().longHold().toMillis(),
                past == null ? null : describe(past));
    }

    private static Counts describe(LockerHistory.OfLocker past) {
        Map<String, Long> refused = new TreeMap<>();
        for (Outcome outcome : Outcome.values()) {
            long count = past.refused(outcome).sum();
            if (count > 0) {
                refused.put(text(outcome), count);
            }
        }
        return new Counts(past.acquired.sum(), past.waits.sum(), past.waitedNanos.sum() / 1_000_000, refused);
    }

    /**
     * Adds the keys of one locker to the most contended ones so far. Returns how many contain the wanted text. The keys of a
     * locker come in the same order, so most lockers add none after a few comparisons.
     */
    private static long addCandidates(
            String lock, LockerOverview<?> overview, @Nullable String wanted, List<Candidate> best) {
        int before = best.size();
        Candidate worst = before < LISTED ? null : best.get(LISTED - 1);
        long matching = 0;
        for (LockerOverview.KeyFigures<?> figures : overview.keys()) {
            Candidate candidate = new Candidate(lock, figures);
            boolean better = worst == null || BY_CONTENTION.compare(candidate, worst) < 0;
            if (wanted == null && !better) {
                break;
            }
            if (wanted == null || contains(KeyText.of(figures.key(), KeyedLocksEndpoint.MAX_KEY_LENGTH), wanted)) {
                matching++;
                if (better) {
                    best.add(candidate);
                }
            }
        }
        if (best.size() > before) {
            best.sort(BY_CONTENTION);
            truncate(best);
        }
        return matching;
    }

    private static Key describe(Candidate candidate) {
        LockerOverview.KeyFigures<?> figures = candidate.figures();
        String text = KeyText.of(figures.key(), KeyedLocksEndpoint.MAX_KEY_LENGTH);
        boolean cut = text.length() > MAX_KEY_LENGTH;
        return new Key(
                candidate.lock(),
                cut ? KeyText.of(text, MAX_KEY_LENGTH) : text,
                cut,
                figures.limit(),
                figures.holders(),
                figures.waiters(),
                figures.longestHold().toMillis(),
                figures.longestWait().toMillis());
    }

    private static Refusal describe(String lock, LockerHistory.Refusal refusal, boolean hidden, long now) {
        return new Refusal(
                lock,
                hidden ? null : KeyText.of(refusal.key(), MAX_KEY_LENGTH),
                text(refusal.outcome()),
                refusal.waited().toMillis(),
                Math.max(0, now - refusal.at()) / 1_000_000);
    }

    private static boolean contains(String text, String wanted) {
        return text.toLowerCase(Locale.ROOT).contains(wanted);
    }

    private static String text(Outcome outcome) {
        return outcome.name().toLowerCase(Locale.ROOT);
    }
}
