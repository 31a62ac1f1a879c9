// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.servers;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import org.slf4j.LoggerFactory;
import org.springframework.boot.logging.LogLevel;
import org.springframework.boot.logging.LoggingInitializationContext;
import org.springframework.boot.logging.LoggingSystem;
import org.springframework.core.env.StandardEnvironment;

/** The main code of a server's process: starts the server, writes its address to a file, and stops it at the end. */
public final class ServerProcess {

    /** The argument that starts a server instead of the demo. */
    public static final String ARGUMENT = "serve";

    private ServerProcess() {}

    /**
     * Runs a server until this process is terminated. In a packaged application the main class calls this.
     *
     * @param arguments {@value #ARGUMENT}, the server's name, its class, and the directory of all servers
     * @throws Exception if the server does not start
     */
    public static void main(String... arguments) throws Exception {
        if (arguments.length != 4) {
            throw new IllegalArgumentException("Expected " + ARGUMENT + ", a name, a class and a directory");
        }
        logWarningsOnly();
        String name = arguments[1];
        Path directory = Path.of(arguments[3]);
        EmbeddedServer server = Class.forName(arguments[2])
                .asSubclass(EmbeddedServer.class)
                .getDeclaredConstructor()
                .newInstance();
        Path state = DetachedServers.stateFile(directory, name);
        String address = server.start(Files.createDirectories(directory.resolve(name)));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(server, state), name + "-stop"));
        ServerState.ofThisProcess(address).write(state);
        new CountDownLatch(1).await();
    }

    private static void stop(EmbeddedServer server, Path state) {
        try {
            server.stop();
            Files.deleteIfExists(state);
        } catch (Exception failure) {
            LoggerFactory.getLogger(ServerProcess.class).error("{} did not stop cleanly", state, failure);
        }
    }

    private static void logWarningsOnly() throws IOException {
        LoggingSystem logging = LoggingSystem.get(ServerProcess.class.getClassLoader());
        logging.beforeInitialize();
        logging.initialize(new LoggingInitializationContext(new StandardEnvironment()), null, null);
        logging.setLogLevel(LoggingSystem.ROOT_LOGGER_NAME, LogLevel.WARN);
    }
}
