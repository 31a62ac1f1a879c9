// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.assertions.PlaywrightAssertions;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.ColorScheme;
import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.Permit;
import java.net.http.HttpResponse;
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
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.test.context.ActiveProfiles;

/**
 * The page in a real browser. With {@code -Ddemo.screenshots=DIRECTORY} it leaves the pictures of the README there, else
 * below {@code target}.
 */
@SpringBootTest(
        webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT,
        properties = {
            "demo.load.events=600",
            "demo.load.threads=32",
            "demo.batches.messages=1000",
            // Longer than any wait here: a report waits until the page has shown it.
            "keyedlock.locks.tenants.wait-time=10m"
        })
@ActiveProfiles("limits")
class PageTests {

    private static final String MARKUP = "<img src=x onerror=\"window.fooled=true\">";

    /** The least contrast of any text, with that text; what lies behind it is the nearest ground that is not transparent. */
    private static final String LEAST_CONTRAST = """
            () => {
              const rgba = text => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return [r, g, b, a]; };
              const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
                .map(c => c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
                .reduce((sum, c, n) => sum + c * [.2126, .7152, .0722][n], 0);
              let least = [21, ""];
              const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
              while (walker.nextNode()) {
                const node = walker.currentNode.parentElement;
                if (!walker.currentNode.textContent.trim() || !node.checkVisibility()
                    || ["SCRIPT", "NOSCRIPT"].includes(node.tagName)) continue;
                let behind = node;
                while (behind && rgba(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
                const ground = light(rgba(getComputedStyle(behind || document.body).backgroundColor));
                const ink = light(rgba(getComputedStyle(node).color));
                const ratio = (Math.max(ink, ground) + .05) / (Math.min(ink, ground) + .05);
                if (ratio < least[0]) least = [ratio, walker.currentNode.textContent.trim()];
              }
              return least[0].toFixed(2) + " " + least[1];
            }""";

    private static SystemBrowser browser;

    @Autowired
    KeyedLockerRegistry lockers;

    @Value("${local.server.port}")
    int port;

    private final List<String> problems = new ArrayList<>();
    private final CountDownLatch letGo = new CountDownLatch(1);
    private final List<Thread> callers = new ArrayList<>();
    private BrowserContext context;
    private Page page;

    @BeforeAll
    static void startBrowser() {
        browser = SystemBrowser.start();
        PlaywrightAssertions.setDefaultAssertionTimeout(120_000);
    }

    @AfterAll
    static void stopBrowser() {
        if (browser != null) {
            browser.close();
        }
    }

    @BeforeEach
    void openPage() {
        open(1280, 900, ColorScheme.LIGHT);
    }

    private void open(int width, int height, ColorScheme scheme) {
        if (context != null) {
            context.close();
        }
        context = browser.browser()
                .newContext(new Browser.NewContextOptions()
                        .setViewportSize(width, height)
                        .setColorScheme(scheme));
        context.setDefaultTimeout(120_000);
        page = context.newPage();
        page.onConsoleMessage(message -> {
            // A key that is idle by now is answered 404, and a report too many 429: the browser reports what the page
            // expects.
            if (message.type().equals("error") && !message.text().matches(".*status of (404|429).*")) {
                problems.add(message.text());
            }
        });
        page.onPageError(problems::add);
        page.onRequest(request -> {
            if (!request.url().startsWith("http://localhost:" + port + "/")) {
                problems.add("from outside: " + request.url());
            }
        });
        page.navigate("http://localhost:" + port + "/");
        assertThat(page.locator("#status")).hasAttribute("data-state", "live");
        assertThat(page.locator(".use .buttons")).hasCount(3);
    }

    @AfterEach
    void nothingWentWrong() throws InterruptedException {
        letGo.countDown();
        for (Thread caller : callers) {
            caller.join();
        }
        if (context != null) {
            context.close();
        }
        assertThat(problems).isEmpty();
    }

    @Test
    void loadsNothingFromOutsideAndForbidsIt() throws Exception {
        HttpResponse<String> answer = new Http(port).get("/");

        assertThat(answer.headers().firstValue("Content-Security-Policy"))
                .hasValueSatisfying(policy -> assertThat(policy)
                        .contains("default-src 'none'", "script-src 'self'")
                        .doesNotContain("unsafe"));
        assertThat(page.locator("main, header.top, footer")).hasCount(3);
        assertThat(page.locator("[data-locker]")).hasCount(3);
        assertThat(locker("addresses")).containsText("in this process");
    }

