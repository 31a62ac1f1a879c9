// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A thread that acquires at every depth near the end of its stack leaves keys and stripes usable, wherever the stack ends. In a
 * separate JVM, as it breaks classes that are initialized meanwhile; the JDK's have been before.
 */
class EndOfStackTests {

    private static final int ROUNDS = 10;

    /** Enough for an index of the holds by thread. */
    private static final int MANY = 20;

    /** Used by the deep thread only. */
    private static Permit open;

    /** Used by the deep thread only. */
    private static Permit oneOfMany;

    private static KeyedLocker<Integer> many;

    @ParameterizedTest
    @ValueSource(strings = {"-Xint", "-XX:TieredStopAtLevel=1", "-XX:+TieredCompilation"})
    @DisplayName("keys survive acquisitions at the end of the stack")
    void keysStayConsistent(String mode) throws Exception {
        ForkedJvm.run(EndOfStackTests.class, mode);
    }

    public static void main(String[] args) throws Exception {
        for (int round = 0; round < ROUNDS; round++) {
            round(round);
        }
        System.out.println(ForkedJvm.DONE);
    }

    private static void round(int round) throws Exception {
        KeyedLocker<Integer> locker = KeyedLocker.create();
        Permit held = locker.acquireAsync(1).join();
        many = KeyedLocker.create(KeyedLockerSettings.defaults().withLimit(MANY));
        List<Permit> others = new ArrayList<>();
        for (int i = 1; i < MANY; i++) {
            others.add(many.acquireAsync(1).join());
        }
        for (int depth = 0; depth < 4; depth++) {
            use(locker, depth);
            closeWhatIsOpen();
        }
        Thread deep = new Thread(null, () -> descend(locker, round), "deep", 256 * 1024);
        deep.start();
        deep.join(TimeUnit.MINUTES.toMillis(2));
        if (deep.isAlive()) {
            throw new AssertionError("stuck in round " + round + ": " + Arrays.toString(deep.getStackTrace()));
        }
        CompletableFuture<Void> check = CompletableFuture.runAsync(
                () -> {
                    try {
                        held.close();
                        for (int key = 1; key <= 3; key++) {
                            locker.tryAcquire(key, Duration.ofMinutes(1))
                                    .orElseThrow()
                                    .close();
                        }
                        locker.awaitIdle();
                        many.tryAcquire(1, Duration.ofMinutes(1)).orElseThrow().close();
                        others.forEach(Permit::close);
                        many.awaitIdle();
                    } catch (InterruptedException e) {
                        throw new AssertionError(e);
                    }
                },
                task -> OtherThread.daemon(task).start());
        check.get(2, TimeUnit.MINUTES);
    }

    /** Recurses to the end of the stack and tries every call on the way back. */
    @SuppressWarnings("InfiniteRecursion") // that is the point
    private static int descend(KeyedLocker<Integer> locker, int salt) {
        int depth;
        try {
            depth = descend(locker, salt + 1) + 1;
        } catch (StackOverflowError e) {
            depth = 0;
        }
        if (depth < 200) {
            use(locker, depth);
            closeWhatIsOpen();
        }
        return depth;
    }

    /** A close that overflows the stack fails, and succeeds further up. */
    private static void closeWhatIsOpen() {
        try {
            if (open != null) {
                open.close();
                open = null;
            }
            if (oneOfMany != null) {
                oneOfMany.close();
                oneOfMany = null;
            }
        } catch (StackOverflowError e) {
            // The next frame tries again.
        }
    }

    private static void use(KeyedLocker<Integer> locker, int depth) {
        try {
            switch (depth % 4) {
                // A held key: waits and leaves the queue.
                case 0 -> locker.tryAcquire(1, Duration.ofNanos(1)).ifPresent(Permit::close);
                case 1 -> locker.acquireAsync(1).cancel(true);
                // The last available permit of many.
                case 2 -> {
                    if (oneOfMany == null) {
                        oneOfMany = many.acquire(1);
                    }
                }
                // A free key.
                default -> {
                    if (open == null) {
                        open = locker.acquire(2);
                    }
                }
            }
        } catch (StackOverflowError | NoClassDefFoundError | BootstrapMethodError | ExceptionInInitializerError e) {
            // The caller may fail.
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
