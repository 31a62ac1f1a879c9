// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.browser;

import com.microsoft.playwright.Page;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;

/** Checks pages with axe. */
public final class Accessibility {

    private static final String VIOLATIONS = """
            () => axe.run({ resultTypes: ["violations"] }).then(({ violations }) => violations.map(violation =>
              `${violation.id}: ${violation.help}: ${violation.nodes.map(node => node.html).join(" ").slice(0, 400)}`))""";

    private Accessibility() {}

    /** Returns the violations of a page in its current state. */
    @SuppressWarnings("unchecked") // the script returns an array of strings
    public static List<String> violations(Page page) {
        page.evaluate(script());
        return (List<String>) page.evaluate(VIOLATIONS);
    }

    private static String script() {
        try (InputStream script = Accessibility.class.getResourceAsStream("/axe.min.js")) {
            return new String(Objects.requireNonNull(script).readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
