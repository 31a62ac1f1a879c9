// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.browser;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Route;
import com.microsoft.playwright.options.ColorScheme;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The live page in a browser, behind a proxy with a prefix and a strict policy. */
abstract class LivePageContract extends BrowserTests {

    private static final String MARKUP =
            "<img src=x onerror=\"window.fooled=true\"><script>window.fooled=true</script>";

    private Proxy proxy;

    @BeforeEach
    void openPage() throws Exception {
        proxy = new Proxy(port);
        open(1280, 900, LIGHT);
    }

    @Override
    void close() {
        proxy.close();
    }

    private void open(int width, int height, ColorScheme scheme) {
        open(proxy.url() + path(), width, height, scheme);
    }

    /** Returns the path of the endpoint. */
    abstract String path();

    @Test
    void keysAppearWhileTheyAreHeldAndDisappearAfterwards() {
        assertThat(page.locator("[data-locker]")).hasCount(3);
        assertThat(page.locator("button.key")).hasCount(0);

        hold("orders", "acme", "ship-1", "ship-2", "ship-3", "ship-4");

        assertThat(key("acme")).containsText("3 of 3");
        assertThat(key("acme").locator(".queue span").last()).hasText("1");
        assertThat(key("acme").locator(".bar .used")).hasCount(3);
        assertThat(key("acme").locator(".age").first()).hasText(Pattern.compile("\\d+\\.\\d s"));
        assertThat(page.locator("[data-locker=orders]")).containsText("this process");
        release();
        assertThat(page.locator("button.key")).hasCount(0);
        assertThat(page.locator("body")).containsText("No key is held or waited for.");
    }

    @Test
    void aKeyShowsItsHoldersWithTheStackOfALongHoldAndItsWaitersByKeyboard() {
        hold("stock", "pen", "sell-1", "sell-2", "sell-3");
        assertThat(key("pen").locator(".age.long")).hasCount(1);
        key("pen").locator("button").focus();
        page.keyboard().press("Enter");

        assertThat(dialog().locator(".summary")).hasText("1 holder, 2 waiters");
        assertThat(dialog()).containsText("sell-1");
        assertThat(dialog().locator("pre").first()).containsText("KeyHolders.holdUntilReleased");
        assertThat(dialog().locator("section").nth(1).locator("li")).hasCount(2);
        release();
        assertThat(dialog()).containsText("Free: nobody holds it");
        page.keyboard().press("Escape");
        assertThat(dialog()).isHidden();
    }

    @Test
    void answerThatArrivesAfterTheDialogWasClosedIsDropped() {
        hold("stock", "pen", "sell-1");
        List<Route> unanswered = new ArrayList<>();
        page.route(Pattern.compile(".*/keyedlocks/stock\\?key=pen"), unanswered::add);
        key("pen").locator("button").click();
        page.waitForCondition(() -> !unanswered.isEmpty());
        page.keyboard().press("Escape");
        assertThat(dialog()).isHidden();
        unanswered.forEach(Route::resume);
        // The page asks for its state again, later than the answer would have come. A failed script fails the test.
        page.waitForResponse(Pattern.compile(".*/page/state.*"), () -> {});
        page.waitForResponse(Pattern.compile(".*/page/state.*"), () -> {});
    }

    @Test
    void keysAreFilteredByTextAndLocker() {
        hold("orders", "invoice-1", "a");
        hold("orders", "invoice-2", "b");
        hold("stock", "invoice-1", "c");
        hold("stock", "pen", "d");
        assertThat(page.locator("button.key")).hasCount(4);
        page.getByLabel("Filter by key").fill("VOICE-1");
        assertThat(page.locator("button.key")).hasCount(2);
        page.locator("[data-locker=stock] button").click();
        assertThat(page.locator("button.key")).hasCount(1);
        page.getByLabel("Filter by key").fill("nothing");
        assertThat(page.locator("body")).containsText("No active key contains this text.");
    }

