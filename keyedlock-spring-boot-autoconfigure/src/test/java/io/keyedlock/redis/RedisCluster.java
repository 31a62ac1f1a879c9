// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.springframework.data.redis.connection.RedisClusterConfiguration;
import org.springframework.data.redis.connection.lettuce.LettuceConnectionFactory;
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
    private final List<LettuceConnectionFactory> factories = new ArrayList<>();

    RedisCluster() {
        try {
            directory = Files.createTempDirectory("keyedlock-redis-cluster");
            for (int node = 0; node < NODES; node++) {
                // The port of its bus, or its own meanwhile, may be somebody else's.
                RedisProcess.started(this::startNode);
                int port = ports.get(node);
                int from = SLOTS * node / NODES;
                int to = SLOTS * (node + 1) / NODES;
                RedisProcess.ask(
                        port,
                        "CLUSTER ADDSLOTS "
                                + IntStream.range(from, to)
                                        .mapToObj(Integer::toString)
                                        .collect(Collectors.joining(" ")));
                RedisProcess.ask(port, "CLUSTER MEET 127.0.0.1 " + ports.get(0));
            }
            for (int port : ports) {
                RedisProcess.until(() -> {
                    List<String> info = RedisProcess.ask(port, "CLUSTER INFO");
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

    LettuceConnectionFactory factory() {
        LettuceConnectionFactory factory = new LettuceConnectionFactory(new RedisClusterConfiguration(
                ports.stream().map(port -> "127.0.0.1:" + port).toList()));
        factory.afterPropertiesSet();
        factory.start();
        factories.add(factory);
        return factory;
    }

    /** The names of all keys, node by node. */
    List<List<String>> keys() {
        return ports.stream()
                .map(port -> RedisProcess.ask(port, "KEYS *").stream()
                        .filter(line -> line.startsWith("keyedlock:"))
                        .toList())
                .toList();
    }

    @Override
    public void close() {
        factories.forEach(LettuceConnectionFactory::destroy);
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
