// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.aot.BeanRegistrationAotContribution;
import org.springframework.beans.factory.aot.BeanRegistrationAotProcessor;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.beans.factory.support.RegisteredBean;
import org.springframework.core.annotation.AnnotationConfigurationException;
import org.springframework.expression.ParseException;

/**
 * Registers, for a native image, the members that the expressions of a bean's annotated methods use.
 *
 * <p>Leaves mistakes in annotations to the validation at startup, which has the properties of the environment in which
 * the application runs.
 */
final class KeyedLockAotProcessor implements BeanRegistrationAotProcessor {

    private static final List<String> EXPRESSIONS = List.of("key", "keys", "condition");

    @Override
    public @Nullable BeanRegistrationAotContribution processAheadOfTime(RegisteredBean bean) {
        List<AnnotatedMethod> methods = BeanTypes.annotatedMethods(bean.getBeanName(), bean.getBeanClass());
        if (methods.isEmpty()) {
            return null;
        }
        ConfigurableListableBeanFactory beans = bean.getBeanFactory();
        LockExpressions expressions = new LockExpressions(beans);
        ReachableTypes types = new ReachableTypes(beans);
        for (AnnotatedMethod method : methods) {
            for (String attribute : EXPRESSIONS) {
                add(method, attribute, expressions, types);
            }
        }
        return (context, code) -> types.register(context.getRuntimeHints().reflection());
    }

    private static void add(
            AnnotatedMethod method, String attribute, LockExpressions expressions, ReachableTypes types) {
        try {
            method.annotations().stream()
                    .map(annotation -> annotation.getString(attribute))
                    .filter(text -> !text.isBlank())
                    .forEach(text -> types.add(expressions.parse(text.strip()), method));
        } catch (ParseException
                | IllegalStateException
                | IllegalArgumentException
                | AnnotationConfigurationException e) {
            // Reported at startup.
        }
    }
}
