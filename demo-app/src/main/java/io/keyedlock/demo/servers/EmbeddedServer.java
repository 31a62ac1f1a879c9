// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.servers;

import java.nio.file.Path;

/** A server that can be started without being installed. Has a constructor without parameters. */
public interface EmbeddedServer {

    /**
     * Starts the server, on a port of the loopback interface that is free.
     *
     * @param directory where it may store what it needs; what it finds there is from an earlier start
     * @return the address under which clients reach it: a JDBC URL, or host and port
     * @throws Exception if it does not start
     */
    String start(Path directory) throws Exception;

    /**
     * Stops the server.
     *
     * @throws Exception if that fails
     */
    void stop() throws Exception;
}
