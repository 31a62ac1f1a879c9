// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.redisson.Redisson;
import org.redisson.api.RedissonClient;
import org.redisson.config.ClusterServersConfig;
import org.redisson.config.Config;
import redis.embedded.RedisServer;

/** A real Redis Cluster of three nodes on free ports of this machine, each with a third of the slots. */
final class RedisCluster implements AutoCloseable {

    private static final int NODES = 3;
    private static final int SLOTS = 16_384;

    /** A node listens to the others on a port that is so much higher than its own. */
    private static final int BUS = 10_000;

    private final Path directory;
    private final List<Integer> ports = new ArrayList<>();
    private final List<RedisServer> servers = new ArrayList<>();
    private final List<RedissonClient> clients = new ArrayList<>();

    RedisCluster() {
        try {
            directory = Files.createTempDirectory("keyedlock-redis-cluster");
            for (int node = 0; node < NODES; node++) {
                // The port of its bus, or its own meanwhile, may be somebody else's.
                RedisProcess.started(this::startNode);
                int port = ports.get(node);
                int from = SLOTS * node / NODES;
                int to = SLOTS * (node + 1) / NODES;
                ask(
                        port,
                        "CLUSTER ADDSLOTS "
                                + IntStream.range(from, to)
                                        .mapToObj(Integer::toString)
                                        .collect(Collectors.joining(" ")));
                ask(port, "CLUSTER MEET 127.0.0.1 " + ports.get(0));
            }
            for (int port : ports) {
                RedisProcess.until(() -> {
                    List<String> info = ask(port, "CLUSTER INFO");
                    return info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:" + NODES);
                });
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void startNode() {
        try {
            int port = freePort();
            RedisServer server = RedisServer.newRedisServer()
                    .port(port)
                    .bind("127.0.0.1")
                    .setting("dir " + directory)
                    .setting("save \"\"")
                    .setting("cluster-enabled yes")
                    .setting("cluster-config-file nodes-" + port + ".conf")
                    .build();
            server.start();
            ports.add(port);
            servers.add(server);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static int freePort() throws IOException {
        while (true) {
            try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
                int port = socket.getLocalPort();
                if (port + BUS < 1 << 16) {
                    return port;
                }
            }
        }
    }

    /** Sends a command as it stands and returns the lines of the answer, without lengths. */
    private static List<String> ask(int port, String command) {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.getOutputStream().write((command + "\r\nQUIT\r\n").getBytes(StandardCharsets.UTF_8));
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

    RedissonClient client() {
        Config config = new Config();
        ClusterServersConfig cluster = config.useClusterServers();
        cluster.setMasterConnectionMinimumIdleSize(1)
                .setMasterConnectionPoolSize(8)
                .setSubscriptionConnectionMinimumIdleSize(1);
        ports.forEach(port -> cluster.addNodeAddress("redis://127.0.0.1:" + port));
        RedissonClient client = Redisson.create(config);
        clients.add(client);
        return client;
    }

    /** The names of all keys, node by node. */
    List<List<String>> keys() {
        return ports.stream()
                .map(port -> ask(port, "KEYS *").stream()
                        .filter(line -> line.startsWith("keyedlock:"))
                        .toList())
                .toList();
    }

    @Override
    public void close() {
        clients.forEach(client -> client.shutdown(0, 5, TimeUnit.SECONDS));
        try {
            for (RedisServer server : servers) {
                server.stop();
            }
            try (Stream<Path> files = Files.walk(directory)) {
                for (Path file : files.filter(Files::isRegularFile).toList()) {
                    Files.delete(file);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
