// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.servers;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A minimal server. Its directory controls whether it fails to start, always or the first time, and it leaves a file beside
 * the directory of all servers when it was stopped.
 */
public final class SocketServer implements EmbeddedServer {

    private final ServerSocket socket;
    private Path directory;

    public SocketServer() throws IOException {
        socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
    }

    @Override
    public String start(Path itsDirectory) throws IOException {
        directory = itsDirectory;
        if (itsDirectory.endsWith("broken")) {
            throw new IllegalStateException("no socket to be had");
        }
        Path triedBefore = itsDirectory.resolve("tried");
        if (itsDirectory.endsWith("late") && !Files.exists(triedBefore)) {
            Files.createFile(triedBefore);
            throw new IllegalStateException("the port is in use");
        }
        return String.valueOf(socket.getLocalPort());
    }

    @Override
    public void stop() throws IOException {
        socket.close();
        Files.writeString(directory.getParent().resolveSibling("stopped"), "");
    }
}
