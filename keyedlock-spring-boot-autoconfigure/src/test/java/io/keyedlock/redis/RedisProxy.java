// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** A network between a client and a server that can be slow, stop delivering in one direction, and lose its connections. */
final class RedisProxy implements AutoCloseable {

    enum Direction {
        REQUESTS,
        ANSWERS
    }

    private final int target;
    private final ServerSocket accepting;
    private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();

    /** Guarded by this. */
    private final Set<Direction> heldBack = EnumSet.noneOf(Direction.class);

    private volatile Duration delay = Duration.ZERO;

    RedisProxy(int target) {
        this.target = target;
        try {
            accepting = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        start(this::accept);
    }

    int port() {
        return accepting.getLocalPort();
    }

    /** Delivers nothing in a direction until {@link #goOn} or {@link #cut}. Connections stay open. */
    synchronized void holdBack(Direction direction) {
        heldBack.add(direction);
    }

    /** Delivers the delayed data. */
    synchronized void goOn() {
        heldBack.clear();
        notifyAll();
    }

    /** Closes all connections and drops the delayed data. New connections are possible. */
    void cut() {
        sockets.forEach(RedisProxy::close);
        goOn();
    }

    /** Delays both directions. */
    void slow(Duration longer) {
        delay = longer;
    }

    private static void start(Runnable task) {
        Thread thread = new Thread(task, "proxy");
        thread.setDaemon(true);
        thread.start();
    }

    private void accept() {
        while (!accepting.isClosed()) {
            try {
                Socket client = accepting.accept();
                sockets.add(client);
                Socket server = new Socket(InetAddress.getLoopbackAddress(), target);
                sockets.add(server);
                client.setTcpNoDelay(true);
                server.setTcpNoDelay(true);
                start(() -> deliver(client, server, Direction.REQUESTS));
                start(() -> deliver(server, client, Direction.ANSWERS));
            } catch (IOException e) {
                // Closed, or the server is down: the client finds its connection closed.
                sockets.removeIf(Socket::isClosed);
            }
        }
    }

    private void deliver(Socket from, Socket to, Direction direction) {
        byte[] buffer = new byte[1 << 16];
        try (InputStream in = from.getInputStream();
                OutputStream out = to.getOutputStream()) {
            for (int length = in.read(buffer); length >= 0; length = in.read(buffer)) {
                Thread.sleep(delay.toMillis());
                synchronized (this) {
                    while (heldBack.contains(direction)) {
                        wait();
                    }
                }
                out.write(buffer, 0, length);
            }
        } catch (IOException | InterruptedException e) {
            // The connection was closed.
        } finally {
            close(from);
            close(to);
        }
    }

    private static void close(Socket socket) {
        try {
            socket.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        try {
            accepting.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        cut();
    }
}
