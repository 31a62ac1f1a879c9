// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.servers;

import java.nio.file.Path;

/** A server that needs no installation. Implementations have a constructor without parameters. */
public interface EmbeddedServer {

    /**
     * Starts the server on a free port of the loopback interface.
     *
     * @param directory the directory for its data, which may contain data of an earlier start
     * @return the address for clients: a JDBC URL, or host and port
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
