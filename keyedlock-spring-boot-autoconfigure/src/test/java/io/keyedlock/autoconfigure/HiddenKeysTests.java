// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.read.ListAppender;
import io.keyedlock.KeySnapshot;
import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerBackend;
import io.keyedlock.KeyedLockerListener;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.LockBackendException;
import io.keyedlock.LockDeadlockException;
import io.keyedlock.LockReentryException;
import io.keyedlock.LockRejectedException;
import io.keyedlock.LockTimeoutException;
import io.keyedlock.Permit;
import io.keyedlock.actuate.KeyedLocksEndpoint;
import io.keyedlock.annotation.KeyedLock;
import io.keyedlock.aop.LockKeyException;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.aop.AopAutoConfiguration;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import reactor.core.publisher.Mono;

/**
 * With {@code keyedlock.show-keys=false} no failure reveals a key. Each key has a mark in its text; the mark must
 * appear in no log line, exception, meter, response of the endpoint, thread dump or recorded event.
 */
@Timeout(300)
@SuppressWarnings("try") // the permit is only held
class HiddenKeysTests {

    private static final String MARK = "Xq7private";

    private static final Duration SHORT = Duration.ofMillis(5);

    private final ListAppender<ILoggingEvent> appender = new ListAppender<>();

    /** All recorded output. */
    private final List<String> shown = new CopyOnWriteArrayList<>();

    private final Logger root = logger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    private final Logger ours = logger("io.keyedlock");
    private @Nullable Level before;

    @TempDir
    Path directory;

    private static Logger logger(String name) {
        return ((LoggerContext) LoggerFactory.getILoggerFactory()).getLogger(name);
    }

    /** The logger of the engine. Kept here, because the log manager refers to it and its handlers weakly. */
    private static final java.util.logging.Logger ENGINE =
            java.util.logging.Logger.getLogger(KeyedLocker.class.getName());