    @Test
    void keysAppearWhileTheyAreHeldAndVanishAfterwards() {
        assertThat(locker("tenants").locator(".key")).hasCount(0);

        hold("tenants", "acme", "report-1", "report-2", "report-3", "report-4");

        assertThat(key("tenants", "acme")).containsText("3 of 3 permits in use, 1 waiting");
        assertThat(key("tenants", "acme").locator(".permits .used")).hasCount(3);
        assertThat(key("tenants", "acme").locator(".queue i")).hasCount(1);
        assertThat(key("tenants", "acme").locator(".age")).hasText(Pattern.compile("\\d+\\.\\d s"));
        letGo.countDown();
        assertThat(locker("tenants").locator(".key")).hasCount(0);
        assertThat(locker("tenants")).containsText("no key is held");
    }

    @Test
    void keyShowsWhoHoldsItAndWhoWaitsAlsoByKeyboard() {
        hold("addresses", "203.0.113.7", "event-1", "event-2", "event-3");

        assertThat(key("addresses", "203.0.113.7")).containsText("2 waiting");
        key("addresses", "203.0.113.7").focus();
        page.keyboard().press("Enter");

        Locator dialog = page.getByRole(AriaRole.DIALOG);
        assertThat(dialog).containsText("1 holder, 2 waiters");
        assertThat(dialog.locator("#holders")).containsText("event-1");
        assertThat(dialog.locator("#waiters li")).hasCount(2);
        letGo.countDown();
        assertThat(dialog).containsText("Free: nobody holds it");
        page.keyboard().press("Escape");
        assertThat(dialog).isHidden();
    }

    @Test
    void keyThatIsMarkupIsShownAsText() {
        hold("tenants", MARKUP, "report-1", "report-2", "report-3");
        page.locator("#tenant").fill(MARKUP);
        page.locator("#seconds").fill("0");
        page.getByRole(AriaRole.BUTTON, new Page.GetByRoleOptions().setName("Make a report"))
                .click();

        Locator row = key("tenants", MARKUP);
        assertThat(row.locator(".key-name")).hasText(MARKUP);
        row.click();
        assertThat(page.locator("#key-title")).hasText(MARKUP);
        assertThat(page.locator("#waiters")).containsText("exec");
        assertThat(page.locator("main img, dialog img")).hasCount(0);
        letGo.countDown();
        page.keyboard().press("Escape");
        assertThat(page.locator("#report-log")).containsText(MARKUP + ": done");
        assertThat(page.evaluate("window.fooled === undefined")).isEqualTo(true);
    }

    @Test
    void limitOfATenantIsChangedWhileReportsWait() {
        hold("tenants", "wonka", "report-1", "report-2", "report-3", "report-4", "report-5");
        assertThat(key("tenants", "wonka")).containsText("3 of 3 permits in use, 2 waiting");
        key("tenants", "wonka").click();
        Locator dialog = page.getByRole(AriaRole.DIALOG);
        assertThat(dialog).containsText("At most 3 reports at once");

        page.locator("#limit-raise").click();
        assertThat(dialog).containsText("At most 4 reports at once");
        assertThat(dialog).containsText("4 holders, 1 waiter");
        page.locator("#limit-raise").click();

        assertThat(dialog).containsText("5 holders, 0 waiters");
        assertThat(key("tenants", "wonka")).containsText("5 of 5 permits in use, 0 waiting");
        page.locator("#limit-lower").click();
        assertThat(dialog).containsText("At most 4 reports at once");
        assertThat(dialog).containsText("5 holders, 0 waiters");
    }

    @Test
    void fourthReportIsTurnedAwayWhereItDoesNotWait() {
        hold("tenants", "globex", "report-1", "report-2", "report-3");
        assertThat(key("tenants", "globex")).containsText("3 of 3");
        page.locator("#tenant").fill("globex");
        page.locator("#no-wait").check();
        page.locator("#tenant").press("Enter");

        assertThat(page.locator("#report-log")).containsText("429");
        assertThat(page.locator("#rates-legend")).containsText("refused");
    }

    @Test
    void comparisonShowsEachWayOfEachUse() {
        compare("events");
        assertThat(cells("events", "Conflicts").get(1)).isEqualTo("0");
        assertThat(cells("events", "Conflicts").get(0)).isNotEqualTo("0");
        assertThat(cells("events", "Lost updates")).containsExactly("0", "0");

        compare("batches");
        assertThat(cells("batches", "Out of order").get(2)).isEqualTo("0");
        assertThat(cells("batches", "Lost")).containsExactly("0", "0", "0");

        compare("reports");
        assertThat(cells("reports", "Most at once per tenant")).satisfies(most -> {
            assertThat(Integer.parseInt(most.get(0))).isGreaterThan(3);
            assertThat(most.subList(1, 3))
                    .allSatisfy(count -> assertThat(Integer.parseInt(count)).isBetween(1, 3));
        });
        assertThat(cells("reports", "Turned away").subList(0, 2)).containsExactly("0", "0");
    }

