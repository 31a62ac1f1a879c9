// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.browser;

import static org.assertj.core.api.Assertions.fail;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.BrowserType;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Playwright;
import com.microsoft.playwright.options.ColorScheme;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/** The Chromium of the system. Without one, tests that need it are skipped; with {@code CI=true} they fail. */
public final class SystemBrowser implements AutoCloseable {

    private static final String PROPERTY = "test.browser";

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

    /** Starts the browser, or skips the test if there is none. */
    public static SystemBrowser start() {
        Optional<Path> executable = executable();
        if (executable.isEmpty()) {
            skip("no Chromium was found; install Debian's package chromium, or set -D" + PROPERTY + "=/path/to/it");
        }
        if (!hasDriver()) {
            skip("the driver of Playwright is not on the class path; run Maven with the profile browser (-Pbrowser)");
        }
        return new SystemBrowser(executable.orElseThrow());
    }

    /**
     * Opens an empty page with cookies and a cache of its own, which end with its context.
     *
     * @param timeoutMillis how long actions on the page wait
     * @param expected a regular expression for errors on the console that the page expects
     * @param problems receives other errors on the console, failed scripts, and requests to other servers than this machine
     */
    public Page open(
            int width, int height, ColorScheme scheme, int timeoutMillis, String expected, Consumer<String> problems) {
        BrowserContext context = browser.newContext(
                new Browser.NewContextOptions().setViewportSize(width, height).setColorScheme(scheme));
        context.setDefaultTimeout(timeoutMillis);
        Page page = context.newPage();
        page.onConsoleMessage(message -> {
            if (message.type().equals("error") && !message.text().matches(expected)) {
                problems.accept(message.text());
            }
        });
        page.onPageError(problems);
        page.onRequest(request -> {
            if (!request.url().startsWith("http://localhost:")) {
                problems.accept("request to " + request.url());
            }
        });
        return page;
    }

    @Override
    public void close() {
        playwright.close();
    }

    private static void skip(String reason) {
        if ("true".equals(System.getenv("CI"))) {
            fail("The browser tests cannot run: " + reason);
        }
        Assumptions.abort("The browser tests are skipped: " + reason);
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

    private static boolean hasDriver() {
        return SystemBrowser.class.getClassLoader().getResource("driver/linux") != null;
    }
}
