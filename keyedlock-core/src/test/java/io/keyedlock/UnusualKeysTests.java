// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Keys whose methods misbehave affect no other key and leave nothing locked. */
class UnusualKeysTests {

    private static final Duration LONG = Duration.ofMinutes(2);

    @RegisterExtension
    final Cast cast = new Cast();

    private final KeyedLocker<Object> locker = KeyedLocker.create();

    /** A key that can be set to fail. All instances have the same hash code unless it is changed. */
    private static final class Moody {
        final int id;
        volatile int hash = 7;
        volatile boolean failsInEquals;
        volatile boolean failsInHashCode;

        Moody(int id) {
            this.id = id;
        }

        @Override
        public boolean equals(Object other) {
            if (failsInEquals) {
                throw new IllegalStateException("equals fails");
            }
            return other instanceof Moody moody && moody.id == id;
        }

        @Override
        public int hashCode() {
            if (failsInHashCode) {
                throw new IllegalStateException("hashCode fails");
            }
            return hash;
        }

        @Override
        public String toString() {
            throw new IllegalStateException("toString fails");
        }
    }

    private List<ThrowingCallable> allCallsWith(Object key) {
        return List.of(
                () -> locker.acquire(key),
                () -> locker.acquire(key, LONG),
                () -> locker.tryAcquire(key),
                () -> locker.tryAcquire(key, LONG),
                () -> locker.acquireAsync(key),
                () -> locker.acquireAsync(key, LONG),
                () -> locker.acquireAll(List.of("a", key, "z")),
                () -> locker.tryAcquireAll(List.of("a", key, "z")),
                () -> locker.acquireAllAsync(List.of("a", key, "z"), LONG),
                () -> locker.run(key, () -> {}),
                () -> locker.supplyAsync(key, () -> 1, Runnable::run),
                () -> locker.asLock(key).lock(),
                () -> locker.asLock(key).tryLock(),
                () -> locker.asLock(key).unlock(),
                () -> locker.isActive(key),
                () -> locker.snapshot(key));
    }

