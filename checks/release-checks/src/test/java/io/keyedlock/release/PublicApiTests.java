// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.release;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The public surface of every published module matches its list, so that no change is accidental. */
class PublicApiTests {

    private static final Path LISTS = Path.of("src/test/resources/public-api");

    private static final String WRITE = "public-api.write";

    private static final String COMMAND = "mvn -pl checks/release-checks -am test -Dtest=PublicApiTests"
            + " -Dsurefire.failIfNoSpecifiedTests=false -D"
            + WRITE
            + "=true";

    @TempDir
    Path directory;

    static List<String> modules() {
        return PublishedModules.withClasses();
    }

    @ParameterizedTest
    @MethodSource("modules")
    void theSurfaceMatchesTheList(String module) throws IOException {
        List<String> surface = PublicApi.of(PublishedModules.classes(module));
        assertThat(surface)
                .as("%s has no compiled classes: is it among the dependencies of release-checks?", module)
                .isNotEmpty();
        Path list = LISTS.resolve(module + ".txt");
        if (Boolean.getBoolean(WRITE)) {
            Files.createDirectories(LISTS);
            Files.write(list, surface);
            return;
        }
        List<String> listed = Files.exists(list) ? Files.readAllLines(list) : List.of();
        if (!surface.equals(listed)) {
            fail("The public surface of %s is not what checks/release-checks/%s says.\n%s\nIf it is meant to be so: %s"
                    .formatted(module, list, differences(listed, surface), COMMAND));
        }
    }

    @Test
    void everyListHasAModule() throws IOException {
        try (Stream<Path> lists = Files.list(LISTS)) {
            assertThat(modules())
                    .containsAll(lists.map(list -> list.getFileName().toString().replace(".txt", ""))
                            .toList());
        }
    }

    @Test
    void whatUsersCanSeeIsListedAndNothingElse() throws IOException {
        compile("Shape", """
                package shapes;
                import java.util.*;
                import java.util.concurrent.Callable;
                public sealed interface Shape<T extends Comparable<T>> permits Shape.Square, Shape.Other {
                    int SIDES = 4;
                    String NAME = "a \\"shape\\"";
                    Object any();
                    Object[] all(Map<? super T, List<?>> map, int... sizes);
                    <E extends Exception> T call(Callable<? extends T> task) throws E, InterruptedException;
                    default void grow() {}
                    static Shape<String> create() { return null; }
                    private void hidden() {}
                    record Square(String name, List<String> tags) implements Shape<String> {
                        @Override public Object any() { return null; }
                        @Override public Object[] all(Map<? super String, List<?>> map, int... sizes) { return null; }
                        @Override public <E extends Exception> String call(Callable<? extends String> task) { return null; }
                    }
                    abstract non-sealed class Other implements Shape<String> {
                        protected static final long LONG = 1L;
                        protected Other(int size) {}
                        @Deprecated protected abstract void old();
                        void hidden() {}
                        protected static class Inner {}
                        private static class Hidden { public void hidden() {} }
                    }
                }
                class Base { public void inherited() {} }
                """);
        compile("Final", """
                package shapes;
                import java.lang.annotation.*;
                public final class Final extends Base {
                    private Final() {}
                    protected void hidden() {}
                    public enum Size { SMALL }
                    @Target({ElementType.METHOD, ElementType.TYPE}) @Retention(RetentionPolicy.RUNTIME)
                    public @interface Marked {
                        String[] value() default {"x"};
                        Size size() default Size.SMALL;
                        Class<?> type() default void.class;
                    }
                }
                """);
        assertThat(PublicApi.of(directory)).containsExactlyElementsOf(lines("""
                public final class shapes.Final extends shapes.Base
                  public void inherited()
                @java.lang.annotation.Retention(value = RUNTIME) @java.lang.annotation.Target(value = {METHOD, TYPE}) public static @interface shapes.Final$Marked extends java.lang.annotation.Annotation
                  public abstract java.lang.Class<?> type() default void.class
                  public abstract java.lang.String[] value() default {"x"}
                  public abstract shapes.Final$Size size() default SMALL
                public static final enum shapes.Final$Size extends java.lang.Enum<shapes.Final$Size>
                  public static final shapes.Final$Size SMALL
                  public static shapes.Final$Size valueOf(java.lang.String)
                  public static shapes.Final$Size[] values()
                public interface shapes.Shape<T extends java.lang.Comparable<T>> permits shapes.Shape$Other, shapes.Shape$Square
                  public abstract <E extends java.lang.Exception> T call(java.util.concurrent.Callable<? extends T>) throws E, java.lang.InterruptedException
                  public abstract java.lang.Object any()
                  public abstract varargs java.lang.Object[] all(java.util.Map<? super T, java.util.List<?>>, int[])
                  public default void grow()
                  public static final int SIDES = 4
                  public static final java.lang.String NAME = "a \\"shape\\""
                  public static shapes.Shape<java.lang.String> create()
                public static abstract class shapes.Shape$Other implements shapes.Shape<java.lang.String>
                  @java.lang.Deprecated protected abstract void old()
                  protected Other(int)
                  protected static final long LONG = 1
                protected static class shapes.Shape$Other$Inner
                  protected Inner()
                public static final record shapes.Shape$Square extends java.lang.Record implements shapes.Shape<java.lang.String> (java.lang.String name, java.util.List<java.lang.String> tags)
                  public <E extends java.lang.Exception> java.lang.String call(java.util.concurrent.Callable<? extends java.lang.String>)
                  public Square(java.lang.String, java.util.List<java.lang.String>)
                  public final boolean equals(java.lang.Object)
                  public final int hashCode()
                  public final java.lang.String toString()
                  public java.lang.Object any()
                  public java.lang.String name()
                  public java.util.List<java.lang.String> tags()
                  public varargs java.lang.Object[] all(java.util.Map<? super java.lang.String, java.util.List<?>>, int[])
                """));
    }

