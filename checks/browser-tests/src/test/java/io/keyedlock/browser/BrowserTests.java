// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.browser;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.assertions.PlaywrightAssertions;
import com.microsoft.playwright.options.ColorScheme;
import io.keyedlock.KeyedLockerRegistry;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Value;

/** A browser, its console, and threads that hold keys. */
abstract class BrowserTests {

    static final ColorScheme LIGHT = ColorScheme.LIGHT;

    private static SystemBrowser browser;

    @Autowired
    KeyedLockerRegistry lockers;

    @Value("${local.server.port}")
    int port;

    final List<String> problems = new ArrayList<>();
    Page page;

    private final KeyHolders holders = new KeyHolders(Duration.ofMinutes(1));

    @BeforeAll
    static void startBrowser() {
        browser = SystemBrowser.start();
        PlaywrightAssertions.setDefaultAssertionTimeout(60_000);
    }

    @AfterAll
    static void stopBrowser() {
        if (browser != null) {
            browser.close();
        }
    }

    @AfterEach
    void stopCallers() throws InterruptedException {
        holders.end();
        closePage();
        close();
        assertThat(problems).isEmpty();
    }

    /** Closes the page. What its console said until then is among the problems afterwards, and nothing is added to it. */
    void closePage() {
        if (page != null) {
            page.context().close();
            page = null;
        }
    }

    /** Called when the page has been closed. */
    void close() {}

    /** Opens the page and waits until it is live. */
    void open(String url, int width, int height, ColorScheme scheme) {
        openEmpty(width, height, scheme);
        visit(url);
    }

    /** Opens an empty page. */
    void openEmpty(int width, int height, ColorScheme scheme) {
        closePage();
        // A key that is idle by now is answered 404, as the page expects.
        page = browser.open(width, height, scheme, 60_000, ".*status of 404.*", problems::add);
    }

    /** Shows the live page and waits until it is live. */
    void visit(String url) {
        page.navigate(url);
        awaitLive();
    }

    void awaitLive() {
        assertThat(status()).hasAttribute("data-state", "live");
    }

    Locator status() {
        return page.locator("#live > .status");
    }

    Locator dialog() {
        return page.locator("dialog");
    }

    /** Returns the row of a key. */
    Locator key(String text) {
        return page.locator("tr")
                .filter(new Locator.FilterOptions().setHas(page.locator("button.key bdi", exactly(text))));
    }

    private static Page.LocatorOptions exactly(String text) {
        return new Page.LocatorOptions()
                .setHasText(Pattern.compile("^" + text.replaceAll("[^A-Za-z0-9 ]", "\\\\$0") + "$"));
    }

    /** Starts, in sequence, a thread for each name that acquires the key and holds it until the test ends. */
    void hold(String locker, Object key, String... threads) {
        holders.hold(lockers.get(locker), key, threads);
    }

    void release() {
        holders.release();
    }

    void assertNothingIsCutOff() {
        assertThat(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))
                .isEqualTo(true);
        assertThat(page.evaluate("[...document.querySelectorAll('.card, dialog[open], button:not(.table button)')]"
                        + ".filter(node => node.scrollWidth > node.clientWidth + 1).map(node => node.textContent)"))
                .isEqualTo(List.of());
    }

    /** Takes a picture, into the directory of the property {@code test.screenshots} or below {@code target}. */
    void picture(String file) {
        Path directory = Path.of(System.getProperty("test.screenshots", "target/screenshots"));
        page.screenshot(new Page.ScreenshotOptions().setPath(directory.resolve(file)));
    }
}