    @ParameterizedTest
    @EnumSource(
            value = ColorScheme.class,
            names = {"LIGHT", "DARK"})
    void textIsReadable(ColorScheme scheme) {
        open(1280, 900, scheme);
        hold("tenants", "acme", "report-1", "report-2", "report-3", "report-4");
        assertThat(key("tenants", "acme")).containsText("1 waiting");
        assertThat(contrast()).isGreaterThanOrEqualTo(4.5);
        key("tenants", "acme").click();
        assertThat(page.locator("#waiters li")).hasCount(1);
        assertThat(contrast()).isGreaterThanOrEqualTo(4.5);
        page.keyboard().press("Escape");
        button("reports", "The fourth gets 429").click();
        assertThat(use("reports").locator(".results")).isVisible();
        assertThat(contrast()).isGreaterThanOrEqualTo(4.5);
    }

    @Test
    void fitsLaptopAndPhone() {
        hold("addresses", "203.0.113.7", "event-1", "event-2", "event-3", "event-4", "event-5");
        hold("addresses", "2001:db8:0:0:0:0:0:1", "event-6");
        hold("tenants", "acme", "report-1", "report-2", "report-3", "report-4", "report-5", "report-6");
        hold("tenants", "wayne", "report-7", "report-8");
        compare("events");
        picture("laptop-light.png", false);
        key("tenants", "acme").click();
        assertThat(page.locator("#waiters li")).hasCount(3);
        picture("key.png", false);
        assertNothingIsCutOff();

        open(1280, 900, ColorScheme.DARK);
        compare("batches");
        picture("laptop-dark.png", false);
        assertNothingIsCutOff();

        open(375, 812, ColorScheme.LIGHT);
        compare("reports");
        assertThat(key("tenants", "acme")).containsText("3 of 3");
        picture("phone.png", true);
        assertNothingIsCutOff();
        key("tenants", "acme").click();
        assertThat(page.locator("#waiters li")).hasCount(3);
        picture("phone-key.png", false);
        assertNothingIsCutOff();
    }

    private void assertNothingIsCutOff() {
        assertThat(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))
                .isEqualTo(true);
        assertThat(page.evaluate("[...document.querySelectorAll('.card, button:not(.key), td, th')]"
                        + ".filter(node => node.scrollWidth > node.clientWidth + 1).map(node => node.textContent)"))
                .isEqualTo(List.of());
    }

    private void picture(String file, boolean whole) {
        Path directory = Path.of(System.getProperty("demo.screenshots", "target/screenshots"));
        page.screenshot(
                new Page.ScreenshotOptions().setPath(directory.resolve(file)).setFullPage(whole));
    }

    /** Starts a thread for each name, one after the other, that takes the key and keeps it until the test lets go. */
    private void hold(String locker, String key, String... threads) {
        KeyedLocker<String> locks = lockers.get(locker);
        for (String name : threads) {
            int before = locks.snapshot(key)
                    .map(all -> all.holders().size() + all.waiters().size())
                    .orElse(0);
            Thread thread = new Thread(() -> holdUntilLetGo(locks, key), name);
            callers.add(thread);
            thread.start();
            Awaitility.await()
                    .atMost(Duration.ofMinutes(2))
                    .until(() -> locks.snapshot(key)
                            .filter(all -> all.holders().size() + all.waiters().size() > before)
                            .isPresent());
        }
    }

    @SuppressWarnings("try")
    private void holdUntilLetGo(KeyedLocker<String> locks, String key) {
        try (Permit permit = locks.acquire(key, Duration.ofMinutes(10))) {
            letGo.await();
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
        }
    }

    private double contrast() {
        String least = (String) page.evaluate(LEAST_CONTRAST);
        return Double.parseDouble(least.substring(0, least.indexOf(' ')));
    }

    private void compare(String use) {
        button(use, "Compare").click();
        assertThat(use(use).locator(".results .none")).hasCount(0);
        assertThat(use(use).locator(".results")).isVisible();
        assertThat(use(use).locator(".progress")).isHidden();
        assertThat(use(use).locator(".problem")).hasText("");
    }

    private List<String> cells(String use, String figure) {
        return use(use).locator(".results tr")
                .filter(new Locator.FilterOptions()
                        .setHas(page.getByRole(
                                AriaRole.ROWHEADER,
                                new Page.GetByRoleOptions().setName(figure).setExact(true))))
                .locator(".value")
                .allTextContents();
    }

    private Locator use(String use) {
        return page.locator("[data-use=" + use + "]");
    }

    private Locator button(String use, String label) {
        return use(use).getByRole(AriaRole.BUTTON, new Locator.GetByRoleOptions().setName(label));
    }

    private Locator locker(String name) {
        return page.locator("[data-locker=" + name + "]");
    }

    private Locator key(String locker, String key) {
        return locker(locker).locator(".key").filter(new Locator.FilterOptions().setHasText(key));
    }
}
