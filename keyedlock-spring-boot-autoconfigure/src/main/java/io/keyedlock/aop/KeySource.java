// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.BeanFactory;
import org.springframework.cache.interceptor.KeyGenerator;

/** The source of the key of a call. */
sealed interface KeySource {

    /** Returns the key or, for {@link Several}, the collection or array of keys. The caller rejects null. */
    @Nullable
    Object of(CallContext context);

    /** Returns the attribute as shown in messages. */
    String text();

    /**
     * The one key that all calls share. Its name on Redis consists of the names of this class and constant, so
     * neither may change.
     */
    enum WholeScope implements KeySource {
        INSTANCE;

        @Override
        public Object of(CallContext context) {
            return this;
        }

        @Override
        public String text() {
            return "none";
        }

        @Override
        public String toString() {
            return "(all calls)";
        }
    }

    /** The value of an expression. */
    record Single(LockExpression expression) implements KeySource {

        @Override
        public @Nullable Object of(CallContext context) {
            return Keys.one(expression.evaluate(context));
        }

        @Override
        public String text() {
            return "key = \"" + expression.text() + "\"";
        }
    }

    /** The elements of the value of an expression. */
    record Several(LockExpression expression) implements KeySource {

        @Override
        public @Nullable Object of(CallContext context) {
            return expression.evaluate(context);
        }

        @Override
        public String text() {
            return "keys = \"" + expression.text() + "\"";
        }
    }

    /** The key that a bean generates from the call. The bean is looked up at the first call, not before. */
    record Generated(BeanFactory beans, String beanName) implements KeySource {

        @Override
        public @Nullable Object of(CallContext context) {
            LockInvocation call = context.call();
            return Keys.one(beans.getBean(beanName, KeyGenerator.class)
                    .generate(call.getTarget(), call.getMethod(), call.getArgs()));
        }

        @Override
        public String text() {
            return "keyGenerator = \"" + beanName + "\"";
        }
    }
}
