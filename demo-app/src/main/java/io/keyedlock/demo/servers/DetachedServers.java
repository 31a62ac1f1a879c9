// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.servers;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;
import org.springframework.util.FileSystemUtils;

/*
 * A directory per user has, for each server, NAME.properties (written by the server when it is ready, deleted by it when it
 * stops), NAME.log, NAME.lock and its data in NAME/. A process holds NAME.lock while it looks up or starts a server. So if two
 * demos start at once, one starts the server and the other finds it.
 */
/** Starts servers as processes that outlive the demo, finds running servers, and stops them. */
public final class DetachedServers {

    /** The system property for the directory; the default is a directory per user in the temporary directory. */
    public static final String DIRECTORY_PROPERTY = "demo.servers.directory";

    /** Excludes threads of this process, because a file lock excludes other processes only. */
    private static final ReentrantLock IN_THIS_PROCESS = new ReentrantLock();

    private static final Duration PATIENCE = Duration.ofMinutes(5);

    /** Several, because a port that was free may be in use when the server binds it. */
    private static final int STARTS = 2;

    private static final String SUFFIX = ".properties";

    // Signals that the shell ignores stay ignored in the executed server, so neither Ctrl-C nor closing the terminal
    // stops it.
    private static final String DETACH =
            "trap '' INT HUP; if command -v setsid > /dev/null; then exec setsid \"$@\"; fi; exec \"$@\"";

    private final Path directory;

    /** Uses the directory of this user. */
    public DetachedServers() {
        this(Path.of(System.getProperty(
                DIRECTORY_PROPERTY,
                System.getProperty("java.io.tmpdir") + File.separator + "keyedlock-demo-"
                        + System.getProperty("user.name"))));
    }

    DetachedServers(Path directory) {
        this.directory = directory.toAbsolutePath();
    }

