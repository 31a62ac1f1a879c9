// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.browser;

import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;

/** The live page of an application on servlets. */
@SpringBootTest(
        classes = Shop.class,
        webEnvironment = WebEnvironment.RANDOM_PORT,
        properties = {
            "spring.main.web-application-type=servlet",
            "server.servlet.context-path=/shop",
            "management.endpoints.web.base-path=/manage",
            "management.endpoints.web.exposure.include=keyedlocks",
            "keyedlock.locks.orders.limit=3",
            "keyedlock.locks.stock.limit=1",
            "keyedlock.locks.shipments.limit=1",
            "keyedlock.long-hold.threshold=100ms"
        })
class LivePageOnServletsTests extends LivePageContract {

    @Override
    String path() {
        return "/shop/manage/keyedlocks";
    }
}
