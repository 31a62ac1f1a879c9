// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo;

import io.keyedlock.demo.load.LoadCommand;
import java.util.Arrays;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.context.properties.ConfigurationPropertiesScan;

/** Starts the demo as a web application, or with the argument {@code load} runs the load command and ends. */
@SpringBootApplication
@ConfigurationPropertiesScan
public class DemoApplication {

    /**
     * Starts the demo.
     *
     * @param args {@code load} for the load command, and properties such as {@code --server.port=8081}
     */
    public static void main(String[] args) {
        if (Arrays.asList(args).contains(LoadCommand.ARGUMENT)) {
            System.exit(LoadCommand.run(DemoApplication.class, args));
        }
        SpringApplication.run(DemoApplication.class, args);
    }
}
