// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.servers;

import java.io.File;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The command line that starts a class of this application, packaged or not, as another process. */
public final class JavaCommand {

    private JavaCommand() {}

    /**
     * Returns the command without arguments.
     *
     * @param application the class with the main method, which a packaged application has in its manifest
     * @return the parts of the command
     */
    public static List<String> of(Class<?> application) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        String directory = System.getProperty(DetachedServers.DIRECTORY_PROPERTY);
        if (directory != null) {
            command.add("-D" + DetachedServers.DIRECTORY_PROPERTY + "=" + directory);
        }
        String classPath = System.getProperty("java.class.path", "");
        command.addAll(
                isJar(classPath) ? List.of("-jar", classPath) : List.of("-cp", classPath, application.getName()));
        return command;
    }

    static boolean isJar(String classPath) {
        return classPath.endsWith(".jar") && !classPath.contains(File.pathSeparator);
    }
}
