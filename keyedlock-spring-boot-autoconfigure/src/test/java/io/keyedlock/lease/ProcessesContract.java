// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerListener;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.LockBackendException;
import io.keyedlock.Permit;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;

/**
 * Several JVMs on one server: the contract of a locker across processes, also when one is killed or paused. A test class
 * of a store extends this, starts a server before each test, and works in the processes by a {@link Worker}.
 */
@Timeout(180)
@Tag("processes") // more than a minute; run by .ci/run
public abstract class ProcessesContract {

    /** The name of the locker. */
    protected static final String NAME = "shared";

    /** Workers use the keys from {@code k0} to this number. */
    protected static final int KEYS = 20;

    /** The seconds of a long run, longer than a machine pauses a process. */
    private static final int LONG = 30;

    /** The settings of lockers without an outage. */
    protected static final Duration PATIENT = Duration.ofMinutes(1);

    /** The settings of lockers with an outage: short for the test, but longer than a response takes on a busy machine. */
    protected static final Duration OUTAGE = Duration.ofSeconds(5);

    private final List<WorkerProcess> workers = new ArrayList<>();
    private final List<KeyedLocker<Object>> lockers = new ArrayList<>();
    private final List<Leases> leases = new ArrayList<>();
    protected final List<String> lost = new CopyOnWriteArrayList<>();

    /** Creates a store of this process. */
    protected abstract LeaseStore create();

    /** Returns the class whose main method runs a {@link Worker} on the server. */
    protected abstract Class<?> worker();

    /** Returns the address of the server, for that class. */
    protected abstract String address();

    protected abstract Worker.Witnesses witnesses();

    /** Returns how many sections of a key the workers have counted. */
    protected abstract long counted(String key);

    /** Returns the value that was stored last for the key {@code k}. */
    protected abstract String stored();

    /** Returns the end of the lease of the key {@code k}, and the present time, by the clock of the server. */
    protected abstract List<Long> endOfLeaseAndNow();

    /** Returns whether the server has neither leases nor queues. */
    protected abstract boolean isEmpty();

    /** Stops the server, does something, and starts it again with its data. */
    protected abstract void whileDown(Runnable task) throws Exception;

    protected abstract void stopServer();

    @AfterEach
    void stop() throws InterruptedException {
        for (WorkerProcess worker : workers) {
            worker.kill();
        }
        lockers.forEach(KeyedLocker::close);
        leases.forEach(Leases::close);
        stopServer();
    }

    protected WorkerProcess worker(int limit, Duration lease, String... what) throws IOException {
        WorkerProcess worker = new WorkerProcess(worker(), address(), NAME, limit, lease, what);
        workers.add(worker);
        return worker;
    }

    protected KeyedLocker<Object> locker(Duration lease, Duration backendTimeout) {
        KeyedLockerSettings settings = KeyedLockerSettings.defaults().withName(NAME);
        LeaseSettings own = LeaseSettings.defaults().withLeaseTime(lease).withBackendTimeout(backendTimeout);
        Leases created = Leases.create(create(), "test");
        leases.add(created);
        LeaseBackend backend = created.backend(settings, own);
        // The first call connects.
        backend.connect();
        KeyedLocker<Object> locker = KeyedLocker.createOn(backend, settings);
        locker.addListener(new KeyedLockerListener() {
            @Override
            public void leaseLost(Object key) {
                lost.add(String.valueOf(key));
            }
        });
        lockers.add(locker);
        return locker;
    }

    /** Starts a process that acquires keys with the given limit. */
    private WorkerProcess hammering(int limit, int most, int seconds) throws IOException {
        return worker(
                limit,
                Duration.ofSeconds(30),
                "hammer",
                Integer.toString(seconds),
                Integer.toString(KEYS),
                Integer.toString(most));
    }

    private void hammer(int limit, int seconds) throws IOException {
        for (int i = 0; i < 3; i++) {
            hammering(limit, limit, seconds);
        }
        // No process ends before all have had a share, so the last one competes with the others too.
        for (WorkerProcess worker : workers) {
            assertThat(worker.says()).isEqualTo(Worker.HAS_ITS_SHARE);
        }
        for (WorkerProcess worker : workers) {
            worker.goOn();
        }
        long sections = 0;
        List<Long> shares = new ArrayList<>();
        for (WorkerProcess worker : workers) {
            List<String> said = List.of(worker.says().split(" ", 2));
            assertThat(said.get(1))
                    .as("sections above the limit, and failed calls")
                    .isEqualTo("0 0");
            shares.add(Long.parseLong(said.get(0)));
            sections += Long.parseLong(said.get(0));
        }
        if (seconds == LONG) {
            // In less time, a process that is paused for a moment would have a smaller share.
            long all = sections;
            assertThat(shares).as("each process gets its share").allMatch(share -> share > all / 10);
        }
        if (limit == 1) {
            long counted =
                    IntStream.range(0, KEYS).mapToLong(i -> counted("k" + i)).sum();
            assertThat(counted).as("no update is lost").isEqualTo(sections);
        }
        until(this::isEmpty);
    }

