// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.soak;

import io.keyedlock.annotation.KeyedLock;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.springframework.scheduling.annotation.Async;

/** Annotated methods of every kind. */
public class Jobs {

    static final int KEYS = 16;

    /** What the body of {@link #fail} throws. */
    static final class ExpectedException extends RuntimeException {

        private static final long serialVersionUID = 1L;
    }

    /** What the locks guard; apart from the bean, whose proxy has no fields of its own. */
    static final class Sections {

        final Section orders = new Section("orders", 1, KEYS);

        final Section tenants = new Section("tenants", 3, KEYS);

        final Section own = new Section("own", 1, KEYS);
    }

    private final Sections sections;

    Jobs(Sections sections) {
        this.sections = sections;
    }

    @KeyedLock(name = "orders", key = "#order")
    public void ship(int order) {
        sections.orders.pass(order);
    }

    @KeyedLock(name = "orders", key = "#order", waitTime = "2ms")
    public void shipSoon(int order) {
        sections.orders.pass(order);
    }

    @KeyedLock(name = "orders", key = "#order", policy = KeyedLock.Policy.REJECT)
    public void shipNow(int order) {
        sections.orders.pass(order);
    }

    @KeyedLock(name = "orders", key = "#order", policy = KeyedLock.Policy.SKIP)
    public Optional<Integer> shipIfFree(int order) {
        sections.orders.pass(order);
        return Optional.of(order);
    }

    @KeyedLock(name = "orders", keys = "#some")
    public void shipAll(List<Integer> some) {
        some.stream().distinct().forEach(sections.orders::pass);
    }

    @KeyedLock(name = "orders", key = "#order")
    public void fail(int order) {
        sections.orders.pass(order);
        throw new ExpectedException();
    }

    @KeyedLock(name = "orders", key = "#order", condition = "#order >= 0")
    public String describe(int order) {
        sections.orders.pass(order);
        return "order " + order;
    }

    @Async
    @KeyedLock(name = "orders", key = "#order")
    public CompletableFuture<Integer> shipLater(int order) {
        sections.orders.pass(order);
        return CompletableFuture.completedFuture(order);
    }

    @KeyedLock(name = "tenants", key = "{#tenant, 'report'}")
    public void report(int tenant) {
        sections.tenants.pass(tenant);
    }

    @KeyedLock(key = "#key")
    public void alone(int key) {
        sections.own.pass(key);
    }
}