    @Test
    void nullabilityIsPartOfTheSurface() throws IOException {
        compile("Nulls", """
                package shapes;
                import java.util.*;
                import org.jspecify.annotations.Nullable;
                public class Nulls<T extends @Nullable Object> {
                    public Nulls(String name, @Nullable String other) {}
                    public @Nullable String find(Map<String, @Nullable String> map) { return null; }
                    public @Nullable Object value;
                }
                """);
        assertThat(PublicApi.of(directory)).containsExactlyElementsOf(lines("""
                public class shapes.Nulls<T> [nullable: bound of type parameter 0]
                  public Nulls(java.lang.String, java.lang.String) [nullable: parameter 1]
                  public java.lang.Object value [nullable: value]
                  public java.lang.String find(java.util.Map<java.lang.String, java.lang.String>) [nullable: parameter 0 at 1;, result]
                """));
    }

    private void compile(String name, String source) throws IOException {
        Path file = Files.writeString(directory.resolve(name + ".java"), source);
        int result = ToolProvider.getSystemJavaCompiler()
                .run(
                        null,
                        null,
                        null,
                        "--release",
                        "17",
                        "-proc:none",
                        "-d",
                        directory.toString(),
                        "-cp",
                        System.getProperty("java.class.path") + File.pathSeparator + directory,
                        file.toString());
        assertThat(result).as("compilation of %s", name).isZero();
    }

    private static List<String> lines(String text) {
        return text.lines().toList();
    }

    /** Returns the removed and the added lines, below the header of their type. */
    private static String differences(List<String> listed, List<String> surface) {
        List<String> gone = qualified(listed);
        List<String> come = qualified(surface);
        List<String> kept = new ArrayList<>(gone);
        kept.retainAll(come);
        gone.removeAll(kept);
        come.removeAll(kept);
        return Stream.concat(
                        gone.stream().map(line -> "- " + line), come.stream().map(line -> "+ " + line))
                .collect(Collectors.joining("\n"));
    }

    private static List<String> qualified(List<String> lines) {
        List<String> qualified = new ArrayList<>();
        String type = "";
        for (String line : lines) {
            if (line.startsWith("  ")) {
                qualified.add(type + ": " + line.strip());
            } else {
                type = line.replaceFirst("^.*?(?:class|interface|enum|record) ([^ <(]+).*$", "$1");
                qualified.add(line);
            }
        }
        return qualified;
    }
}