    @Test
    void callersWithoutAPermitAreShownWithTheReason() {
        hold("orders", "acme", "ship-1", "ship-2", "ship-3");
        assertThat(lockers.get("orders").tryAcquireAsync("acme")).isCompletedExceptionally();
        assertThat(lockers.get("orders").tryAcquireAsync("acme")).isCompletedExceptionally();
        Locator refusal = page.locator("tr")
                .filter(new Locator.FilterOptions().setHasText(Pattern.compile("rejected, \\d+ times")));
        assertThat(refusal).containsText("acme");
        assertThat(page.locator("[data-locker=orders] .refused")).containsText("rejected");
        assertThat(page.locator(".chart svg[role=img]").first())
                .hasAttribute("aria-label", Pattern.compile("Per second: acquired .*, refused .*"));
    }

    @Test
    void hostileKeysAreInert() {
        String rightToLeft = "abc\u202Egnp.exe\u0007\n";
        hold("orders", MARKUP, "ship-1");
        hold("orders", rightToLeft, "ship-2");
        hold("orders", "x".repeat(1_000_000), "ship-3");
        hold("orders", "", "ship-4");
        hold("orders", "\u00e9".repeat(900), "<b>ship-5</b>");

        assertThat(key(MARKUP)).hasCount(1);
        assertThat(key("abc\\u{202e}gnp.exe\\u{7}\\u{a}")).hasCount(1);
        assertThat(key("(empty)")).hasCount(1);
        for (String text : new String[] {
            MARKUP, "abc\\u{202e}gnp.exe\\u{7}\\u{a}", "(empty)", "x".repeat(500) + " …", "\u00e9".repeat(500) + " …"
        }) {
            key(text).locator("button").click();
            assertThat(dialog().locator("h2")).hasText(text);
            assertThat(dialog().locator(".summary")).hasText("1 holder, 0 waiters");
            assertThat(dialog().locator(".callers b")).hasCount(0);
            page.keyboard().press("Escape");
        }
        assertThat(page.locator("main img, dialog img, main script")).hasCount(0);
        assertThat(page.evaluate("window.fooled === undefined")).isEqualTo(true);
        assertNothingIsCutOff();
    }

    @Test
    void aServerThatDoesNotAnswerIsReportedAndTheClocksStop() {
        hold("orders", "acme", "ship-1");
        assertThat(key("acme").locator(".age").first()).hasText(Pattern.compile("\\d+\\.\\d s"));
        proxy.fallSilent();

        assertThat(status()).hasText(Pattern.compile("silent since \\d\\d:\\d\\d:\\d\\d.*"));
        assertThat(page.locator(".live.stale")).hasCount(1);
        String age = key("acme").locator(".age").first().textContent();
        assertThat(status()).containsText("no answer within 5 s");
        assertThat(key("acme").locator(".age").first()).hasText(age);
        assertThat(Accessibility.violations(page)).isEmpty();

        proxy.speak();
        awaitLive();
        assertThat(page.locator(".live.stale")).hasCount(0);
    }

    @Test
    void aServerThatIsDownIsReported() {
        proxy.close();
        assertThat(status()).hasText(Pattern.compile("silent since .*: no connection"));
        closePage();
        assertThat(problems).isNotEmpty().allMatch(problem -> problem.contains("ERR_"));
        problems.clear();
    }

    @ParameterizedTest
    @EnumSource(
            value = ColorScheme.class,
            names = {"LIGHT", "DARK"})
    void axeFindsNoViolations(ColorScheme scheme) {
        hold("orders", "acme", "ship-1", "ship-2", "ship-3", "ship-4");
        hold("stock", "pen", "sell-1", "sell-2");
        assertThat(lockers.get("orders").tryAcquireAsync("acme")).isCompletedExceptionally();
        for (int width : new int[] {375, 1280, 1920}) {
            open(width, 900, scheme);
            assertThat(key("pen").locator(".age.long")).hasCount(1);
            page.locator("[data-locker=stock] button").click();
            assertThat(page.locator("button.key")).hasCount(1);
            assertThat(Accessibility.violations(page)).isEmpty();
            key("pen").locator("button").click();
            assertThat(dialog().locator("pre").first()).isVisible();
            assertThat(Accessibility.violations(page)).isEmpty();
            assertNothingIsCutOff();
        }
    }
}
