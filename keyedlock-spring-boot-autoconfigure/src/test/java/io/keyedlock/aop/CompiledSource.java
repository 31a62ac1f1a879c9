// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.io.IOException;
import java.io.StringWriter;
import java.net.MalformedURLException;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.tools.JavaCompiler;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/** Classes compiled by a test: without parameter names, or against classes that may be missing. */
public final class CompiledSource {

    private CompiledSource() {}

    public static Class<?> load(Path directory, String className, String source, String... options)
            throws ClassNotFoundException, MalformedURLException, IOException {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        List<String> arguments = new ArrayList<>(List.of(options));
        arguments.addAll(List.of("-proc:none", "-d", directory.toString()));
        StringWriter output = new StringWriter();
        boolean compiled = compiler.getTask(output, null, null, arguments, null, List.of(new Source(className, source)))
                .call();
        if (!compiled) {
            throw new IllegalStateException(output.toString());
        }
        // Not closed, as the class may load others later.
        URLClassLoader loader =
                new URLClassLoader(new URL[] {directory.toUri().toURL()}, CompiledSource.class.getClassLoader());
        return loader.loadClass(className);
    }

    private static final class Source extends SimpleJavaFileObject {

        private final String text;

        Source(String className, String text) {
            super(URI.create("string:///" + className.replace('.', '/') + Kind.SOURCE.extension), Kind.SOURCE);
            this.text = text;
        }

        @Override
        public CharSequence getCharContent(boolean ignoreEncodingErrors) {
            return text;
        }
    }
}
