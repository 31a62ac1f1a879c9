// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.KeyedLocker;
import io.keyedlock.annotation.KeyedLock;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.beans.factory.FactoryBean;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.aop.AopAutoConfiguration;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Lazy;

/** The library causes no early creation of beans. */
@ExtendWith(OutputCaptureExtension.class)
class EarlyBeansTests {

    private static final List<String> MADE = new CopyOnWriteArrayList<>();

    private final ApplicationContextRunner runner = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(
                    AopAutoConfiguration.class,
                    KeyedLockAutoConfiguration.class,
                    KeyedLockAopAutoConfiguration.class,
                    KeyedLockMetricsAutoConfiguration.class,
                    KeyedLockEndpointAutoConfiguration.class,
                    KeyedLockShutdownAutoConfiguration.class,
                    KeyedLockObservationAutoConfiguration.class))
            .withPropertyValues(
                    "management.endpoints.web.exposure.include=*",
                    "keyedlock.locks.orders.limit=2",
                    "keyedlock.locks.tenants.limit=3");

    @BeforeEach
    void forget() {
        MADE.clear();
    }

    @Test
    void noBeanIsCreatedTooEarlyForAPostProcessor(CapturedOutput output) {
        runner.withUserConfiguration(Beans.class)
                .withBean(SimpleMeterRegistry.class)
                .run(context -> {
                    assertThat(context).hasNotFailed();
                    // The last one processes all beans, including those created for the library.
                    assertThat(MADE).contains("processed orders", "processed eager", "processed simpleMeterRegistry");
                });
        assertThat(output).doesNotContain("is not eligible for getting processed by all BeanPostProcessors");
    }

    @Test
    void lazyAnnotatedBeansStayLazy() {
        runner.withUserConfiguration(Beans.class).run(context -> {
            assertThat(MADE).noneMatch(each -> each.startsWith("lazy") || each.startsWith("product"));
            assertThat(context.getBean("lazyFactory", Product.class)).isNotNull();
            context.getBean("lazyService", LazyService.class).work(1);
            assertThat(MADE).contains("lazy factory", "product of lazy factory", "lazy service");
        });
    }

    @Test
    void factoryBeansAreCreatedInSpringsOrderAndTheirProductsOnDemand() {
        runner.withUserConfiguration(Beans.class).run(context -> {
            assertThat(MADE).contains("eager factory").doesNotContain("product of eager factory");
            assertThat(MADE.indexOf("eager")).isLessThan(MADE.indexOf("eager factory"));
        });
    }

    @Test
    void singletonsAreCreatedInTheirOrder() {
        runner.withUserConfiguration(Beans.class)
                .withBean("observed", Observer.class)
                .run(context -> {
                    assertThat(context).hasNotFailed();
                    assertThat(context.getBean(Observer.class).madeBefore).isEmpty();
                });
    }

    /** The first bean, which records the beans of the application that were created before it. */
    static class Observer {

        final List<String> madeBefore = List.copyOf(MADE);
    }

    @Configuration(proxyBeanMethods = false)
    static class Beans {

        /** Last of all post-processors, as it has no order. */
        @Bean
        static BeanPostProcessor last() {
            return new BeanPostProcessor() {
                @Override
                public Object postProcessAfterInitialization(Object bean, String name) {
                    MADE.add("processed " + name);
                    return bean;
                }
            };
        }

        @Bean
        Service eager(ConfigurableListableBeanFactory beans, KeyedLocker<String> orders) {
            MADE.add("eager");
            return new Service();
        }

        @Bean
        @Lazy
        LazyService lazyService() {
            MADE.add("lazy service");
            return new LazyService();
        }

        @Bean
        ProductFactory eagerFactory() {
            return new ProductFactory("eager factory");
        }

        @Bean
        @Lazy
        ProductFactory lazyFactory() {
            return new ProductFactory("lazy factory");
        }
    }

    static class Service {

        @KeyedLock(name = "tenants", key = "#id")
        public void work(long id) {}
    }

    static class LazyService {

        @KeyedLock(key = "#id")
        public void work(long id) {}
    }

    static class Product {

        @KeyedLock(key = "#id")
        public void work(long id) {}
    }

    static class ProductFactory implements FactoryBean<Product> {

        private final String name;

        ProductFactory(String name) {
            this.name = name;
            MADE.add(name);
        }

        @Override
        public Product getObject() {
            MADE.add("product of " + name);
            return new Product();
        }

        @Override
        public Class<?> getObjectType() {
            return Product.class;
        }
    }
}
