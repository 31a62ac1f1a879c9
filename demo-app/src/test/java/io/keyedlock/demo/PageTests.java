// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.assertions.PlaywrightAssertions;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.ColorScheme;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.browser.Accessibility;
import io.keyedlock.browser.KeyHolders;
import io.keyedlock.browser.SystemBrowser;
import io.keyedlock.demo.batches.BatchProperties;
import io.keyedlock.demo.batches.BatchWay;
import io.keyedlock.demo.batches.StepBatches;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
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
 * The page in a real browser. Writes the pictures of the README to {@code -Dtest.screenshots=DIRECTORY} or below
 * {@code target}.
 */
@SpringBootTest(
        webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT,
        properties = {
            "demo.load.events=200",
            "demo.load.threads=32",
            "demo.batches.messages=160",
            "demo.batches.think-time=10ms",
            // Longer than any wait here: a report waits until the page has shown it.
            "keyedlock.locks.tenants.wait-time=10m"
        })
@ActiveProfiles("limits")
class PageTests {

    private static final String MARKUP = "<img src=x onerror=\"window.fooled=true\">";

    private static SystemBrowser browser;

    @Autowired
    KeyedLockerRegistry lockers;

    @Autowired
    StepBatches batches;

    @Autowired
    BatchProperties properties;

    @Value("${local.server.port}")
    int port;

