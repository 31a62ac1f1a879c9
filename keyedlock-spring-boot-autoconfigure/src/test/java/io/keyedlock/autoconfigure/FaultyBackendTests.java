// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerBackend;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.LockLeaseLostException;
import io.keyedlock.actuate.KeyedLocksEndpoint;
import io.keyedlock.annotation.KeyedLock;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.Test;
import org.springframework.boot.actuate.endpoint.Show;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.aop.AopAutoConfiguration;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

/** Callers of a backend that throws instead of responding. */
class FaultyBackendTests {

    private final ApplicationContextRunner contexts = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(
                    AopAutoConfiguration.class, KeyedLockAutoConfiguration.class, KeyedLockAopAutoConfiguration.class))
            .withBean(ContextLockers.BACKENDS, LockerBackends.class, () -> (settings, choice) -> new FaultyBackend())
            .withBean(Orders.class)
            .withPropertyValues("keyedlock.locks.orders.backend=redis");

    static class Orders {
        @KeyedLock(name = "orders", key = "#id")
        public String ship(String id) {
            return "shipped " + id;
        }

        @KeyedLock(name = "orders", key = "#id")
        public String fail(String id) {
            throw new IllegalArgumentException(id);
        }
    }

    @Test
    void aCallWhoseLeaseIsUncertainFails() {
        contexts.run(context -> assertThatThrownBy(
                        () -> context.getBean(Orders.class).ship("42"))
                .isInstanceOf(LockLeaseLostException.class));
    }

    @Test
    void theFailureOfTheMethodTakesPrecedence() {
        contexts.run(context -> assertThatThrownBy(
                        () -> context.getBean(Orders.class).fail("42"))
                .isInstanceOf(IllegalArgumentException.class)
                .satisfies(failure ->
                        assertThat(failure.getSuppressed()).hasExactlyElementsOfTypes(LockLeaseLostException.class)));
    }

    @Test
    void nothingStaysHeld() {
        contexts.run(context -> {
            KeyedLocker<Object> orders =
                    context.getBean(KeyedLockerRegistry.class).get("orders");
            assertThatThrownBy(() -> context.getBean(Orders.class).ship("42")).isNotNull();
            assertThat(orders.activeKeys()).isEmpty();
        });
    }

    @Test
    void theEndpointShowsNoHoldersElsewhere() {
        contexts.run(context -> {
            KeyedLocker<Object> orders =
                    context.getBean(KeyedLockerRegistry.class).get("orders");
            KeyedLocksEndpoint endpoint = new KeyedLocksEndpoint(() -> Map.of("orders", orders), Show.ALWAYS, Set.of());
            assertThat(endpoint.locker("orders", "42")).isNull();
        });
    }

    /** A backend that grants everything and whose other methods throw. */
    private static final class FaultyBackend implements KeyedLockerBackend {

        @Override
        public String name() {
            return "faulty";
        }

        @Override
        public String keyName(Object key) {
            return key.toString();
        }

        @Override
        public Request acquire(String keyName, int limit, boolean waits, Receiver receiver) {
            receiver.granted(new Lease() {
                @Override
                public OptionalLong fencingToken() {
                    return OptionalLong.empty();
                }

                @Override
                public boolean mayHandOff() {
                    return false;
                }

                @Override
                public boolean isValid() {
                    throw new IllegalStateException("validity unknown");
                }

                @Override
                public void release() {}
            });
            return () -> {};
        }

        @Override
        public boolean isAvailable() {
            return true;
        }

        @Override
        public CompletionStage<List<Holder>> holdersElsewhere(String keyName) {
            throw new IllegalStateException("holders unknown");
        }

        @Override
        public void close() {}
    }
}
