// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.servers;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The smallest server there is. Does not start where its directory says so, or the second time only, and leaves a file beside
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
            throw new IllegalStateException("somebody else has the port");
        }
        return String.valueOf(socket.getLocalPort());
    }

    @Override
    public void stop() throws IOException {
        socket.close();
        Files.writeString(directory.getParent().resolveSibling("stopped"), "");
    }
}