    private final List<String> problems = new ArrayList<>();
    private final KeyHolders holders = new KeyHolders(Duration.ofMinutes(2));
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
        if (page != null) {
            page.context().close();
        }
        // A key that is idle by now is answered 404, and a report too many 429, as the page expects.
        page = browser.open(width, height, scheme, 120_000, ".*status of (404|429).*", problems::add);
        page.onRequest(request -> {
            if (!request.url().startsWith("http://localhost:" + port + "/")) {
                problems.add("from outside: " + request.url());
            }
        });
        page.navigate("http://localhost:" + port + "/");
        assertThat(page.locator("#view > .status")).hasAttribute("data-state", "live");
        assertThat(page.locator(".use .buttons")).hasCount(3);
    }

    @AfterEach
    void nothingWentWrong() throws InterruptedException {
        holders.end();
        if (page != null) {
            page.context().close();
        }
        assertThat(problems).isEmpty();
    }

    @Test
    void loadsNothingFromOtherOriginsAndForbidsIt() throws Exception {
        HttpResponse<String> answer = new Http(port).get("/");

        assertThat(answer.headers().firstValue("Content-Security-Policy"))
                .hasValueSatisfying(policy -> assertThat(policy)
                        .contains("default-src 'none'", "script-src 'self'")
                        .doesNotContain("unsafe"));
        assertThat(page.locator("main, header.top, footer")).hasCount(3);
        assertThat(page.locator("[data-locker=addresses], [data-locker=tenants]"))
                .hasCount(2);
    }

    @Test
    void showsTheLocksInUse() {
        assertThat(page.locator("button.key")).hasCount(0);

        hold("tenants", MARKUP, "report-1", "report-2", "report-3", "report-4");

        assertThat(key(MARKUP)).containsText("3 of 3");
        key(MARKUP).locator("button").click();
        assertThat(page.locator("dialog .summary")).hasText("3 holders, 1 waiter");
        assertThat(page.locator("main img, dialog img")).hasCount(0);
        page.keyboard().press("Escape");
        holders.release();
        // Its row stays while it has the focus.
        assertThat(key(MARKUP)).containsText("0 of 3");
        assertThat(page.evaluate("window.fooled === undefined")).isEqualTo(true);
    }

    @Test
    void showsTheLockerOfABatchWhileItIsProcessed() {
        AtomicBoolean shown = new AtomicBoolean();
        CompletableFuture<Void> processing = CompletableFuture.runAsync(() -> {
            for (int run = 0; !shown.get(); run++) {
                process("page-" + run);
            }
        });

        assertThat(page.locator("[data-locker=batch]")).hasCount(1);
        // Any order that is processed when the page polls.
        assertThat(key("order-")
                        .filter(new Locator.FilterOptions().setHasText("1 of 1"))
                        .first())
                .isVisible();
        shown.set(true);
        processing.join();
    }

    private void process(String run) {
        try {
            batches.handle(properties.steps(run, properties.messages()), BatchWay.IN_ORDER);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void secondWindowFollowsAComparisonToItsEnd() {
        button("reports", "Compare").click();
        assertThat(use("reports").locator(".progress")).isVisible();
        Page second = page.context().newPage();
        second.navigate("http://localhost:" + port + "/");

        assertThat(second.locator("[data-use=reports] .progress")).isVisible();
        assertThat(second.locator("[data-use=events] button").first()).hasAttribute("aria-disabled", "true");
        for (Page each : List.of(page, second)) {
            assertThat(each.locator("[data-use=events] button").first()).hasAttribute("aria-disabled", "false");
            assertThat(each.locator("[data-use=reports] td .value")).hasCount(9);
            assertThat(each.locator("[data-use=reports] .none")).hasCount(0);
        }
    }

    @Test
    void limitOfATenantIsChangedWhileReportsWait() {
        hold("tenants", "wonka", "report-1", "report-2", "report-3", "report-4", "report-5");
        assertThat(key("wonka")).containsText("3 of 3");
        page.locator("#tenant").fill("wonka");
        assertThat(page.locator("#limit-now")).hasText("At most 3 reports at once");

        page.locator("#limit-raise").click();
        assertThat(page.locator("#limit-now")).hasText("At most 4 reports at once");
        assertThat(key("wonka")).containsText("4 of 4");
        page.locator("#limit-raise").click();
        assertThat(key("wonka")).containsText("5 of 5");

        page.locator("#limit-lower").click();
        assertThat(page.locator("#limit-now")).hasText("At most 4 reports at once");
        assertThat(key("wonka")).containsText("5 of 4");
    }

    @Test
    void fourthReportIsRejectedWhereItDoesNotWait() {
        hold("tenants", "globex", "report-1", "report-2", "report-3");
        assertThat(key("globex")).containsText("3 of 3");
        page.locator("#tenant").fill("globex");
        page.locator("#no-wait").check();
        page.locator("#tenant").press("Enter");

        assertThat(page.locator("#report-log")).containsText("429");
        assertThat(page.locator("[data-locker=tenants] .refused")).containsText("rejected");
    }

    @Test
    void comparisonShowsEachWayOfEachUse() {
        compare("events");
        assertThat(cells("events", "Conflicts").get(1)).isEqualTo("0");
        assertThat(cells("events", "Conflicts").get(0)).isNotEqualTo("0");
        assertThat(cells("events", "Lost updates")).containsExactly("0", "0");

        compare("batches");
        assertThat(cells("batches", "Out of order")).element(1).isNotEqualTo("0");
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
    void axeFindsNoViolations(ColorScheme scheme) {
        open(1280, 900, scheme);
        hold("tenants", "acme", "report-1", "report-2", "report-3", "report-4");
        button("reports", "The fourth gets 429").click();
        assertThat(use("reports").locator(".results")).isVisible();
        assertThat(Accessibility.violations(page)).isEmpty();
    }

    @Test
    void fitsLaptopAndPhone() {
        hold("addresses", "203.0.113.7", "event-1", "event-2", "event-3", "event-4", "event-5");
        hold("addresses", "2001:db8:0:0:0:0:0:1", "event-6");
        hold("tenants", "acme", "report-1", "report-2", "report-3", "report-4", "report-5", "report-6");
        hold("tenants", "wayne", "report-7", "report-8");
        compare("events");
        picture("demo.png", false);
        assertNothingIsCutOff();

        open(375, 812, ColorScheme.LIGHT);
        compare("reports");
        assertThat(key("acme")).containsText("3");
        picture("demo-phone.png", true);
        assertNothingIsCutOff();
    }

    private void assertNothingIsCutOff() {
        assertThat(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))
                .isEqualTo(true);
        assertThat(page.evaluate("[...document.querySelectorAll('.card, .use button, .use td, .use th')]"
                        + ".filter(node => node.scrollWidth > node.clientWidth + 1).map(node => node.textContent)"))
                .isEqualTo(List.of());
    }

    private void picture(String file, boolean whole) {
        Path directory = Path.of(System.getProperty("test.screenshots", "target/screenshots"));
        page.screenshot(
                new Page.ScreenshotOptions().setPath(directory.resolve(file)).setFullPage(whole));
    }

    /** Starts, in sequence, a thread for each name that acquires the key and holds it until the test ends. */
    private void hold(String locker, String key, String... threads) {
        holders.hold(lockers.<String>get(locker), key, threads);
    }

    private void compare(String use) {
        button(use, "Compare").click();
        assertThat(use(use).locator(".progress")).isVisible();
        assertThat(use(use).locator(".progress")).isHidden();
        assertThat(use(use).locator(".results .none")).hasCount(0);
        assertThat(use(use).locator(".results")).isVisible();
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

    private Locator key(String key) {
        return page.locator("tr")
                .filter(new Locator.FilterOptions()
                        .setHas(page.locator("button.key", new Page.LocatorOptions().setHasText(key))));
    }
}
