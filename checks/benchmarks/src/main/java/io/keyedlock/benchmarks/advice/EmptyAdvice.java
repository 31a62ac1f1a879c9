// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.advice;

import org.aopalliance.intercept.MethodInterceptor;
import org.springframework.aop.Advisor;
import org.springframework.aop.support.DefaultPointcutAdvisor;
import org.springframework.aop.support.NameMatchMethodPointcut;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.context.annotation.Role;

/** An interceptor that only proceeds: the minimum cost of any advice. */
@Configuration(proxyBeanMethods = false)
@Import(EmptyAdvice.Interceptor.class)
class EmptyAdvice {

    @Configuration(proxyBeanMethods = false)
    static class Interceptor {

        @Bean
        @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
        static Advisor advisor() {
            NameMatchMethodPointcut pointcut = new NameMatchMethodPointcut();
            pointcut.addMethodName("ship");
            MethodInterceptor interceptor = invocation -> invocation.proceed();
            return new DefaultPointcutAdvisor(pointcut, interceptor);
        }
    }

    @Bean
    OrderService orders() {
        return new Orders();
    }

    /** Only proceeds. */
    public static class Orders implements OrderService {

        @Override
        public String ship(Order order) {
            return order.id();
        }
    }
}