    /**
     * Finds a server, or starts it and waits until it is ready.
     *
     * @param name the name of the server
     * @param type the class of the server
     * @return its address
     */
    public String findOrStart(String name, Class<? extends EmbeddedServer> type) {
        IN_THIS_PROCESS.lock();
        try {
            prepareDirectory();
            try (FileChannel channel = FileChannel.open(
                    directory.resolve(name + ".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
                // The lock is released when the channel closes.
                channel.lock();
                Optional<ServerState> running = ServerState.read(stateFile(directory, name));
                return running.isPresent() ? running.get().address() : start(name, type);
            }
        } catch (IOException failure) {
            throw new UncheckedIOException("Could not start " + name + " in " + directory, failure);
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("Interrupted while starting " + name, stopped);
        } finally {
            IN_THIS_PROCESS.unlock();
        }
    }

    /**
     * Returns the running servers.
     *
     * @return their addresses by name
     * @throws IOException if the directory cannot be read
     */
    public Map<String, String> running() throws IOException {
        Map<String, String> found = new TreeMap<>();
        for (String name : names()) {
            ServerState.read(stateFile(directory, name)).ifPresent(state -> found.put(name, state.address()));
        }
        return found;
    }

    /**
     * Stops the running servers, waits until they have ended, and deletes all files of servers, also of those that ran earlier.
     *
     * @return the names of those that were stopped
     * @throws IOException if a file cannot be deleted
     * @throws InterruptedException if the thread is interrupted
     */
    public List<String> stopAll() throws IOException, InterruptedException {
        List<String> stopped = new ArrayList<>();
        if (!Files.isDirectory(directory)) {
            return stopped;
        }
        checkOwner();
        for (String name : names()) {
            Optional<ProcessHandle> process =
                    ServerState.read(stateFile(directory, name)).flatMap(ServerState::process);
            if (process.isPresent()) {
                stop(name, process.get());
                stopped.add(name);
            }
        }
        FileSystemUtils.deleteRecursively(directory);
        return stopped;
    }

    static Path stateFile(Path directory, String name) {
        return directory.resolve(name + SUFFIX);
    }

    private List<String> names() throws IOException {
        if (!Files.isDirectory(directory)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(file -> file.endsWith(SUFFIX))
                    .map(file -> file.substring(0, file.length() - SUFFIX.length()))
                    .sorted()
                    .toList();
        }
    }

    /** In a directory that is writable for everyone, only files of this user are trusted. */
    private void prepareDirectory() throws IOException {
        boolean posix = directory.getFileSystem().supportedFileAttributeViews().contains("posix");
        if (!Files.exists(directory)) {
            Files.createDirectories(directory);
            if (posix) {
                Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
            }
        }
        checkOwner();
    }

    private void checkOwner() throws IOException {
        Path probe = Files.createTempFile(directory, "probe", null);
        boolean mine = Files.getOwner(directory).equals(Files.getOwner(probe));
        Files.delete(probe);
        if (!mine) {
            throw new IOException(directory + " belongs to another user; choose another directory with -D"
                    + DIRECTORY_PROPERTY + "=...");
        }
    }

    private String start(String name, Class<? extends EmbeddedServer> type) throws IOException, InterruptedException {
        Path state = stateFile(directory, name);
        Files.deleteIfExists(state);
        Path log = directory.resolve(name + ".log");
        List<String> command = new ArrayList<>();
        if (File.separatorChar == '/') {
            command.addAll(List.of("sh", "-c", DETACH, "sh"));
        }
        command.addAll(javaCommand(name));
        command.addAll(List.of(ServerProcess.ARGUMENT, name, type.getName(), directory.toString()));
        for (int n = 0; n < STARTS; n++) {
            Process process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(log.toFile())
                    .redirectInput(ProcessBuilder.Redirect.from(nothing()))
                    .start();
            Optional<ServerState> running = await(process, state);
            if (running.isPresent()) {
                return running.get().address();
            }
            process.destroyForcibly().waitFor();
        }
        throw new IOException(name + " did not start; the end of " + log + ":\n" + tail(log));
    }

    /** Waits for the state that the server writes. Empty if the server ends or takes too long. */
    private static Optional<ServerState> await(Process process, Path state) throws InterruptedException, IOException {
        long end = System.nanoTime() + PATIENCE.toNanos();
        boolean over = false;
        while (!over) {
            over = process.waitFor(50, TimeUnit.MILLISECONDS) || System.nanoTime() > end;
            Optional<ServerState> running = ServerState.read(state);
            if (running.isPresent()) {
                return running;
            }
        }
        return Optional.empty();
    }

    private static File nothing() {
        return new File(File.separatorChar == '/' ? "/dev/null" : "NUL");
    }

    /** Returns the command that starts this application. A jar is copied first, because the next build overwrites it. */
    private List<String> javaCommand(String name) throws IOException {
        String classPath = System.getProperty("java.class.path", "");
        List<String> command = new ArrayList<>(JavaCommand.of(ServerProcess.class));
        // What the server unpacks is deleted with its other files.
        command.add(1, "-Djava.io.tmpdir=" + Files.createDirectories(directory.resolve(name)));
        if (JavaCommand.isJar(classPath)) {
            Path copy = directory.resolve(name + ".jar");
            Files.copy(Path.of(classPath), copy, StandardCopyOption.REPLACE_EXISTING);
            command.set(command.indexOf(classPath), copy.toString());
        }
        return command;
    }

    private static void stop(String name, ProcessHandle process) throws InterruptedException, IOException {
        process.destroy();
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (process.isAlive()) {
            if (System.nanoTime() > end) {
                throw new IOException(name + " (process " + process.pid() + ") does not stop");
            }
            Thread.sleep(50);
        }
    }

    private static String tail(Path log) throws IOException {
        List<String> lines = Files.readAllLines(log);
        return String.join("\n", lines.subList(Math.max(0, lines.size() - 30), lines.size()));
    }
}
