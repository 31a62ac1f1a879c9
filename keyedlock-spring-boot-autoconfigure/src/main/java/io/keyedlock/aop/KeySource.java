// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.BeanFactory;
import org.springframework.cache.interceptor.KeyGenerator;

/** Where the key of a call comes from. */
sealed interface KeySource {

    /** The key, or for {@link Several} the collection or array of keys; null is for the caller to refuse. */
    @Nullable
    Object of(CallContext context);

    /** How to name it in a message. */
    String text();

    /** All calls have one key. On Redis its name is that of this class and constant, so that both must stay as they are. */
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

    /** What a bean makes of the call; the bean is not asked for before the first call. */
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