    @Test
    void neverMoreThanTheLimitIsInside() throws Exception {
        hammer(1, 3);
    }

    @Test
    void neverMoreThanAHigherLimitIsInside() throws Exception {
        hammer(3, 3);
    }

    /** Replaces each process by one with a higher limit, as in a rolling deployment. */
    @Test
    void aChangeOfTheLimitIsRolledOutWithoutAFailedCall() throws Exception {
        List<WorkerProcess> running = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            running.add(hammering(3, 5, 0));
        }
        for (WorkerProcess worker : running) {
            assertThat(worker.says()).isEqualTo(Worker.HAS_ITS_SHARE);
        }
        for (int i = 0; i < 3; i++) {
            WorkerProcess next = hammering(5, 5, 0);
            assertThat(next.says()).isEqualTo(Worker.HAS_ITS_SHARE);
            running.add(next);
            ends(running.remove(0));
        }
        for (WorkerProcess worker : running) {
            ends(worker);
        }
        until(this::isEmpty);
    }

    private static void ends(WorkerProcess worker) throws IOException {
        worker.goOn();
        assertThat(worker.says())
                .as("sections, sections above the limit, failed calls")
                .endsWith(" 0 0");
    }

    @Test
    @Tag("stress")
    void neverMoreThanTheLimitIsInsideForLong() throws Exception {
        hammer(1, LONG);
    }

    @Test
    @Tag("stress")
    void neverMoreThanAHigherLimitIsInsideForLong() throws Exception {
        hammer(3, LONG);
    }

    @Test
    void keyOfAProcessThatWasKilledIsFreeAfterTheLeaseAndNotBefore() throws Exception {
        Duration lease = Duration.ofSeconds(15);
        WorkerProcess holder = worker(1, lease, "hold", "k");
        assertThat(holder.says()).startsWith("held ");
        // Ensures that the client is connected and the server has received a query.
        endOfLeaseAndNow();
        holder.kill();

        List<Long> before = endOfLeaseAndNow();
        KeyedLocker<Object> locker = locker(lease, PATIENT);
        locker.acquire("k", Duration.ofMinutes(1)).close();
        assertThat(before.get(1)).as("now, while the lease was alive").isLessThan(before.get(0));
        assertThat(endOfLeaseAndNow().get(1)).as("when it was granted again").isGreaterThanOrEqualTo(before.get(0));
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void storeRejectsAProcessThatPausedBeyondItsLease() throws Exception {
        Duration lease = Duration.ofSeconds(5);
        KeyedLocker<Object> locker = locker(lease, PATIENT);
        until(() -> works(locker, "warm"));
        WorkerProcess holder = worker(1, lease, "hold", "k");
        long stale = Long.parseLong(holder.says().substring("held ".length()));
        holder.signal("STOP");

        Permit later = locker.acquire("k", Duration.ofMinutes(1));
        long token = later.fencingToken().orElseThrow();
        assertThat(token).isGreaterThan(stale);
        assertThat(witnesses().store("k", token, "later")).isTrue();

        holder.signal("CONT");
        holder.goOn();
        assertThat(holder.says()).isEqualTo("refused");
        assertThat(holder.says()).isEqualTo("released");
        assertThat(stored()).isEqualTo("later");
        later.close();
    }

    @Test
    void processesThatAcquireTwoKeysInOppositeOrdersDoNotDeadlock() throws Exception {
        WorkerProcess one = worker(1, Duration.ofSeconds(30), "both", "200", "a", "b");
        WorkerProcess other = worker(1, Duration.ofSeconds(30), "both", "200", "b", "a");
        assertThat(one.says()).isEqualTo("200");
        assertThat(other.says()).isEqualTo("200");
    }

    @Test
    void aRestartedServerIsAClearErrorAndGrantsNothingTwice() throws Exception {
        KeyedLocker<Object> one = locker(Duration.ofMinutes(1), OUTAGE);
        KeyedLocker<Object> other = locker(Duration.ofMinutes(1), OUTAGE);
        Permit held = one.acquire("k");
        whileDown(() -> {
            assertThatThrownBy(() -> other.acquire("another")).isInstanceOf(LockBackendException.class);
            assertThat(other.isActive("another")).isFalse();
        });
        until(() -> works(other, "another"));
        assertThat(other.tryAcquire("k")).as("the lease is alive").isEmpty();
        held.close();
        other.acquire("k", Duration.ofMinutes(1)).close();
        assertThat(lost).isEmpty();
    }

    /** Waits until a condition is true. */
    protected static void until(BooleanSupplier condition) {
        Awaitility.await()
                .pollDelay(0, TimeUnit.MILLISECONDS)
                .pollInterval(5, TimeUnit.MILLISECONDS)
                .atMost(Duration.ofSeconds(60))
                .until(condition::getAsBoolean);
    }

    private static boolean works(KeyedLocker<Object> locker, Object key) {
        try {
            locker.acquire(key, Duration.ofSeconds(10)).close();
            return true;
        } catch (LockBackendException e) {
            return false;
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