    @Test
    @DisplayName("an exception of equals reaches the caller and leaves nothing locked")
    void throwingEqualsLeavesNothingLocked() throws Exception {
        Moody good = new Moody(1);
        Permit held = locker.acquire(good);
        Moody bad = new Moody(2);
        bad.failsInEquals = true;
        for (ThrowingCallable call : allCallsWith(bad)) {
            assertThatThrownBy(call).isInstanceOf(IllegalStateException.class).hasMessage("equals fails");
            assertThat(locker.activeKeyCount()).isEqualTo(1);
            assertThat(Cast.holders(locker, good)).isEqualTo(1);
        }
        // The stripe is usable at once, also by other threads.
        assertThat(cast.actor("other").does(() -> locker.tryAcquire(good))).isEmpty();
        cast.actor("another").does(() -> locker.acquire(new Moody(3))).close();
        held.close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("an exception of hashCode reaches the caller and leaves nothing locked")
    void throwingHashCodeLeavesNothingLocked() {
        Moody bad = new Moody(2);
        bad.failsInHashCode = true;
        for (ThrowingCallable call : allCallsWith(bad)) {
            assertThatThrownBy(call).isInstanceOf(IllegalStateException.class).hasMessage("hashCode fails");
            assertThat(locker.activeKeyCount()).isZero();
        }
    }

    @Test
    @DisplayName("a held key whose equals or hashCode starts to throw is released by its permit")
    void heldKeyThatStartsToFailIsReleased() throws Exception {
        Moody moody = new Moody(1);
        Permit permit = locker.acquire(moody);
        CompletableFuture<Permit> waiting = locker.acquireAsync(moody);
        moody.failsInEquals = true;
        moody.failsInHashCode = true;
        // The table calls equals of the new key, not of the held one.
        assertThat(locker.tryAcquire(new Moody(2))).isPresent();
        permit.close();
        assertThat(waiting).isCompleted();
        waiting.join().close();
        assertThat(locker.activeKeyCount()).isEqualTo(1);
        assertThat(locker.snapshot()).hasSize(1);
    }

    @Test
    @DisplayName("a key whose hash code changed while held is released by its permit, with reentry and waiters")
    void heldKeyWhoseHashChangesIsReleased() throws Exception {
        Moody moody = new Moody(1);
        Permit permit = locker.acquire(moody);
        Permit again = locker.acquire(moody);
        CompletableFuture<Permit> waiting = locker.acquireAsync(moody);
        CompletableFuture<Permit> cancelled = locker.acquireAsync(moody);
        List<Permit> neighbours = new ArrayList<>();
        for (int i = 2; i < 40; i++) {
            neighbours.add(locker.acquire(new Moody(i)));
        }
        moody.hash = 1_234_567;
        assertThat(locker.activeKeys()).hasSize(39);
        again.close();
        permit.close();
        assertThat(cancelled.cancel(true)).isTrue();
        waiting.join().close();
        neighbours.forEach(Permit::close);
        assertThat(locker.activeKeyCount()).isZero();
        assertThat(locker.snapshot()).isEmpty();
    }

    @Test
    @DisplayName("a view locks and unlocks one key although its hash code changes in between")
    @SuppressWarnings("LockNotBeforeTry")
    void viewKeepsItsHash() {
        Moody moody = new Moody(1);
        var lock = locker.asLock(moody);
        lock.lock();
        moody.hash = 99;
        lock.unlock();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("an equals that throws at the second of multiple keys releases the first, also of a waiting future")
    void throwingEqualsAmongMultipleKeysReleasesTheOthers() throws Exception {
        // They are ordered by hash code, so the failing one is second.
        List<Object> order = new ArrayList<>();
        KeyedLocker<Object> probe = KeyedLocker.create(KeyedLockerSettings.defaults(), new KeyedLockerListener() {
            @Override
            public void acquired(Object key, Duration waited) {
                order.add(key);
            }
        });
        Object plain = null;
        for (int i = 0; order.size() != 2 || order.get(0) != plain; i++) {
            plain = "plain" + i;
            order.clear();
            probe.acquireAll(List.of(plain, new Moody(1))).close();
        }
        Moody neighbour = new Moody(2);
        Moody bad = new Moody(3);
        Permit first = locker.acquireAsync(plain).join();
        Permit second = locker.acquireAsync(neighbour).join();
        CompletableFuture<Permit> future = locker.acquireAllAsync(List.of(plain, bad), LONG);
        assertThat(future).isNotDone();
        bad.failsInEquals = true;
        first.close();
        assertThat(Actor.failure(future))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("equals fails");
        assertThat(locker.activeKeys()).isEqualTo(Set.of(neighbour));
        Object taken = plain;
        assertThatThrownBy(() -> locker.acquireAll(List.of(taken, bad))).hasMessage("equals fails");
        assertThatThrownBy(() -> locker.tryAcquireAll(List.of(taken, bad))).hasMessage("equals fails");
        assertThatThrownBy(() -> locker.acquireAllAsync(List.of(taken, bad), LONG))
                .hasMessage("equals fails");
        assertThat(locker.activeKeys()).isEqualTo(Set.of(neighbour));
        second.close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("an equals that throws while colliding keys are ordered leaves none of them active")
    void throwingEqualsWhileKeysArePutInOrder() throws Exception {
        Moody one = new Moody(1);
        Moody two = new Moody(2);
        Moody three = new Moody(3);
        Permit held = locker.acquire(new Moody(9));
        List<Object> keys = List.of(one, two, three);
        CompletableFuture<Permit> fine = locker.acquireAllAsync(keys, LONG);
        fine.join().close();
        two.failsInEquals = true;
        assertThatThrownBy(() -> locker.acquireAll(keys)).hasMessage("equals fails");
        assertThatThrownBy(() -> locker.tryAcquireAll(keys)).hasMessage("equals fails");
        assertThatThrownBy(() -> locker.acquireAllAsync(keys, LONG)).hasMessage("equals fails");
        assertThat(locker.activeKeyCount()).isEqualTo(1);
        held.close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("a key whose toString throws is described by its class, and an endless one is cut")
    void describingAKeyNeverFails() throws Exception {
        Moody moody = new Moody(1);
        Permit permit = locker.acquireAsync(moody).join();
        assertThatThrownBy(() -> locker.acquire(moody, Duration.ZERO))
                .isInstanceOf(LockTimeoutException.class)
                .hasMessageContaining(Moody.class.getName() + " (its toString fails)");
        assertThat(permit.toString()).contains("its toString fails");
        String endless = "x".repeat(10_000);
        locker.acquireAsync(endless).join();
        assertThatThrownBy(() -> locker.acquire(endless, Duration.ZERO))
                .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(300).contains("x…'"));
    }

    @Test
    @DisplayName("keys that all collide and are not comparable are locks of their own")
    void thousandsOfCollidingKeys() throws Exception {
        List<Permit> permits = new ArrayList<>();
        for (int i = 0; i < 3_000; i++) {
            permits.add(locker.acquire(new Colliding(i)));
        }
        assertThat(locker.activeKeyCount()).isEqualTo(3_000);
        for (int i = 0; i < 3_000; i += 2) {
            permits.get(i).close();
        }
        assertThat(locker.activeKeyCount()).isEqualTo(1_500);
        assertThat(locker.isActive(new Colliding(1))).isTrue();
        assertThat(locker.isActive(new Colliding(2))).isFalse();
        permits.forEach(Permit::close);
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("a timed future ends although the toString of its key throws")
    void timedFutureEndsWithoutTheTextOfItsKey() throws Exception {
        Object nameless = new Object() {
            @Override
            @SuppressWarnings("ToStringReturnsNull")
            public String toString() {
                return null;
            }
        };
        for (Object key : List.of(nameless, new Endless())) {
            Permit held = locker.acquireAsync(key).join();
            CompletableFuture<Permit> waiting = locker.acquireAsync(key, Duration.ofMillis(1));
            assertThat(Actor.failure(waiting))
                    .isInstanceOf(LockTimeoutException.class)
                    .hasMessageContaining(key.getClass().getName() + " (its toString ");
            held.close();
        }
        assertThat(locker.activeKeyCount()).isZero();
    }

    /** A key whose text is endless. */
    private static final class Endless {
        @Override
        @SuppressWarnings("InfiniteRecursion")
        public String toString() {
            return "endless " + this;
        }
    }

    @Test
    @DisplayName("a view unlocks although the equals of its key throws and other keys have the same hash")
    @SuppressWarnings("LockNotBeforeTry")
    void viewUnlocksAKeyWhoseEqualsFails() throws Exception {
        Moody moody = new Moody(1);
        var lock = locker.asLock(moody);
        lock.lock();
        List<Permit> others = new ArrayList<>();
        // The table reverses its chains as it grows, so later keys come first.
        for (int i = 2; i < 12; i++) {
            others.add(locker.acquire(new Moody(i)));
        }
        moody.failsInEquals = true;
        lock.unlock();
        assertThat(locker.activeKeyCount()).isEqualTo(10);
        others.forEach(Permit::close);
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("the text of a key is one line and is never cut within a character")
    void textOfAKeyIsOneLine() {
        assertThat(KeyText.inLine("a\r\nWARN b\u2028c\u0000")).isEqualTo("a\uFFFD\uFFFDWARN b\uFFFDc\uFFFD");
        assertThat(KeyText.inLine("\u001B[2Ja\u202Eb\u2066c\u200F")).isEqualTo("\uFFFD[2Ja\uFFFDb\uFFFDc\uFFFD");
        assertThat(KeyText.inLine("a\nbc", 3)).isEqualTo("a\uFFFDb…");
        assertThat(KeyText.of("a\nb", 3)).isEqualTo("a\nb");
        assertThat(KeyText.of("ab\uD83D\uDD12", 3)).isEqualTo("ab…");
        assertThat(KeyText.of("ab\uD83D\uDD12", 4)).isEqualTo("ab\uD83D\uDD12");
        assertThat(KeyText.of("\uD83D!\uDD12", 3)).isEqualTo("\uFFFD!\uFFFD");
        assertThat(KeyText.of(null, 4)).isEqualTo("null");
        assertThatThrownBy(() -> KeyText.of("a", 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("longest");
    }

    @Test
    @DisplayName("messages of failures are logged without line breaks")
    void failuresAreLoggedWithoutControlCharacters() {
        RuntimeException clean = new IllegalStateException("clean", new IllegalArgumentException("too"));
        assertThat(ForeignFailure.of(clean, true)).isSameAs(clean);
        assertThat(trace(ForeignFailure.of(clean, false)))
                .contains("IllegalStateException, without its message", "IllegalArgumentException, without its message")
                .doesNotContain("clean");
        RuntimeException forged =
                new IllegalStateException("a\nFORGED", new IllegalArgumentException("b\u001B[2J\u202E"));
        assertThat(trace(ForeignFailure.of(forged, true)))
                .contains(": java.lang.IllegalStateException: a\uFFFDFORGED")
                .contains(": java.lang.IllegalArgumentException: b\uFFFD[2J\uFFFD")
                .doesNotContain("\u001B", "\nFORGED")
                .contains("failuresAreLoggedWithoutControlCharacters");
        RuntimeException endless = new IllegalStateException("a");
        endless.initCause(new IllegalStateException("b", endless));
        assertThat(trace(ForeignFailure.of(endless, true))).contains(": java.lang.IllegalStateException: b");
    }

    private static String trace(Throwable failure) {
        StringWriter trace = new StringWriter();
        failure.printStackTrace(new PrintWriter(trace, true));
        return trace.toString();
    }
}
