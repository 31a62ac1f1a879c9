// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.servers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(300)
class DetachedServersTests {

    @TempDir
    Path directory;

    private DetachedServers servers;

    @BeforeEach
    void useItsOwnDirectory() {
        servers = new DetachedServers(directory.resolve("servers"));
    }

    @AfterEach
    void leaveNothingBehind() throws Exception {
        servers.stopAll();
    }

    @Test
    void serverRunsInItsOwnProcessIsFoundAgainAndStopped() throws Exception {
        CompletableFuture<String> other = CompletableFuture.supplyAsync(
                () -> new DetachedServers(directory.resolve("servers")).findOrStart("socket", SocketServer.class));
        String address = servers.findOrStart("socket", SocketServer.class);

        assertThat(other.join()).as("of two that start at once").isEqualTo(address);
        new Socket(InetAddress.getLoopbackAddress(), Integer.parseInt(address)).close();
        assertThat(servers.running()).isEqualTo(Map.of("socket", address));
        Path state = DetachedServers.stateFile(directory.resolve("servers"), "socket");
        assertThat(ServerState.read(state).orElseThrow().pid())
                .isNotEqualTo(ProcessHandle.current().pid());

        assertThat(servers.stopAll()).containsExactly("socket");
        assertThat(directory.resolve("stopped")).exists();
        assertThat(directory.resolve("servers")).doesNotExist();
        assertThat(servers.running()).isEmpty();
        assertThat(servers.stopAll()).isEmpty();
    }

    @Test
    void serverThatDoesNotStartReportsTheReason() {
        assertThatThrownBy(() -> servers.findOrStart("broken", SocketServer.class))
                .cause()
                .hasMessageContaining("broken did not start")
                .hasMessageContaining("no socket to be had");
    }

    @Test
    void serverThatEndsDuringStartupIsStartedOnceMore() throws Exception {
        String address = servers.findOrStart("late", SocketServer.class);

        assertThat(directory.resolve("servers/late/tried")).exists();
        assertThat(servers.running()).isEqualTo(Map.of("late", address));
    }

    @Test
    void stateOfAProcessThatHasEndedIsIgnored() throws Exception {
        Path file = directory.resolve("old.properties");
        ServerState mine = ServerState.ofThisProcess("here");
        mine.write(file);
        assertThat(ServerState.read(file)).hasValue(mine);

        new ServerState(mine.pid(), "another start", "here").write(file);
        assertThat(ServerState.read(file)).isEmpty();
        Files.delete(file);
        assertThat(ServerState.read(file)).isEmpty();
    }

    @Test
    void commandPrintsItsUsage() throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();

        int code = ServersCommand.run(new PrintStream(out, true, StandardCharsets.UTF_8), "servers", "start");

        assertThat(code).isEqualTo(2);
        assertThat(out.toString(StandardCharsets.UTF_8)).contains("give \"servers\" or \"servers stop\"");
    }
}
