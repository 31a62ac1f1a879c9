// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.redis;

import io.keyedlock.demo.servers.EmbeddedServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** A bundled Redis server, which is unpacked and started. It has only leases, so it starts empty each time. */
public final class RedisServer implements EmbeddedServer {

    private redis.embedded.@Nullable RedisServer server;

    /** Creates a server without starting it. */
    public RedisServer() {}

    @Override
    public String start(Path directory) throws IOException {
        int port = freePort();
        server = redis.embedded.RedisServer.newRedisServer()
                .port(port)
                .bind("127.0.0.1")
                .setting("dir " + directory)
                .setting("save \"\"")
                .build();
        server.start();
        return "redis://127.0.0.1:" + port;
    }

    @Override
    public void stop() throws IOException {
        if (server != null) {
            server.stop();
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }
}
