// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.annotation.KeyedLock;
import io.keyedlock.aop.InvalidKeyedLockException;
import io.keyedlock.aop.KeyedLockAdvisor;
import io.keyedlock.aop.KeyedLockValidator;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.aop.Advisor;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.autoconfigure.aop.AopAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.context.annotation.ImportCandidates;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.Ordered;

/** The beans of the advice, and the report of an invalid annotation. */
@ExtendWith(OutputCaptureExtension.class)
class KeyedLockAopAutoConfigurationTests {

    private final ApplicationContextRunner runner = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(
                    AopAutoConfiguration.class, KeyedLockAutoConfiguration.class, KeyedLockAopAutoConfiguration.class));

    @Test
    void advisorIsInfrastructureAndSurroundsTransactionsCachesAndRetries() {
        runner.run(context -> {
            assertThat(context.getBean(KeyedLockAdvisor.class).getOrder()).isEqualTo(Ordered.LOWEST_PRECEDENCE - 100);
            assertThat(context.getBeanFactory()
                            .getBeanDefinition("keyedLockAdvisor")
                            .getRole())
                    .isEqualTo(BeanDefinition.ROLE_INFRASTRUCTURE);
        });
    }

    @Test
    void orderIsConfigurable() {
        runner.withPropertyValues("keyedlock.aop.order=42")
                .run(context -> assertThat(
                                context.getBean(KeyedLockAdvisor.class).getOrder())
                        .isEqualTo(42));
    }

    @Test
    void adviceCanBeDisabled() {
        runner.withPropertyValues("keyedlock.enabled=false")
                .run(context -> assertThat(context)
                        .doesNotHaveBean(KeyedLockAdvisor.class)
                        .doesNotHaveBean(KeyedLockValidator.class));
    }

    @Test
    void noAdviceWithoutSpringAop() {
        new ApplicationContextRunner()
                .withConfiguration(
                        AutoConfigurations.of(KeyedLockAutoConfiguration.class, KeyedLockAopAutoConfiguration.class))
                .withClassLoader(new FilteredClassLoader(Advisor.class))
                .run(context -> assertThat(context).hasNotFailed().doesNotHaveBean("keyedLockAdvisor"));
    }

    @Test
    void springBootFindsTheAutoConfiguration() {
        List<String> candidates = ImportCandidates.load(
                        org.springframework.boot.autoconfigure.AutoConfiguration.class,
                        getClass().getClassLoader())
                .getCandidates();
        assertThat(candidates).contains(KeyedLockAopAutoConfiguration.class.getName());
    }

    @Test
    void noBeanIsCreatedBeforePostProcessorsAreReady(CapturedOutput output) {
        start(RightApplication.class).run().close();
        assertThat(output).doesNotContain("not eligible for getting processed by all BeanPostProcessors");
    }

    @Test
    void failureNamesTheReplacementForEachAnnotation(CapturedOutput output) {
        assertThatThrownBy(() -> start(WrongApplication.class).run()).isInstanceOf(InvalidKeyedLockException.class);
        String wrong = WrongApplication.Wrong.class.getName();
        assertThat(output)
                .contains("APPLICATION FAILED TO START")
                .contains(wrong + ".limitless()")
                .contains("limit = 0 admits nobody")
                .contains("-> Write 1 or more, or leave limit out to use the locker's own")
                .contains(wrong + ".typo(String)")
                .contains("-> Did you mean #order?")
                .contains("keyedlock.validation=warn");
    }

    private static SpringApplicationBuilder start(Class<?> application) {
        return new SpringApplicationBuilder(application).web(WebApplicationType.NONE);
    }

    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration({
        AopAutoConfiguration.class,
        KeyedLockAutoConfiguration.class,
        KeyedLockAopAutoConfiguration.class
    })
    static class WrongApplication {

        @Bean
        Wrong wrong() {
            return new Wrong();
        }

        static class Wrong {

            @KeyedLock(limit = 0)
            public void limitless() {}

            @KeyedLock(key = "#ordr")
            public void typo(String order) {}
        }
    }

    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration({
        AopAutoConfiguration.class,
        KeyedLockAutoConfiguration.class,
        KeyedLockAopAutoConfiguration.class
    })
    static class RightApplication {

        @Bean
        Right right() {
            return new Right();
        }

        static class Right {

            @KeyedLock(key = "#order")
            public void ship(String order) {}
        }
    }
}
