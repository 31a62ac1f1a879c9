// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.startup;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;

/** Writes and compiles the beans of the started application: a number of classes with a number of annotated methods. */
record Beans(int classes, int methods) {

    static final String PACKAGE = "shop";

    /** Typical keys, used alternately: a parameter, a property, a composite key, an argument by index. */
    private static final List<String> KEYS = List.of("#id", "#order.id", "{#order.tenant, #id}", "#p0");

    /** The name of a class, from 0 on. */
    static String className(int index) {
        return PACKAGE + ".Service" + index;
    }

    /** Compiles them into a folder. */
    void compileInto(Path folder) throws IOException {
        Path sources = Files.createDirectories(folder.resolve("sources").resolve(PACKAGE));
        List<String> files = new ArrayList<>();
        files.add(write(sources.resolve("Order.java"), """
                package shop;
                public class Order {
                    public long getId() { return 1; }
                    public String getTenant() { return "acme"; }
                }
                """));
        for (int i = 0; i < classes; i++) {
            files.add(write(sources.resolve("Service" + i + ".java"), source(i)));
        }
        compile(files, folder, System.getProperty("java.class.path"));
    }

    static void compile(List<String> files, Path folder, String classPath) throws IOException {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        if (compiler == null) {
            throw new IOException("this Java has no compiler: run the program with a JDK");
        }
        List<String> arguments = new ArrayList<>(List.of(
                "-parameters", "--release", "17", "-proc:none", "-nowarn", "-d", folder.toString(), "-cp", classPath));
        arguments.addAll(files);
        if (compiler.run(null, System.err, System.err, arguments.toArray(new String[0])) != 0) {
            throw new IOException("the sources do not compile: " + files);
        }
    }

    private String source(int index) {
        StringBuilder source = new StringBuilder("package shop;\npublic class Service" + index + " {\n");
        for (int i = 0; i < methods; i++) {
            source.append("    @io.keyedlock.annotation.KeyedLock(name = \"orders\", key = \"")
                    .append(KEYS.get(i % KEYS.size()))
                    .append("\")\n    public long work")
                    .append(i)
                    .append("(long id, Order order) { return id + ")
                    .append(i)
                    .append("; }\n");
        }
        return source.append("}\n").toString();
    }

    private static String write(Path file, String text) throws IOException {
        return Files.writeString(file, text).toString();
    }
}
