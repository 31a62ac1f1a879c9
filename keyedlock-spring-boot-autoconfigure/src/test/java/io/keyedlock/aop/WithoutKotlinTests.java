// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The class path of an application in Java, which has no Kotlin. */
class WithoutKotlinTests {

    @Test
    void classesThatUseKotlinAreLinkedWithoutIt() throws Throwable {
        List<URL> urls = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
            if (!Path.of(entry).getFileName().toString().startsWith("kotlin")) {
                urls.add(Path.of(entry).toUri().toURL());
            }
        }
        try (URLClassLoader loader =
                new URLClassLoader(urls.toArray(URL[]::new), ClassLoader.getPlatformClassLoader())) {
            assertThat(loader.getResource("kotlin/Unit.class")).isNull();
            Class<?> linked = Class.forName("io.keyedlock.aop.KotlinFunctions", true, loader);
            MethodHandle canReflect = MethodHandles.privateLookupIn(linked, MethodHandles.lookup())
                    .findStatic(linked, "canReflect", MethodType.methodType(boolean.class, Class.class));
            assertThat((boolean) canReflect.invoke(String.class)).isFalse();
        }
    }
}
