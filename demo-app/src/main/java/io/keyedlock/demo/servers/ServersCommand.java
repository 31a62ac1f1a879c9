// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.servers;

import java.io.IOException;
import java.io.PrintStream;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** The command that lists or stops the running servers. */
public final class ServersCommand {

    /** The argument that starts this command instead of the web application. */
    public static final String ARGUMENT = "servers";

    private static final String STOP = "stop";

    private ServersCommand() {}

    /**
     * Lists the servers, or with {@code stop} stops them.
     *
     * @param out the output
     * @param arguments {@code servers}, or {@code servers stop}
     * @return 0, or 2 if the arguments are wrong
     * @throws IOException if the servers' directory cannot be read
     * @throws InterruptedException if the thread is interrupted
     */
    public static int run(PrintStream out, String... arguments) throws IOException, InterruptedException {
        List<String> more = Arrays.asList(arguments).subList(1, arguments.length);
        DetachedServers servers = new DetachedServers();
        if (more.equals(List.of(STOP))) {
            List<String> stopped = servers.stopAll();
            out.println(
                    stopped.isEmpty() ? "No server was running." : "Stopped " + String.join(" and ", stopped) + ".");
            return 0;
        }
        if (!more.isEmpty()) {
            out.println("servers: " + more + " is unknown; give \"servers\" or \"servers stop\"");
            return 2;
        }
        Map<String, String> running = servers.running();
        if (running.isEmpty()) {
            out.println("No server is running.");
        }
        running.forEach((name, address) -> out.println(name + " at " + address));
        return 0;
    }
}
