// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import java.net.InetAddress;
import java.net.UnknownHostException;
import org.jspecify.annotations.Nullable;
import org.springframework.core.env.Environment;

/** The name under which other processes show this one as a holder. */
final class LeaseOwner {

    private LeaseOwner() {}

    /** Returns the configured name, else the names of the application and the host with the process id. */
    static String of(@Nullable String configured, Environment environment) {
        return configured != null && !configured.isBlank()
                ? configured.strip()
                : environment.getProperty("spring.application.name", "application") + " on " + host() + ", process "
                        + ProcessHandle.current().pid();
    }

    private static String host() {
        String fromShell = System.getenv("HOSTNAME");
        if (fromShell != null && !fromShell.isBlank()) {
            return fromShell;
        }
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            return "unknown host";
        }
    }
}
