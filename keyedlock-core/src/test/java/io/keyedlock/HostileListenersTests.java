// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static io.keyedlock.OtherThread.until;
import static io.keyedlock.OtherThread.waitsFor;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Listeners that throw, with a logger that throws when it logs that. */
@Tag("hostile")
class HostileListenersTests {

    private static final Logger LOGGER = Logger.getLogger(KeyedLocker.class.getName());

    private final AtomicInteger logged = new AtomicInteger();

    private final Handler throwing = new Handler() {
        @Override
        public void publish(LogRecord logRecord) {
            logged.incrementAndGet();
            throw new HostileKeys.OwnError();
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    };

    @BeforeEach
    void logToTheThrowingHandler() {
        LOGGER.addHandler(throwing);
        LOGGER.setUseParentHandlers(false);
    }

    @AfterEach
    void logAsBefore() {
        LOGGER.removeHandler(throwing);
        LOGGER.setUseParentHandlers(true);
    }

    /** A listener whose methods all throw, as does its wait observer. */
    private static final class Throwing implements KeyedLockerListener {

        @Override
        public void acquired(Object key, Duration waited) {
            throw new HostileKeys.OwnError();
        }

        @Override
        public void notAcquired(Object key, Outcome outcome, Duration waited) {
            throw new HostileKeys.OwnError();
        }

        @Override
        public void released(Object key, Duration held) {
            throw new HostileKeys.OwnError();
        }

        @Override
        public Wait waiting(Object key, int ahead) {
            return (outcome, waited) -> {
                throw new HostileKeys.OwnError();
            };
        }

        @Override
        public void longHold(Object key, KeySnapshot.Caller holder, List<StackTraceElement> stack) {
            throw new HostileKeys.OwnError();
        }
    }

    private static DefaultKeyedLocker<String> locker(KeyedLockerSettings settings) {
        return DefaultKeyedLocker.create(settings, new Throwing());
    }

    @Test
    void noAcquisitionAndNoReleaseFails() throws Exception {
        KeyedLocker<String> locker = locker(KeyedLockerSettings.defaults());
        Permit all = locker.acquireAll(List.of("a", "b", "c"));
        OtherThread<Boolean> waiter = waitsFor(locker, "b", 0, () -> {
            locker.acquire("b").close();
            return true;
        });
        assertThat(OtherThread.calls(() -> locker.tryAcquire("c").isEmpty()).result())
                .isTrue();
        all.close();
        assertThat(waiter.result()).isTrue();
        locker.acquireAsync("a").join().close();
        assertThat(locker.activeKeyCount()).isZero();
        assertThat(logged).hasPositiveValue();
    }

    @Test
    void scanContinuesAfterAFailingListener() throws Exception {
        KeyedLocker<String> locker = locker(KeyedLockerSettings.defaults().withLongHold(Duration.ofMillis(4)));
        Permit first = locker.acquire("a");
        until(() -> logged.get() > 1);
        int before = logged.get();
        // The failure at the acquisition is logged too.
        Permit second = locker.acquire("b");
        until(() -> logged.get() > before + 1);
        first.close();
        second.close();
    }

    @Test
    void listenerThatFailsOnCreationIsNamed() {
        KeyedLockerListener mock = (KeyedLockerListener) Proxy.newProxyInstance(
                getClass().getClassLoader(),
                new Class<?>[] {KeyedLockerListener.class},
                (proxy, method, given) -> null);
        KeyedLockerListener throwing = new KeyedLockerListener() {
            @Override
            public @Nullable KeyedLockerListener forLocker(String lockName) {
                throw new HostileKeys.OwnException();
            }
        };
        KeyedLockerSettings settings = KeyedLockerSettings.defaults().withName("orders");
        KeyedLocker<String> locker = KeyedLocker.create(settings);
        assertThatThrownBy(() -> KeyedLocker.create(settings, mock))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining(mock.getClass().getName() + ".forLocker(\"orders\") returned null");
        assertThatThrownBy(() -> locker.addListener(mock)).hasMessageContaining("returned null");
        assertThatThrownBy(() -> locker.addListener(throwing))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining(throwing.getClass().getName())
                .hasCauseInstanceOf(HostileKeys.OwnException.class);
    }
}
