// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.springframework.data.redis.connection.RedisSentinelConfiguration;
import org.springframework.data.redis.connection.lettuce.LettuceConnectionFactory;

/** A master, a replica, and a Sentinel that promotes the replica when the master is gone. */
final class RedisSentinel implements AutoCloseable {

    private static final String MASTER = "shop";

    private final RedisProcess master = new RedisProcess();
    private final RedisProcess replica = new RedisProcess("replicaof 127.0.0.1 " + master.port());
    private final List<LettuceConnectionFactory> factories = new ArrayList<>();
    private final Path configuration;
    private int port;
    private Process sentinel;

    RedisSentinel() {
        try {
            configuration = Files.createTempFile("keyedlock-sentinel", ".conf");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        try {
            untilReplicated();
            RedisProcess.started(this::start);
            String replicas = "SENTINEL REPLICAS " + MASTER;
            RedisProcess.until(() -> RedisProcess.ask(port, replicas).contains(Integer.toString(replica.port())));
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    private void start() {
        try {
            port = RedisProcess.freePort();
            Files.writeString(configuration, """
                    port %d
                    bind 127.0.0.1
                    sentinel monitor %s 127.0.0.1 %d 1
                    sentinel down-after-milliseconds %2$s 2000
                    sentinel failover-timeout %2$s 10000
                    """.formatted(port, MASTER, master.port()));
            sentinel = new ProcessBuilder(
                            RedisProcess.executable().get().getPath(), configuration.toString(), "--sentinel")
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        RedisProcess.until(this::answers);
    }

    private boolean answers() {
        try {
            return RedisProcess.ask(port, "PING").contains("+PONG");
        } catch (UncheckedIOException e) {
            if (!sentinel.isAlive()) {
                throw e;
            }
            return false;
        }
    }

    RedisProcess replica() {
        return replica;
    }

    LettuceConnectionFactory factory() {
        LettuceConnectionFactory factory = new LettuceConnectionFactory(
                new RedisSentinelConfiguration().master(MASTER).sentinel("127.0.0.1", port));
        factory.afterPropertiesSet();
        factory.start();
        factories.add(factory);
        return factory;
    }

    void untilReplicated() {
        RedisProcess.untilReplicated(master.port(), replica.port());
    }

    /** Disconnects the replica from the master. The replica keeps its data. */
    void stopReplication() {
        master.ask("ACL SETUSER default -psync -sync");
        master.ask("CLIENT KILL TYPE replica");
        RedisProcess.until(() -> replica.ask("INFO replication").contains("master_link_status:down"));
    }

    void killMaster() {
        master.kill();
    }

    @Override
    public void close() {
        factories.forEach(LettuceConnectionFactory::destroy);
        if (sentinel != null) {
            sentinel.destroyForcibly();
        }
        replica.close();
        master.close();
        try {
            Files.delete(configuration);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
