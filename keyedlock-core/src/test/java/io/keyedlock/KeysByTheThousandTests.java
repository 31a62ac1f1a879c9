// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.HostileKeys.Moody;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Every call with any key ends in a permit, an error of the key or one of the locker, and leaves no key active. */
@Timeout(300)
class KeysByTheThousandTests {

    private static final Duration SHORT = Duration.ofNanos(50_000);

    @Test
    void everyKeyIsLockedOrRejectedAndNothingStaysLocked() {
        RandomCases.check(2_000, random -> new Case(random).play());
    }

    @Test
    void everyKeyHasAPrintableText() {
        RandomCases.check(2_000, random -> {
            Object key = HostileKeys.any(random);
            for (String text : List.of(KeyText.of(key, 1 + random.nextInt(300)), KeyText.inLine(key))) {
                assertThat(text).hasSizeLessThanOrEqualTo(301);
                assertThat(new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8))
                        .isEqualTo(text);
            }
            assertThat(KeyText.inLine(key).chars()).noneMatch(Character::isISOControl);
        });
    }

    /** One locker with a few keys and a dozen calls. */
    private static final class Case {

        private final Random random;
        private final KeyedLocker<Object> locker;
        private final List<@Nullable Object> keys = new ArrayList<>();
        private final List<Permit> permits = new ArrayList<>();
        private final List<Lock> locked = new ArrayList<>();
        private final List<CompletableFuture<?>> futures = new ArrayList<>();

        Case(Random random) {
            this.random = random;
            locker = KeyedLocker.create(KeyedLockerSettings.defaults()
                    .withLimit(1 + random.nextInt(2))
                    .withFair(random.nextBoolean())
                    .withReentrant(random.nextBoolean())
                    .withMaxWaiters(random.nextInt(3))
                    .withWaitTime(random.nextBoolean() ? SHORT : Duration.ZERO)
                    .withShowKeys(random.nextInt(4) > 0));
            for (int i = 0; i < 3; i++) {
                keys.add(HostileKeys.any(random));
            }
        }

        void play() throws Exception {
            for (int i = 0; i < 12; i++) {
                Object key = keys.get(random.nextInt(keys.size()));
                try {
                    call(key);
                } catch (Throwable e) {
                    if (!HostileKeys.isOwn(e) && !(e instanceof KeyedLockFailure)) {
                        throw e;
                    }
                }
                if (random.nextInt(3) == 0 && key instanceof Moody moody) {
                    moody.change(random);
                }
                if (random.nextInt(4) == 0 && !permits.isEmpty()) {
                    permits.remove(random.nextInt(permits.size())).close();
                }
            }
            leave();
        }

        @SuppressWarnings({"NullAway", "LockNotBeforeTry"}) // null is among the keys
        private void call(@Nullable Object key) throws InterruptedException {
            switch (random.nextInt(17)) {
                case 0 -> permits.add(locker.acquire(key));
                case 1 -> permits.add(locker.acquire(key, SHORT));
                case 2 -> locker.tryAcquire(key).ifPresent(permits::add);
                case 3 -> locker.tryAcquire(key, SHORT).ifPresent(permits::add);
                case 4 -> futures.add(locker.acquireAsync(key));
                case 5 -> futures.add(locker.acquireAsync(key, SHORT));
                case 6 -> futures.add(locker.tryAcquireAsync(key));
                case 7 -> permits.add(locker.acquireAll(several(key), SHORT));
                case 8 -> locker.tryAcquireAll(several(key)).ifPresent(permits::add);
                case 9 -> futures.add(locker.acquireAllAsync(several(key), SHORT));
                case 10 -> locker.run(key, () -> {});
                case 11 -> futures.add(locker.supplyAsync(key, () -> "done", Runnable::run));
                case 12 -> lock(locker.asLock(key));
                case 13 -> locker.isActive(key);
                case 14 -> locker.snapshot(key);
                case 15 -> locker.activeKeys();
                default -> {
                    locker.snapshot();
                    locker.overview(100);
                }
            }
        }

        private void lock(Lock lock) throws InterruptedException {
            if (locker.activeKeyCount() == 0) {
                lock.lock();
                locked.add(lock);
            } else if (random.nextBoolean() ? lock.tryLock() : lock.tryLock(1, TimeUnit.MICROSECONDS)) {
                locked.add(lock);
            }
        }

        private List<Object> several(@Nullable Object key) {
            return new ArrayList<>(Arrays.asList("a", key, keys.get(random.nextInt(keys.size())), 7L));
        }

        /** Releases everything, even if keys have changed; every timed wait ends. */
        private void leave() throws Exception {
            if (random.nextBoolean()) {
                permits.forEach(Permit::close);
            }
            for (CompletableFuture<?> future : futures) {
                try {
                    if (future.get(60, TimeUnit.SECONDS) instanceof Permit permit) {
                        permit.close();
                    }
                } catch (ExecutionException e) {
                    assertThat(e.getCause())
                            .matches(failure -> HostileKeys.isOwn(failure) || failure instanceof KeyedLockFailure);
                } catch (CancellationException e) {
                    throw new AssertionError("nobody has cancelled", e);
                }
            }
            locked.forEach(Lock::unlock);
            permits.forEach(Permit::close);
            assertThat(locker.activeKeyCount()).isZero();
            assertThat(locker.snapshot()).isEmpty();
            assertThat(locker.awaitIdle(Duration.ZERO)).isTrue();
            locker.acquire("somebody else's").close();
            assertThat(locker.activeKeyCount()).isZero();
        }
    }
}
