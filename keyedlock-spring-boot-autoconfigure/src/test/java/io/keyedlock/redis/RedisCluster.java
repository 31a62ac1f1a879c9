// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import io.lettuce.core.cluster.ClusterClientOptions;
import io.lettuce.core.cluster.ClusterTopologyRefreshOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.springframework.data.redis.connection.RedisClusterConfiguration;
import org.springframework.data.redis.connection.lettuce.LettuceClientConfiguration;
import org.springframework.data.redis.connection.lettuce.LettuceConnectionFactory;
import redis.embedded.RedisServer;

/** A real Redis Cluster of three nodes on free ports of this machine, each with a third of the slots. */
final class RedisCluster implements AutoCloseable {

    private static final int NODES = 3;
    private static final int SLOTS = 16_384;

    /** The offset of the port on which a node listens to the others. */
    private static final int BUS = 10_000;

    private final Path directory;
    private final List<Integer> ports = new ArrayList<>();
    private final List<RedisServer> servers = new ArrayList<>();
    private final List<LettuceConnectionFactory> factories = new ArrayList<>();

    RedisCluster() {
        try {
            directory = Files.createTempDirectory("keyedlock-redis-cluster");
            for (int node = 0; node < NODES; node++) {
                // Its port or that of its bus may be in use meanwhile.
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
                    .executableProvider(RedisProcess.executable())
                    .port(port)
                    .bind("127.0.0.1")
                    .setting("dir " + directory)
                    .setting("save \"\"")
                    .setting("cluster-enabled yes")
                    .setting("cluster-node-timeout 3000")
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
        LettuceConnectionFactory factory = new LettuceConnectionFactory(
                new RedisClusterConfiguration(
                        ports.stream().map(port -> "127.0.0.1:" + port).toList()),
                LettuceClientConfiguration.builder()
                        .clientOptions(ClusterClientOptions.builder()
                                .topologyRefreshOptions(ClusterTopologyRefreshOptions.builder()
                                        .enableAllAdaptiveRefreshTriggers()
                                        .enablePeriodicRefresh(Duration.ofSeconds(1))
                                        .build())
                                .build())
                        .build());
        factory.afterPropertiesSet();
        factory.start();
        factories.add(factory);
        return factory;
    }

    /** Returns the slot of a locker's keys. */
    int slotOf(String locker) {
        String answer = RedisProcess.ask(ports.get(0), "CLUSTER KEYSLOT {" + locker + "}")
                .get(0);
        return Integer.parseInt(answer.substring(1));
    }

    /** Returns the index of the initial node of a slot. */
    static int nodeOf(int slot) {
        int node = 0;
        while (slot >= SLOTS * (node + 1) / NODES) {
            node++;
        }
        return node;
    }

    private String idOf(int node) {
        return RedisProcess.ask(ports.get(node), "CLUSTER MYID").get(1);
    }

    /** Moves a slot with its keys to another node, one key after another, while clients use them. */
    void moveSlot(int slot, int from, int to) {
        int source = ports.get(from);
        int target = ports.get(to);
        RedisProcess.ask(target, "CLUSTER SETSLOT " + slot + " IMPORTING " + idOf(from));
        RedisProcess.ask(source, "CLUSTER SETSLOT " + slot + " MIGRATING " + idOf(to));
        while (true) {
            List<String> keys = RedisProcess.ask(source, "CLUSTER GETKEYSINSLOT " + slot + " 1000").stream()
                    .filter(line -> line.startsWith("keyedlock:"))
                    .toList();
            if (keys.isEmpty()) {
                break;
            }
            for (String key : keys) {
                RedisProcess.ask(source, "MIGRATE 127.0.0.1 " + target + " " + key + " 0 5000");
            }
        }
        for (int port : ports) {
            RedisProcess.ask(port, "CLUSTER SETSLOT " + slot + " NODE " + idOf(to));
        }
    }

    /** Adds a replica of a node and returns its index. */
    int addReplica(int node) {
        RedisProcess.started(this::startNode);
        int replica = ports.size() - 1;
        int port = ports.get(replica);
        String master = idOf(node);
        RedisProcess.ask(port, "CLUSTER MEET 127.0.0.1 " + ports.get(0));
        RedisProcess.until(() -> RedisProcess.ask(port, "CLUSTER NODES").stream()
                .anyMatch(line -> line.startsWith(master) && line.contains(" connected ")));
        RedisProcess.ask(port, "CLUSTER REPLICATE " + master);
        RedisProcess.until(() -> RedisProcess.ask(port, "INFO replication").contains("master_link_status:up"));
        String id = idOf(replica);
        for (int other : ports) {
            RedisProcess.until(() -> RedisProcess.ask(other, "CLUSTER NODES").stream()
                    .anyMatch(line -> line.startsWith(id) && line.contains("slave " + master)));
        }
        return replica;
    }

    /** Waits until a replica has all data of its master. */
    void untilReplicated(int node, int replica) {
        RedisProcess.untilReplicated(ports.get(node), ports.get(replica));
    }

    /** Swaps the roles of a replica and its master, without loss. */
    void failOver(int replica) {
        int port = ports.get(replica);
        RedisProcess.ask(port, "CLUSTER FAILOVER");
        RedisProcess.until(() -> RedisProcess.ask(port, "INFO replication").contains("role:master"));
    }

    /** Stops a node; the others elect its replica. */
    void stop(int node, int replica) {
        try {
            servers.get(node).stop();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        int port = ports.get(replica);
        RedisProcess.until(() -> RedisProcess.ask(port, "INFO replication").contains("role:master"));
    }

    /** Returns the names of all keys, node by node. */
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
