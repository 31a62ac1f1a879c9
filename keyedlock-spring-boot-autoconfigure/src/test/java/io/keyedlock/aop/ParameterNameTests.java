// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.KeyedLockerRegistry;
import java.lang.reflect.Method;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Classes that were compiled without parameter names. */
public class ParameterNameTests {

    private static final String SOURCE = """
            package sample;
            import io.keyedlock.annotation.KeyedLock;
            public class Nameless {
              @KeyedLock(key = "#id") public void byName(String id) {}
              @KeyedLock(key = "#p0") public void byIndex(String id) {}
            }
            """;

    @TempDir
    Path directory;

    @Test
    void unknownNameIsReportedWithTheCompilerOption() throws Exception {
        Class<?> nameless = CompiledSource.load(directory, "sample.Nameless", SOURCE);
        Contexts.runner(nameless).withClassLoader(nameless.getClassLoader()).run(context -> {
            List<Finding> findings =
                    StartupValidationTests.find(context.getStartupFailure()).findings();
            assertThat(findings).hasSize(1);
            assertThat(findings.get(0).place()).isEqualTo("sample.Nameless.byName(String)");
            assertThat(findings.get(0).problem()).contains("#id");
            assertThat(findings.get(0).remedy()).contains("-parameters").contains("#p0");
        });
    }

    @Test
    void nullKeyIsReportedWithTheCompilerOption() throws Exception {
        Class<?> nameless = CompiledSource.load(directory, "sample.Nameless", SOURCE);
        Contexts.runner(nameless)
                .withClassLoader(nameless.getClassLoader())
                .withPropertyValues("keyedlock.validation=warn")
                .run(context -> {
                    Object bean = context.getBean(nameless);
                    Method byIndex = nameless.getMethod("byIndex", String.class);
                    byIndex.invoke(bean, "a");
                    assertThatThrownBy(() -> byIndex.invoke(bean, (Object) null))
                            .hasCauseInstanceOf(LockKeyException.class)
                            .cause()
                            .hasMessageContaining("sample.Nameless.byIndex(String)")
                            .hasMessageContaining("#p0")
                            .hasMessageContaining("-parameters");
                    Method byName = nameless.getMethod("byName", String.class);
                    assertThatThrownBy(() -> byName.invoke(bean, "a"))
                            .hasCauseInstanceOf(InvalidKeyedLockException.class)
                            .cause()
                            .hasMessageContaining("-parameters");
                    KeyedLockAdviceTests.assertIdle(context.getBean(KeyedLockerRegistry.class));
                });
    }

    @Test
    void namesOfTheAnnotatedInterfaceAreEnough() throws Exception {
        String source = """
                package sample;
                public class Plain implements io.keyedlock.aop.ParameterNameTests.Named {
                  public void handle(String other) {}
                }
                """;
        Class<?> plain = CompiledSource.load(directory, "sample.Plain", source);
        Contexts.runner(plain).withClassLoader(plain.getClassLoader()).run(context -> {
            assertThat(context).hasNotFailed();
            ((Named) context.getBean(plain)).handle("a");
        });
    }

    /** Compiled with names, like all tests. */
    public interface Named {

        /**
         * Handles.
         *
         * @param id what
         */
        @io.keyedlock.annotation.KeyedLock(key = "#id")
        void handle(String id);
    }
}
