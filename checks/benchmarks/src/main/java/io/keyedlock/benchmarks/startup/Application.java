// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.startup;

import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.aopalliance.intercept.MethodInterceptor;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.support.AopUtils;
import org.springframework.aop.support.DefaultPointcutAdvisor;
import org.springframework.aop.support.StaticMethodMatcherPointcut;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.beans.factory.support.BeanDefinitionRegistry;
import org.springframework.beans.factory.support.RootBeanDefinition;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.EnvironmentAware;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.context.annotation.ImportBeanDefinitionRegistrar;
import org.springframework.core.env.Environment;
import org.springframework.core.type.AnnotationMetadata;
import org.springframework.util.ClassUtils;

/** The application that is started, in a JVM of its own. Prints one line with what the start took. */
@Configuration(proxyBeanMethods = false)
@EnableAutoConfiguration
@Import(Application.Registrar.class)
class Application {

    /** Begins the line: the time that passed and the processor time of this JVM, in nanoseconds. */
    static final String MARK = "STARTED ";

    /** Arguments: how many beans there are, whether they are to be proxies, and whether an empty advice makes them that. */
    public static void main(String[] args) {
        SpringApplication application = new SpringApplication(Application.class);
        application.setDefaultProperties(Map.of(
                "shop.beans",
                args[0],
                "shop.advised",
                args[2],
                "keyedlock.locks.orders.limit",
                "1",
                "spring.main.banner-mode",
                "off",
                "spring.main.log-startup-info",
                "false"));
        long before = System.nanoTime();
        try (ConfigurableApplicationContext context = application.run()) {
            long passed = System.nanoTime() - before;
            long cpu = processorTime();
            for (int i = 0; i < Integer.parseInt(args[0]); i++) {
                if (AopUtils.isAopProxy(context.getBean("service" + i)) != Boolean.parseBoolean(args[1])) {
                    throw new IllegalStateException("service" + i + " is a proxy, or is none, as it should not be");
                }
            }
            new PrintStream(System.out, true, StandardCharsets.UTF_8).println(MARK + passed + " " + cpu);
        }
    }

    private static long processorTime() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean system
                ? system.getProcessCpuTime()
                : 0;
    }

    static final class Registrar implements ImportBeanDefinitionRegistrar, EnvironmentAware {

        private @Nullable Environment environment;

        @Override
        public void setEnvironment(Environment environment) {
            this.environment = environment;
        }

        @Override
        public void registerBeanDefinitions(AnnotationMetadata importing, BeanDefinitionRegistry registry) {
            int beans = environment == null ? 0 : environment.getRequiredProperty("shop.beans", Integer.class);
            for (int i = 0; i < beans; i++) {
                Class<?> type = ClassUtils.resolveClassName(Beans.className(i), Application.class.getClassLoader());
                registry.registerBeanDefinition("service" + i, new RootBeanDefinition(type));
            }
            if (environment != null && environment.getRequiredProperty("shop.advised", Boolean.class)) {
                RootBeanDefinition advisor = new RootBeanDefinition(EmptyAdvice.class);
                advisor.setRole(BeanDefinition.ROLE_INFRASTRUCTURE);
                registry.registerBeanDefinition("empty", advisor);
            }
        }
    }

    /** A class of its own, so that the bean can be processed ahead of time. */
    static final class EmptyAdvice extends DefaultPointcutAdvisor {

        private static final long serialVersionUID = 1L;

        EmptyAdvice() {
            super(
                    new StaticMethodMatcherPointcut() {
                        @Override
                        public boolean matches(Method method, Class<?> type) {
                            return type.getName().startsWith(Beans.PACKAGE + ".");
                        }
                    },
                    (MethodInterceptor) MethodInvocation::proceed);
        }
    }
}