    /** The target of System.Logger, as in an application with a bridge. */
    private final java.util.logging.Handler bridge = new java.util.logging.Handler() {
        @Override
        public void publish(java.util.logging.LogRecord record) {
            shown.add(record.getMessage() + (record.getThrown() == null ? "" : text(record.getThrown())));
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    };

    @BeforeEach
    void listen() {
        before = ours.getLevel();
        ours.setLevel(Level.TRACE);
        // Threads of the engine log while a test reads.
        appender.list = new CopyOnWriteArrayList<>();
        appender.setContext(root.getLoggerContext());
        appender.start();
        root.addAppender(appender);
        ENGINE.addHandler(bridge);
    }

    @AfterEach
    void listenNoMore() {
        root.detachAppender(appender);
        ours.setLevel(before);
        ENGINE.removeHandler(bridge);
    }

    private static String text(Throwable failure) {
        StringWriter text = new StringWriter();
        failure.printStackTrace(new PrintWriter(text));
        return text.toString();
    }

    /** Returns all texts of a failure. */
    private String fails(Class<? extends Throwable> expected, Action action) {
        Throwable failure = catchThrowable(() -> {
            try {
                action.run();
            } catch (ExecutionException e) {
                throw e.getCause();
            }
        });
        assertThat(failure).isInstanceOf(expected);
        String text = text(failure);
        shown.add(text);
        return text;
    }

    private interface Action {
        void run() throws Exception;
    }

    private ApplicationContextRunner runner() {
        return new ApplicationContextRunner()
                .withConfiguration(AutoConfigurations.of(
                        AopAutoConfiguration.class,
                        KeyedLockAutoConfiguration.class,
                        KeyedLockAopAutoConfiguration.class,
                        KeyedLockMetricsAutoConfiguration.class,
                        KeyedLockEndpointAutoConfiguration.class,
                        KeyedLockShutdownAutoConfiguration.class))
                .withBean(SimpleMeterRegistry.class)
                .withBean(Service.class)
                .withBean(Gossip.class)
                .withPropertyValues(
                        "management.endpoints.web.exposure.include=*",
                        "keyedlock.show-keys=false",
                        "keyedlock.long-hold.threshold=1ms",
                        "keyedlock.shutdown.await-idle=1ms",
                        "keyedlock.locks.orders.limit=1",
                        "keyedlock.locks.orders.wait-time=forever",
                        "keyedlock.locks.orders.max-waiters=1",
                        "keyedlock.locks.once.reentrant=false");
    }

    @Test
    void noFailureRevealsAKey() throws Exception {
        Path file = directory.resolve("waits.jfr");
        try (Recording recording = new Recording()) {
            recording.enable("keyedlock.Wait").withoutThreshold();
            recording.start();
            runner().run(context -> {
                Service service = context.getBean(Service.class);
                KeyedLockerRegistry registry = context.getBean(KeyedLockerRegistry.class);
                KeyedLocker<Object> orders = registry.get("orders");
                refusals(orders, registry.get("once"));
                expressions(service);
                annotated(service, orders);
                deadlock(orders);
                operations(
                        context.getBean(KeyedLocksEndpoint.class), context.getBean(SimpleMeterRegistry.class), orders);
                // Still held when the context closes, so the drain reports it.
                orders.acquireAsync(MARK + " of the drain");
            });
            recording.stop();
            recording.dump(file);
        }
        List<String> events = new ArrayList<>();
        for (RecordedEvent event : RecordingFile.readAllEvents(file)) {
            events.add(event.toString());
        }
        assertThat(events).isNotEmpty();
        shown.addAll(events);
        assertNoKeyIsShown();
        // Each provoked failure has been reported.
        assertThat(String.join("\n", shown))
                .contains(
                        "did not get a permit for a key within",
                        "admits no further waiter",
                        "already",
                        "deadlock of 2 threads",
                        "A listener failed")
                .contains("Keys are still in use", "has been held for", "Gossip");
    }

    private void assertNoKeyIsShown() {
        for (ILoggingEvent event : appender.list) {
            shown.add(event.getFormattedMessage()
                    + (event.getThrowableProxy() == null
                            ? ""
                            : ThrowableProxyUtil.asString(event.getThrowableProxy())));
        }
        assertThat(shown).isNotEmpty().noneMatch(text -> text.contains(MARK));
    }

    private void refusals(KeyedLocker<Object> orders, KeyedLocker<Object> once) throws Exception {
        Object key = MARK + " of refusals";
        Permit held = orders.acquireAsync(key).join();
        fails(LockTimeoutException.class, () -> orders.acquire(key, SHORT));
        fails(LockTimeoutException.class, () -> orders.acquireAsync(key, SHORT).get());
        fails(LockTimeoutException.class, () -> orders.acquireAll(List.of(key, MARK), SHORT));
        fails(LockRejectedException.class, () -> orders.tryAcquireAsync(key).get());
        CompletableFuture<Permit> waiting = orders.acquireAsync(key);
        fails(LockRejectedException.class, () -> orders.acquireAsync(key).get());
        shown.add(held + " " + waiting + " " + orders + " " + orders.asLock(key));
        fails(IllegalMonitorStateException.class, () -> orders.asLock(key).unlock());
        waiting.cancel(true);
        held.close();
        try (Permit mine = once.acquire(key)) {
            shown.add(mine.toString());
            fails(LockReentryException.class, () -> once.acquire(key));
        }
    }

    private void expressions(Service service) {
        fails(LockKeyException.class, () -> service.parsed(MARK));
        fails(LockKeyException.class, () -> service.several(MARK));
        fails(LockKeyException.class, () -> service.conditional(MARK));
        fails(LockKeyException.class, () -> service.later(MARK).get());
        List<Object> itself = new ArrayList<>(List.of(MARK));
        itself.add(itself);
        fails(LockKeyException.class, () -> service.any(itself));
        fails(LockKeyException.class, () -> service.all(List.of(itself)));
    }

    private void annotated(Service service, KeyedLocker<Object> orders) throws Exception {
        Object key = MARK + " of methods";
        Permit held = orders.acquireAsync(key).join();
        fails(LockRejectedException.class, () -> service.reject(key));
        fails(LockRejectedException.class, () -> service.rejectLater(key).get());
        fails(LockRejectedException.class, () -> service.rejectReactively(key).block());
        Thread.currentThread().interrupt();
        fails(RuntimeException.class, () -> service.any(key));
        assertThat(Thread.interrupted()).isTrue();
        held.close();
    }

    private void deadlock(KeyedLocker<Object> orders) throws Exception {
        Object one = MARK + " one";
        Object two = MARK + " two";
        CountDownLatch both = new CountDownLatch(2);
        CompletableFuture<Void> first = opposite(orders, one, two, both);
        CompletableFuture<Void> second = opposite(orders, two, one, both);
        Throwable failure =
                catchThrowable(() -> CompletableFuture.allOf(first, second).get(60, TimeUnit.SECONDS));
        assertThat(failure).hasRootCauseInstanceOf(LockDeadlockException.class);
        shown.add(text(failure));
    }

    private static CompletableFuture<Void> opposite(
            KeyedLocker<Object> orders, Object first, Object second, CountDownLatch both) {
        CompletableFuture<Void> ended = new CompletableFuture<>();
        Thread thread = new Thread(() -> {
            try (Permit outer = orders.acquire(first)) {
                both.countDown();
                both.await();
                orders.acquire(second).close();
                ended.complete(null);
            } catch (Throwable e) {
                ended.completeExceptionally(e);
            }
        });
        thread.setDaemon(true);
        thread.start();
        return ended;
    }

    private void operations(KeyedLocksEndpoint endpoint, SimpleMeterRegistry meters, KeyedLocker<Object> orders)
            throws Exception {
        Object key = MARK + " of operations";
        try (Permit held = orders.acquire(key)) {
            shown.add(held.toString());
            shown.add(endpoint.lockers().toString());
            shown.add(String.valueOf(endpoint.locker("orders", null)));
            assertThat(endpoint.locker("orders", (String) key)).isNull();
            meters.getMeters().forEach(meter -> shown.add(meter.getId().toString() + meter.measure()));
            for (ThreadInfo thread : ManagementFactory.getThreadMXBean().dumpAllThreads(true, true)) {
                shown.add(thread.toString());
            }
            Awaitility.await()
                    .atMost(60, TimeUnit.SECONDS)
                    .until(() -> appender.list.stream()
                            .anyMatch(event -> event.getFormattedMessage().contains("has been held for")));
        }
    }

    @Test
    void messagesOfABackendAboutAKeyAreRedacted() throws Exception {
        KeyedLocker<Object> orders = KeyedLocker.createOn(
                new Babbler(), KeyedLockerSettings.defaults().withName("orders").withShowKeys(false));
        String blocking = fails(LockBackendException.class, () -> orders.acquire(MARK, Duration.ofSeconds(60)));
        String async = fails(
                LockBackendException.class,
                () -> orders.acquireAsync(MARK, Duration.ofSeconds(60)).get());
        orders.close();
        assertNoKeyIsShown();
        assertThat(List.of(blocking, async)).allMatch(text -> text.contains(TimeoutException.class.getName()));
    }

    @Test
    void keysAreShownIfConfigured() {
        runner().withPropertyValues("keyedlock.show-keys=true").run(context -> {
            KeyedLocker<Object> orders =
                    context.getBean(KeyedLockerRegistry.class).get("orders");
            Permit held = orders.acquireAsync(MARK).join();
            fails(LockTimeoutException.class, () -> orders.acquire(MARK, SHORT));
            fails(LockKeyException.class, () -> context.getBean(Service.class).parsed(MARK));
            held.close();
        });
        assertThat(shown).hasSizeGreaterThan(1);
        assertThat(shown.stream().filter(text -> text.contains(MARK)).toList()).hasSizeGreaterThan(1);
    }

    static class Service {

        @KeyedLock(name = "orders", key = "T(java.lang.Long).parseLong(#id)")
        public void parsed(String id) {}

        @KeyedLock(name = "orders", keys = "{T(java.lang.Long).parseLong(#id), 1}")
        public void several(String id) {}

        @KeyedLock(name = "orders", key = "#id", condition = "T(java.lang.Long).parseLong(#id) > 0")
        public void conditional(String id) {}

        @KeyedLock(name = "orders", key = "T(java.lang.Long).parseLong(#id)")
        public CompletableFuture<String> later(String id) {
            return CompletableFuture.completedFuture(id);
        }

        @KeyedLock(name = "orders", key = "#id")
        public void any(Object id) {}

        @KeyedLock(name = "orders", keys = "#ids")
        public void all(Collection<?> ids) {}

        @KeyedLock(name = "orders", key = "#id", policy = KeyedLock.Policy.REJECT)
        public void reject(Object id) {}

        @KeyedLock(name = "orders", key = "#id", policy = KeyedLock.Policy.REJECT)
        public CompletableFuture<Object> rejectLater(Object id) {
            return CompletableFuture.completedFuture(id);
        }

        @KeyedLock(name = "orders", key = "#id", policy = KeyedLock.Policy.REJECT)
        public Mono<Object> rejectReactively(Object id) {
            return Mono.just(id);
        }
    }

    /** A listener that fails with the key in its message. */
    static class Gossip implements KeyedLockerListener {

        private static RuntimeException words(Object key) {
            return new IllegalStateException("Gossip of " + key, new IllegalArgumentException("and of " + key));
        }

        @Override
        public void acquired(Object key, Duration waited) {
            throw words(key);
        }

        @Override
        public void released(Object key, Duration held) {
            throw words(key);
        }

        @Override
        public void notAcquired(Object key, Outcome outcome, Duration waited) {
            throw words(key);
        }

        @Override
        public void longHold(Object key, KeySnapshot.Caller holder, List<StackTraceElement> stack) {
            throw words(key);
        }

        @Override
        public @Nullable Wait waiting(Object key, int ahead) {
            return (failure, waited) -> {
                throw words(key);
            };
        }
    }

    /** A backend whose failures contain the command with the key. */
    private static final class Babbler implements KeyedLockerBackend {

        @Override
        public String name() {
            return "babbler";
        }

        @Override
        public String keyName(Object key) {
            return key.toString();
        }

        @Override
        public Request acquire(String keyName, int limit, boolean waits, Receiver receiver) {
            receiver.failed(new TimeoutException("no answer to (EVALSHA) " + keyName));
            return () -> {};
        }

        @Override
        public boolean isAvailable() {
            return false;
        }

        @Override
        public void close() {
            // It holds nothing.
        }
    }
}
