// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.kotlin

import io.keyedlock.autoconfigure.KeyedLockAopAutoConfiguration
import io.keyedlock.autoconfigure.KeyedLockAutoConfiguration
import org.springframework.boot.autoconfigure.AutoConfigurations
import org.springframework.boot.autoconfigure.aop.AopAutoConfiguration
import org.springframework.boot.test.context.runner.ApplicationContextRunner

/** Application contexts in which annotated methods are locked. */
internal fun lockingContexts(): ApplicationContextRunner =
    ApplicationContextRunner()
        .withConfiguration(
            AutoConfigurations.of(
                AopAutoConfiguration::class.java,
                KeyedLockAutoConfiguration::class.java,
                KeyedLockAopAutoConfiguration::class.java,
            ),
        )
