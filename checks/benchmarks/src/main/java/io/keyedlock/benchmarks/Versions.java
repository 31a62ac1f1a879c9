// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;

/** The versions of what is compared with. The build writes them into a resource. */
public final class Versions {

    private static final Properties ALL = load();

    private Versions() {}

    /** Returns the versions of some of them, in this order. */
    public static Map<String, String> of(String... names) {
        Map<String, String> versions = new LinkedHashMap<>();
        Arrays.stream(names).forEach(name -> versions.put(name, Objects.requireNonNull(ALL.getProperty(name), name)));
        return versions;
    }

    private static Properties load() {
        try (InputStream in = Versions.class.getResourceAsStream("/versions.properties")) {
            Properties all = new Properties();
            all.load(Objects.requireNonNull(in, "versions.properties"));
            return all;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
