// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.browser;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.assertions.PlaywrightAssertions;
import com.microsoft.playwright.options.ColorScheme;
import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.Permit;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.regex.Pattern;
import org.awaitility.Awaitility;
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

    private final CountDownLatch released = new CountDownLatch(1);
    private final List<Thread> callers = new ArrayList<>();
    private BrowserContext context;

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
        release();
        for (Thread caller : callers) {
            caller.join();
        }
        if (context != null) {
            context.close();
        }
        close();
        assertThat(problems).isEmpty();
    }

    /** Called when the page has been closed. */
    void close() {}

    /** Opens the page and waits until it is live. */
    void open(String url, int width, int height, ColorScheme scheme) {
        if (context != null) {
            context.close();
        }
        context = browser.browser()
                .newContext(new Browser.NewContextOptions()
                        .setViewportSize(width, height)
                        .setColorScheme(scheme));
        context.setDefaultTimeout(60_000);
        page = context.newPage();
        page.onConsoleMessage(message -> {
            // A key that is idle by now is answered 404, as the page expects.
            if (message.type().equals("error") && !message.text().matches(".*status of 404.*")) {
                problems.add(message.text());
            }
        });
        page.onPageError(problems::add);
        page.onRequest(request -> {
            if (!request.url().startsWith("http://localhost:")) {
                problems.add("request to " + request.url());
            }
        });
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

    /** The row of a key. */
    Locator key(String text) {
        return page.locator("tr")
                .filter(new Locator.FilterOptions().setHas(page.locator("button.key bdi", exactly(text))));
    }

    private static Page.LocatorOptions exactly(String text) {
        return new Page.LocatorOptions()
                .setHasText(Pattern.compile("^" + text.replaceAll("[^A-Za-z0-9 ]", "\\\\$0") + "$"));
    }

    /** Starts a thread for each name, one after the other, that acquires the key and holds it until the test ends. */
    void hold(String locker, Object key, String... threads) {
        KeyedLocker<Object> locks = lockers.get(locker);
        for (String name : threads) {
            long before = callersOf(locks, key);
            Thread thread = new Thread(() -> holdUntilReleased(locks, key), name);
            callers.add(thread);
            thread.start();
            Awaitility.await().atMost(Duration.ofMinutes(1)).until(() -> callersOf(locks, key) > before);
        }
    }

    private static long callersOf(KeyedLocker<Object> locks, Object key) {
        return locks.snapshot(key)
                .map(all -> all.holders().size() + all.waiters().size())
                .orElse(0);
    }

    @SuppressWarnings("try") // the permit is held, not used
    private void holdUntilReleased(KeyedLocker<Object> locks, Object key) {
        try (Permit permit = locks.acquire(key, Duration.ofMinutes(10))) {
            released.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    void release() {
        released.countDown();
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
