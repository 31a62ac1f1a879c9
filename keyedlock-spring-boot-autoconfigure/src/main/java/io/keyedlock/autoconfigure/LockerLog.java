// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeySnapshot;
import io.keyedlock.KeyText;
import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerListener;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Logs long holds and lost leases as warnings, and waits at debug level. */
final class LockerLog implements KeyedLockerListener {

    private static final Logger log = LoggerFactory.getLogger(KeyedLocker.class);

    private final String lockName;
    private final boolean showKeys;
    private final LockerLog hiding;

    LockerLog(boolean showKeys) {
        this("?", showKeys);
    }

    /** Returns the listener for lockers that show or hide their keys, always the same instance for each. */
    LockerLog showingKeys(boolean show) {
        return show ? this : hiding;
    }

    private LockerLog(String lockName, boolean showKeys) {
        this.lockName = lockName;
        this.showKeys = showKeys;
        this.hiding = showKeys ? new LockerLog(lockName, false) : this;
    }

    @Override
    public KeyedLockerListener forLocker(String lockName) {
        return new LockerLog(lockName, showKeys);
    }

    @Override
    public HoldTiming holdTiming() {
        return HoldTiming.OFF;
    }

    @Override
    public void acquired(Object key, Duration waited) {
        if (!waited.isZero() && log.isDebugEnabled()) {
            log.debug("Acquired {} of '{}' after {} ms", name(key), lockName, waited.toMillis());
        }
    }

    @Override
    public void notAcquired(Object key, Outcome outcome, Duration waited) {
        if (!waited.isZero() && log.isDebugEnabled()) {
            log.debug(
                    "Did not acquire {} of '{}' after {} ms: {}",
                    name(key),
                    lockName,
                    waited.toMillis(),
                    outcome.name().toLowerCase(Locale.ROOT));
        }
    }

    @Override
    public void longHold(Object key, KeySnapshot.Caller holder, List<StackTraceElement> stack) {
        StringBuilder frames = new StringBuilder();
        stack.forEach(frame -> frames.append("\n\tat ").append(frame));
        log.warn(
                "{} of '{}' has been held for {} ms by {} and is still held{}",
                name(key),
                lockName,
                holder.age().toMillis(),
                holder.threadId() < 0
                        ? "an asynchronous caller"
                        : "thread '" + KeyText.inLine(holder.threadName()) + "'",
                frames);
    }

    @Override
    public void leaseLost(Object key) {
        log.warn(
                "The lease of {} of '{}' was lost while it was held; another process may hold the key too",
                name(key),
                lockName);
    }

    private String name(Object key) {
        return showKeys ? "key '" + KeyText.inLine(key) + "'" : "a key";
    }
}
