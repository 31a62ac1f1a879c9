// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyedLocker;
import io.keyedlock.aop.Suggestion;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.BeanFactory;
import org.springframework.beans.factory.InjectionPoint;
import org.springframework.beans.factory.ListableBeanFactory;
import org.springframework.beans.factory.NoSuchBeanDefinitionException;
import org.springframework.beans.factory.NoUniqueBeanDefinitionException;
import org.springframework.beans.factory.UnsatisfiedDependencyException;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.core.DefaultParameterNameDiscoverer;
import org.springframework.core.MethodParameter;
import org.springframework.core.Ordered;
import org.springframework.core.ResolvableType;
import org.springframework.core.annotation.Order;

/** Describes how to configure a locker that is injected but does not exist. */
@Order(Ordered.HIGHEST_PRECEDENCE)
final class MissingLockerFailureAnalyzer extends AbstractFailureAnalyzer<NoSuchBeanDefinitionException> {

    private final BeanFactory beans;

    MissingLockerFailureAnalyzer(BeanFactory beans) {
        this.beans = beans;
    }

    @Override
    protected @Nullable FailureAnalysis analyze(Throwable rootFailure, NoSuchBeanDefinitionException cause) {
        ResolvableType type = cause.getResolvableType();
        InjectionPoint point = injectionPoint(rootFailure);
        if (type == null
                || point == null
                || cause instanceof NoUniqueBeanDefinitionException
                || !KeyedLocker.class.isAssignableFrom(type.toClass())) {
            return null;
        }
        String name = name(point);
        List<String> known = beans instanceof ListableBeanFactory all
                ? List.of(all.getBeanNamesForType(KeyedLocker.class, true, false))
                : List.of();
        String configure =
                "onfigure the locker: " + LockerSettings.prefixOf(name == null ? "NAME" : name) + ".limit: 1";
        Optional<String> similar = name == null ? Optional.empty() : Suggestion.nearest(name, known);
        return new FailureAnalysis(
                point.getMember().getDeclaringClass().getName() + " requires a " + type
                        + (name == null ? "" : " named '" + name + "'") + ", but none exists."
                        + (known.isEmpty() ? "" : " The lockers are '" + String.join("', '", known) + "'."),
                similar.map(meant -> "Did you mean @Qualifier(\"" + meant + "\")? If not, c")
                                .orElse("C") + configure + ". A configured locker fits keys of any type.",
                cause);
    }

    private static @Nullable InjectionPoint injectionPoint(Throwable failure) {
        InjectionPoint innermost = null;
        for (Throwable each = failure; each != null; each = each.getCause()) {
            if (each instanceof UnsatisfiedDependencyException unsatisfied && unsatisfied.getInjectionPoint() != null) {
                innermost = unsatisfied.getInjectionPoint();
            }
        }
        return innermost;
    }

    /** Returns the name by which the locker would be injected: of the qualifier, else of the parameter or field. */
    private static @Nullable String name(InjectionPoint point) {
        Qualifier qualifier = point.getAnnotation(Qualifier.class);
        if (qualifier != null && !qualifier.value().isEmpty()) {
            return qualifier.value();
        }
        MethodParameter parameter = point.getMethodParameter();
        if (parameter == null) {
            return point.getMember().getName();
        }
        parameter.initParameterNameDiscovery(new DefaultParameterNameDiscoverer());
        return parameter.getParameterName();
    }
}
