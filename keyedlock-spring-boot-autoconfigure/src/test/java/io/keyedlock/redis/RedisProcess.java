// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
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
import org.jspecify.annotations.Nullable;
import org.springframework.data.redis.connection.RedisStandaloneConfiguration;
import org.springframework.data.redis.connection.lettuce.LettuceConnectionFactory;
import org.springframework.data.redis.core.StringRedisTemplate;
import redis.embedded.RedisServer;
import redis.embedded.core.ExecutableProvider;
import redis.embedded.core.RedisServerBuilder;

/**
 * A real Redis server on a free port of this machine, which persists every change before it responds. The tests bring a server;
 * {@code -Dredis.executable=/usr/bin/redis-server} runs them on another, Valkey included.
 */
public final class RedisProcess implements AutoCloseable {

    private int port;
    private final Path directory = temporaryDirectory();
    private final List<LettuceConnectionFactory> factories = new ArrayList<>();
    private final ExecutableProvider executable;
    private final String[] settings;
    private StringRedisTemplate template;
    private RedisServer server;
    private long pid;
    private boolean standsStill;

    /** Starts a server with further settings, each a line of its configuration. */
    public RedisProcess(String... settings) {
        this(executable(), settings);
    }

    RedisProcess(ExecutableProvider executable, String... settings) {
        this.executable = executable;
        this.settings = settings;
        // The port may be in use meanwhile.
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

    /** Returns the server that runs the tests. */
    static ExecutableProvider executable() {
        String configured = System.getProperty("redis.executable");
        return configured == null ? ExecutableProvider.newJarResourceProvider() : () -> new File(configured);
    }

    static int freePort() {
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

    public int port() {
        return port;
    }

    public void start() {
        try {
            RedisServerBuilder builder = RedisServer.newRedisServer()
                    .executableProvider(executable)
                    .port(port)
                    .bind("127.0.0.1")
                    .setting("dir " + directory)
                    .setting("appendonly yes")
                    .setting("appendfsync always")
                    .setting("save \"\"");
            for (String setting : settings) {
                builder.setting(setting);
            }
            server = builder.build();
            Set<Long> before = children();
            server.start();
            Set<Long> started = children();
            started.removeAll(before);
            pid = started.iterator().next();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Set<Long> children() {
        return ProcessHandle.current()
                .children()
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

    /** Kills it, as the operating system does when memory runs out. */
    void kill() {
        signal("KILL");
        stop();
    }

    /** Pauses the server. It answers commands after {@link #goOn()}. */
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

    /** Deletes the data. Called only while the server is stopped. */
    public void forgetEverything() {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Creates separate connections, like those of a process. */
    public LettuceConnectionFactory factory() {
        LettuceConnectionFactory factory = factory(port, null);
        factories.add(factory);
        return factory;
    }

    /** Creates connections of a user. */
    public LettuceConnectionFactory factory(String user, String password) {
        RedisStandaloneConfiguration server = new RedisStandaloneConfiguration("127.0.0.1", port);
        server.setUsername(user);
        server.setPassword(password);
        LettuceConnectionFactory factory = new LettuceConnectionFactory(server);
        factory.afterPropertiesSet();
        factory.start();
        factories.add(factory);
        return factory;
    }

    /** Creates connections of a user with exactly the rights that the documentation names. */
    public LettuceConnectionFactory factoryWithDocumentedRights() {
        try (Stream<String> lines = Files.lines(Path.of("../docs/distributed.md"))) {
            ask(lines.filter(line -> line.startsWith("ACL SETUSER shop "))
                    .findFirst()
                    .orElseThrow());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return factory("shop", "password");
    }

    /** Creates connections to a port, which stay open until destroyed. */
    public static LettuceConnectionFactory factory(int port) {
        return factory(port, null);
    }

    private static LettuceConnectionFactory factory(int port, @Nullable String password) {
        RedisStandaloneConfiguration server = new RedisStandaloneConfiguration("127.0.0.1", port);
        if (password != null) {
            server.setPassword(password);
        }
        LettuceConnectionFactory factory = new LettuceConnectionFactory(server);
        factory.afterPropertiesSet();
        factory.start();
        return factory;
    }

    /** Returns the template for direct use by tests. */
    public StringRedisTemplate template() {
        if (template == null) {
            template = new StringRedisTemplate(factory());
        }
        return template;
    }

    /** Sends a raw command and returns the lines of the response. */
    public List<String> ask(String command) {
        return ask(port, command);
    }

    static List<String> ask(int port, String command) {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.getOutputStream().write((command + "\r\nQUIT\r\n").getBytes(StandardCharsets.UTF_8));
            // A Sentinel does not know QUIT.
            socket.shutdownOutput();
            BufferedReader answers =
                    new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
            List<String> lines = answers.lines().toList();
            if (lines.get(0).startsWith("-")) {
                throw new IllegalStateException(command.substring(0, Math.min(40, command.length())) + ": " + lines);
            }
            return lines;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Waits until a replica has all data of its master. */
    static void untilReplicated(int master, int replica) {
        String offset = "master_repl_offset:";
        until(() -> {
            List<String> lines = ask(replica, "INFO replication");
            return lines.contains("master_link_status:up")
                    && ask(master, "INFO replication").stream()
                            .filter(line -> line.startsWith(offset))
                            .allMatch(line -> lines.contains("slave_repl_offset:" + line.substring(offset.length())));
        });
    }

    /** Returns the names of all keys. */
    public Set<String> keys() {
        return new TreeSet<>(template().keys("*"));
    }

    /** Returns the names of the keys of leases and queues. */
    public Set<String> leasesAndQueues() {
        Set<String> keys = keys();
        keys.removeIf(key -> key.endsWith("}:token") || key.contains("}:gone:") || !key.startsWith("keyedlock:"));
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
        factories.forEach(LettuceConnectionFactory::destroy);
        stop();
        forgetEverything();
    }
}
