// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.redisson.Redisson;
import org.redisson.api.RedissonClient;
import org.redisson.config.Config;
import redis.embedded.RedisServer;

/** A real Redis server on a free port of this machine, which writes down every change before it answers. */
public final class RedisProcess implements AutoCloseable {

    private int port;
    private final Path directory = temporaryDirectory();
    private final List<RedissonClient> clients = new ArrayList<>();
    private RedisServer server;
    private long pid;
    private boolean standsStill;

    public RedisProcess() {
        // Somebody else may have taken the port meanwhile.
        started(() -> {
            port = freePort();
            start();
        });
    }

    /** Starts a server at the third attempt at the latest. */
    static void started(Runnable start) {
        for (int attempt = 1; ; attempt++) {
            try {
                start.run();
                return;
            } catch (UncheckedIOException e) {
                if (attempt == 3) {
                    throw e;
                }
            }
        }
    }

    private static int freePort() {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Path temporaryDirectory() {
        try {
            return Files.createTempDirectory("keyedlock-redis");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public String address() {
        return "redis://127.0.0.1:" + port;
    }

    public void start() {
        try {
            server = RedisServer.newRedisServer()
                    .port(port)
                    .bind("127.0.0.1")
                    .setting("dir " + directory)
                    .setting("appendonly yes")
                    .setting("appendfsync always")
                    .setting("save \"\"")
                    .build();
            Set<Long> before = servers();
            server.start();
            Set<Long> started = servers();
            started.removeAll(before);
            pid = started.iterator().next();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Set<Long> servers() {
        return ProcessHandle.current()
                .children()
                .filter(child -> child.info().command().orElse("").contains("redis-server"))
                .map(ProcessHandle::pid)
                .collect(Collectors.toCollection(TreeSet::new));
    }

    public void stop() {
        try {
            server.stop();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Has it stand still: commands arrive, and are answered after {@link #goOn()}. */
    public void standStill() {
        signal("STOP");
        standsStill = true;
    }

    public void goOn() {
        signal("CONT");
        standsStill = false;
    }

    private void signal(String signal) {
        try {
            int exit = new ProcessBuilder("kill", "-" + signal, Long.toString(pid))
                    .start()
                    .waitFor();
            if (exit != 0) {
                throw new IllegalStateException("kill -" + signal + " " + pid + " ended with " + exit);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Only while it is stopped. */
    public void forgetEverything() {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A client of its own, as each process has one. */
    public RedissonClient client() {
        RedissonClient client = client(address());
        clients.add(client);
        return client;
    }

    /** A client of its own that waits so long for an answer, and asks once. */
    public RedissonClient client(Duration timeout) {
        RedissonClient client = client(address(), timeout);
        clients.add(client);
        return client;
    }

    static RedissonClient client(String address, Duration timeout) {
        Config config = config(address);
        config.useSingleServer()
                .setTimeout((int) timeout.toMillis())
                .setConnectTimeout((int) timeout.toMillis())
                .setRetryAttempts(0);
        return Redisson.create(config);
    }

    public static RedissonClient client(String address) {
        return Redisson.create(config(address));
    }

    /** A client of a server that is not there. It tries no second time, and so is soon shut down. */
    public static RedissonClient clientOfNobody() {
        Config config = config("redis://127.0.0.1:1");
        config.useSingleServer().setRetryAttempts(0);
        return Redisson.create(config);
    }

    private static Config config(String address) {
        Config config = new Config().setLazyInitialization(true);
        config.useSingleServer()
                .setAddress(address)
                .setConnectionMinimumIdleSize(1)
                .setConnectionPoolSize(8)
                .setSubscriptionConnectionMinimumIdleSize(1)
                .setTimeout(1_000)
                .setConnectTimeout(1_000);
        return config;
    }

    /** The names of all keys. */
    public Set<String> keys(RedissonClient client) {
        Set<String> keys = new TreeSet<>();
        client.getKeys().getKeys().forEach(keys::add);
        return keys;
    }

    public static void until(BooleanSupplier condition) {
        Awaitility.await()
                .pollDelay(0, TimeUnit.MILLISECONDS)
                .pollInterval(5, TimeUnit.MILLISECONDS)
                .atMost(Duration.ofSeconds(60))
                .until(condition::getAsBoolean);
    }

    @Override
    public void close() {
        if (standsStill) {
            goOn();
        }
        clients.forEach(client -> client.shutdown(0, 5, TimeUnit.SECONDS));
        stop();
        forgetEverything();
    }
}
