// SPDX-License-Identifier: Apache-2.0
package consumer;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.LockRejectedException;
import java.io.File;
import java.lang.module.Configuration;
import java.lang.module.ModuleFinder;
import java.lang.module.ModuleReference;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.SpringBootVersion;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.ConfigurableApplicationContext;

/** An application that has the starter and nothing else, and ends with an error unless its one method is locked. */
@SpringBootApplication
public class Consumer {

    /** Expects the version of Spring Boot as its first argument; the others are properties. */
    public static void main(String[] arguments) {
        check(
                arguments[0].equals(SpringBootVersion.getVersion()),
                "Spring Boot " + arguments[0] + " was expected and " + SpringBootVersion.getVersion() + " is here");
        System.out.println("modules " + modules());
        try (ConfigurableApplicationContext context = SpringApplication.run(Consumer.class, arguments)) {
            Transfers transfers = context.getBean(Transfers.class);
            KeyedLocker<Object> locker = context.getBean(KeyedLockerRegistry.class).get("accounts");
            check(
                    transfers.whileHeld("a", () -> locker.isActive("a") && !locker.isActive("b")),
                    "NOT LOCKED: the key is not held while the method runs");
            check(
                    transfers.whileHeld("a", () -> isRefused(transfers, "a")),
                    "NOT LOCKED: another thread came in while the key was held");
            check(transfers.whileHeld("a", () -> !isRefused(transfers, "b")), "another key was refused");
            check(locker.activeKeyCount() == 0, "a key is still held");
        }
        System.out.println("locked on Spring Boot " + SpringBootVersion.getVersion());
    }

    private static boolean isRefused(Transfers transfers, String id) {
        return CompletableFuture.supplyAsync(() -> {
                    try {
                        return transfers.whileHeld(id, () -> false);
                    } catch (LockRejectedException e) {
                        return true;
                    }
                })
                .join();
    }

    /** The names that users' module descriptors require; a resolution fails if two of the jars share a package. */
    private static Set<String> modules() {
        Path[] jars = Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                .map(Path::of)
                .filter(path -> path.getFileName().toString().matches("keyedlock-.*\\.jar"))
                .toArray(Path[]::new);
        ModuleFinder finder = ModuleFinder.of(jars);
        Set<String> names = finder.findAll().stream()
                .map(ModuleReference::descriptor)
                .map(descriptor -> descriptor.name())
                .collect(Collectors.toCollection(TreeSet::new));
        Configuration.resolve(
                finder, List.of(ModuleLayer.boot().configuration()), ModuleFinder.of(), names);
        check(
                names.equals(Set.of(
                        "io.keyedlock", "io.keyedlock.spring.boot.autoconfigure", "io.keyedlock.spring.boot.starter")),
                "the modules are " + names);
        return names;
    }

    private static void check(boolean condition, String otherwise) {
        if (!condition) {
            throw new IllegalStateException(otherwise);
        }
    }
}
