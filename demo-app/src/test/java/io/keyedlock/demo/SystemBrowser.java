// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo;

import static org.assertj.core.api.Assertions.fail;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserType;
import com.microsoft.playwright.Playwright;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/** The Chromium of the system. Where there is none the tests are skipped, but with {@code CI=true} they fail. */
final class SystemBrowser implements AutoCloseable {

    private static final String PROPERTY = "demo.browser";

    private final Playwright playwright;
    private final Browser browser;

    private SystemBrowser(Path executable) {
        playwright = Playwright.create(
                new Playwright.CreateOptions().setEnv(Map.of("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")));
        browser = playwright
                .chromium()
                .launch(new BrowserType.LaunchOptions()
                        .setExecutablePath(executable)
                        .setTimeout(120_000)
                        .setArgs(List.of(
                                "--no-sandbox",
                                "--disable-gpu",
                                "--disable-quic",
                                "--no-first-run",
                                "--disable-background-networking",
                                "--disable-component-update",
                                "--disable-sync")));
    }

    static SystemBrowser start() {
        Optional<Path> executable = executable();
        if (executable.isEmpty()) {
            without("there is no Chromium: install Debian's package chromium, or give -D" + PROPERTY + "=/path/to/it");
        }
        if (!driverIsThere()) {
            without("what drives a browser is not on the class path: give Maven the profile browser (-Pbrowser)");
        }
        return new SystemBrowser(executable.orElseThrow());
    }

    Browser browser() {
        return browser;
    }

    @Override
    public void close() {
        playwright.close();
    }

    private static void without(String why) {
        if ("true".equals(System.getenv("CI"))) {
            fail("The tests of the page cannot run: " + why);
        }
        Assumptions.abort("The tests of the page are skipped: " + why);
    }

    private static Optional<Path> executable() {
        String given = System.getProperty(PROPERTY);
        return (given != null
                        ? Stream.of(given)
                        : Stream.of("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"))
                .map(Path::of)
                .filter(Files::isExecutable)
                .findFirst();
    }

    private static boolean driverIsThere() {
        return SystemBrowser.class.getClassLoader().getResource("driver/linux") != null;
    }
}
