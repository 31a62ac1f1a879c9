// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.startup;

import io.keyedlock.benchmarks.ForkedJvm;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;

/** How the application is started. Its class path always consists of jars, as that of an application does. */
enum Launch {
    /** Without preparation. */
    PLAIN("", ""),
    /** With an archive of the classes that an earlier start has loaded (AppCDS). */
    CDS("-cds", ", with an archive of its classes"),
    /** Processed ahead of time by Spring, on the JVM. */
    AOT("-aot", ", processed ahead of time");

    /** Added to the name of the result file. */
    final String suffix;

    /** Added to the title of the results. */
    final String words;

    Launch(String suffix, String words) {
        this.suffix = suffix;
        this.words = words;
    }

    /**
     * Prepares the starts of one application.
     *
     * @param java the command of the JVM
     * @param classPath the class path, of jars and folders
     * @param arguments the arguments of the application
     * @param folder where the prepared files go
     * @return the command of each start
     */
    List<String> prepare(String java, String classPath, List<String> arguments, Path folder)
            throws IOException, InterruptedException {
        Files.createDirectories(folder);
        String jars = packed(classPath, folder);
        return switch (this) {
            case PLAIN -> command(java, List.of(), jars, arguments);
            case CDS -> {
                Path archive = folder.resolve("classes.jsa");
                ForkedJvm.run(
                        command(java, List.of("-XX:ArchiveClassesAtExit=" + archive, "-Xlog:cds=off"), jars, arguments),
                        Application.MARK);
                yield command(java, List.of("-XX:SharedArchiveFile=" + archive), jars, arguments);
            }
            case AOT -> {
                String generated = processed(java, jars, arguments, folder).toString();
                yield command(
                        java, List.of("-Dspring.aot.enabled=true"), generated + File.pathSeparator + jars, arguments);
            }
        };
    }

    private static List<String> command(String java, List<String> options, String classPath, List<String> arguments) {
        List<String> command = new ArrayList<>(List.of(java, "-Xmx256m"));
        command.addAll(options);
        command.addAll(List.of("-cp", classPath, Application.class.getName()));
        command.addAll(arguments);
        return command;
    }

    /** Has Spring generate code for the application, compiles it and returns its jar. */
    private static Path processed(String java, String classPath, List<String> arguments, Path folder)
            throws IOException, InterruptedException {
        Path sources = folder.resolve("sources");
        Path classes = folder.resolve("generated");
        List<String> command = new ArrayList<>(List.of(
                java,
                "-cp",
                classPath,
                "org.springframework.boot.SpringApplicationAotProcessor",
                Application.class.getName(),
                sources.toString(),
                classes.toString(),
                classes.toString(),
                "group",
                "artifact"));
        command.addAll(arguments);
        int exit = new ProcessBuilder(command).inheritIO().start().waitFor();
        if (exit != 0) {
            throw new IOException("the processing ahead of time ended with " + exit);
        }
        List<String> files;
        try (Stream<Path> found = Files.walk(sources)) {
            files = found.map(Path::toString)
                    .filter(name -> name.endsWith(".java"))
                    .toList();
        }
        Beans.compile(files, classes, classPath);
        return pack(classes, folder.resolve("generated.jar"));
    }

    /** Replaces the folders of a class path by jars. */
    private static String packed(String classPath, Path folder) throws IOException {
        List<String> jars = new ArrayList<>();
        for (String entry : classPath.split(File.pathSeparator, -1)) {
            Path path = Path.of(entry);
            jars.add(
                    Files.isDirectory(path)
                            ? pack(path, folder.resolve("folder" + jars.size() + ".jar"))
                                    .toString()
                            : entry);
        }
        return String.join(File.pathSeparator, jars);
    }

    private static Path pack(Path folder, Path jar) throws IOException {
        List<Path> files;
        try (Stream<Path> found = Files.walk(folder)) {
            files = found.filter(Files::isRegularFile).sorted().toList();
        }
        try (OutputStream out = Files.newOutputStream(jar);
                JarOutputStream entries = new JarOutputStream(out)) {
            for (Path file : files) {
                entries.putNextEntry(
                        new JarEntry(folder.relativize(file).toString().replace(File.separatorChar, '/')));
                Files.copy(file, entries);
            }
        }
        return jar;
    }
}
