// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import org.springframework.beans.factory.config.ConfigurableBeanFactory;
import org.springframework.context.expression.BeanFactoryResolver;
import org.springframework.core.NativeDetector;
import org.springframework.expression.EvaluationContext;
import org.springframework.expression.ParseException;
import org.springframework.expression.spel.SpelCompilerMode;
import org.springframework.expression.spel.SpelParserConfiguration;
import org.springframework.expression.spel.standard.SpelExpression;
import org.springframework.expression.spel.standard.SpelExpressionParser;
import org.springframework.expression.spel.support.StandardEvaluationContext;
import org.springframework.expression.spel.support.StandardTypeConverter;
import org.springframework.expression.spel.support.StandardTypeLocator;

/** Parses expressions, and holds the evaluation context that all of them share. */
final class LockExpressions {

    private final SpelParserConfiguration configuration;
    private final SpelExpressionParser parser;
    private final StandardEvaluationContext shared = new StandardEvaluationContext();

    LockExpressions(ConfigurableBeanFactory beans) {
        // A native image cannot define classes.
        SpelCompilerMode mode = NativeDetector.inNativeImage() ? SpelCompilerMode.OFF : SpelCompilerMode.MIXED;
        configuration = new SpelParserConfiguration(mode, beans.getBeanClassLoader());
        parser = new SpelExpressionParser(configuration);
        shared.addPropertyAccessor(new ValueClassProperty.Accessor());
        shared.setBeanResolver(new BeanFactoryResolver(beans));
        shared.setTypeLocator(new StandardTypeLocator(beans.getBeanClassLoader()));
        if (beans.getConversionService() != null) {
            shared.setTypeConverter(new StandardTypeConverter(beans.getConversionService()));
        }
    }

    /**
     * Parses an expression.
     *
     * @throws ParseException if the text is not an expression
     */
    LockExpression parse(String text) {
        return new LockExpression((SpelExpression) parser.parseExpression(text), configuration);
    }

    EvaluationContext shared() {
        return shared;
    }
}
