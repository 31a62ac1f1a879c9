// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Words, and names with values: {@code quick --forks=3}. */
public record Arguments(List<String> all) {

    public Arguments(String[] args) {
        this(List.of(args));
    }

    public boolean has(String word) {
        return all.contains(word) || all.contains("--" + word);
    }

    public Optional<String> value(String name) {
        return all.stream()
                .map(a -> a.startsWith("--") ? a.substring(2) : a)
                .filter(a -> a.startsWith(name + "="))
                .map(a -> a.substring(name.length() + 1))
                .findFirst();
    }

    /** A value that is a number, or another number if it is missing. */
    public int number(String name, int otherwise) {
        return value(name).map(Integer::parseInt).orElse(otherwise);
    }

    /** Returns the command that runs a program with these arguments, without those that name folders. */
    public String command(Class<?> program) {
        Stream<String> options = ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(option -> option.startsWith("-X"));
        Stream<String> call = Stream.of("-cp", "checks/benchmarks/target/benchmarks.jar", program.getName());
        Stream<String> arguments = all.stream().filter(argument -> !argument.matches("(--)?(out|jdk)=.*"));
        return Stream.of(Stream.of("java"), options, call, arguments)
                .flatMap(Function.identity())
                .collect(Collectors.joining(" "));
    }

    /** A value that is a list. */
    public Optional<List<String>> values(String name) {
        return value(name).map(text -> List.of(text.split(",", -1)));
    }
}
