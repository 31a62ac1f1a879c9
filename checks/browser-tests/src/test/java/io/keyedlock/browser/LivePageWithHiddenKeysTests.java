// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.browser;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Locator;
import org.junit.jupiter.api.Test;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;

/** The live page of an application that shows no keys. */
@SpringBootTest(
        classes = Shop.class,
        webEnvironment = WebEnvironment.RANDOM_PORT,
        properties = {
            "spring.main.web-application-type=servlet",
            "management.endpoints.web.exposure.include=keyedlocks",
            "management.endpoint.keyedlocks.show-keys=never",
            "keyedlock.locks.orders.limit=3",
            "keyedlock.locks.shipments.limit=1"
        })
class LivePageWithHiddenKeysTests extends BrowserTests {

    @Test
    void countsAreShownAndNoKey() {
        hold("orders", "acme", "ship-1", "ship-2", "ship-3", "ship-4");
        assertThat(lockers.get("orders").tryAcquireAsync("acme")).isCompletedExceptionally();
        open("http://localhost:" + port + "/actuator/keyedlocks", 1280, 900, LIGHT);

        assertThat(page.locator("[data-locker=orders] td").nth(4)).hasText("1");
        assertThat(page.locator("body")).containsText("Keys are hidden. The counts include all of them.");
        assertThat(page.locator("[data-locker=orders] .refused")).hasText("1 rejected");
        assertThat(page.locator("tr").filter(new Locator.FilterOptions().setHasText("hidden")))
                .hasCount(1);
        assertThat(page.locator("body")).not().containsText("acme");
        assertThat(Accessibility.violations(page)).isEmpty();
    }
}
