// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo;

import io.keyedlock.demo.batches.BatchCommand;
import io.keyedlock.demo.kafka.KillCommand;
import io.keyedlock.demo.load.LoadCommand;
import io.keyedlock.demo.servers.ServerProcess;
import io.keyedlock.demo.servers.ServersCommand;
import java.util.Arrays;
import java.util.List;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.context.properties.ConfigurationPropertiesScan;

/** Starts the demo as a web application, or runs the command named by the first argument and exits. */
@SpringBootApplication
@ConfigurationPropertiesScan
public class DemoApplication {

    /**
     * Starts the demo.
     *
     * @param args optionally a command, then properties such as {@code --server.port=8081}
     * @throws Exception if a command fails
     */
    public static void main(String[] args) throws Exception {
        String command = Arrays.stream(args)
                .filter(arg -> !arg.startsWith("--"))
                .findFirst()
                .orElse("");
        switch (command) {
            case "" -> SpringApplication.run(DemoApplication.class, args);
            case LoadCommand.ARGUMENT -> System.exit(LoadCommand.run(DemoApplication.class, args));
            case BatchCommand.ARGUMENT -> System.exit(BatchCommand.run(DemoApplication.class, args));
            case KillCommand.ARGUMENT -> System.exit(KillCommand.run(DemoApplication.class, args));
            case ServersCommand.ARGUMENT -> System.exit(ServersCommand.run(System.out, args));
            case ServerProcess.ARGUMENT -> ServerProcess.main(args);
            default -> {
                System.err.println(command + " is not a command of the demo; use one of "
                        + List.of(
                                LoadCommand.ARGUMENT,
                                BatchCommand.ARGUMENT,
                                KillCommand.ARGUMENT,
                                ServersCommand.ARGUMENT)
                        + ", or none to start it");
                System.exit(2);
            }
        }
    }
}
