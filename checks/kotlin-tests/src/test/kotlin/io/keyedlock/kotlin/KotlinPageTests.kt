// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.kotlin

import io.keyedlock.KeyedLocker
import io.keyedlock.KeyedLockerSettings
import io.keyedlock.LockTimeoutException
import java.nio.file.Files
import java.nio.file.Path
import java.time.Duration
import java.util.concurrent.CompletableFuture
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.joinAll
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import kotlinx.coroutines.yield
import org.assertj.core.api.Assertions.assertThat
import org.assertj.core.api.Assertions.assertThatThrownBy
import org.awaitility.Awaitility.await
import org.junit.jupiter.api.Test

/** The examples of {@code docs/kotlin.md}. */
class KotlinPageTests {

    private val orders: KeyedLocker<String> =
        KeyedLocker.create(KeyedLockerSettings.defaults().withWaitTime(Duration.ofMinutes(1)))

    @Test
    fun `each example of the page is in a compiled file`() {
        val sources = Files.list(Path.of("src/test/kotlin/io/keyedlock/kotlin")).use { files ->
            files.filter { it.fileName.toString() in setOf("KotlinPage.kt", "WithPermit.kt") }.map(Files::readString).toList()
        }
        val examples = Regex("```kotlin\n(.*?)```", RegexOption.DOT_MATCHES_ALL)
            .findAll(Files.readString(Path.of("../../docs/kotlin.md")))
            .map { it.groupValues[1].trim() }
            .toList()
        assertThat(examples).hasSizeGreaterThan(2)
        val parts = examples.flatMap { it.split("\n\n@Service") }
        assertThat(parts).allSatisfy { part -> assertThat(sources).anyMatch { part in it } }
    }

    @Test
    fun `services need no open with the plugin`() {
        lockingContexts()
            .withPropertyValues("keyedlock.locks.orders.wait-time=0s")
            .withBean(Client::class.java, { Answers() })
            .withBean(Shipping::class.java)
            .withBean(Returns::class.java)
            .withBean(Transfers::class.java)
            .run { context ->
                val locker = context.getBean("orders") as KeyedLocker<*>
                val shipping = context.getBean(Shipping::class.java)
                assertThat(runBlocking { shipping.ship("42") }).isEqualTo(Receipt("42"))
                assertThat(runBlocking { shipping.events("42").toList() }).containsExactly("42")
                shipping.cancel("42")
                assertThat(context.getBean(Returns::class.java).refund("42")).isEqualTo(Receipt("42"))
                assertThat(runBlocking { context.getBean(Transfers::class.java).ship("42") }).isEqualTo(Receipt("42"))
                @Suppress("UNCHECKED_CAST")
                (locker as KeyedLocker<String>).acquireAsync("42").join().use {
                    assertThatThrownBy { shipping.cancel("42") }.isInstanceOf(LockTimeoutException::class.java)
                    assertThatThrownBy { runBlocking { shipping.ship("42") } }.isInstanceOf(LockTimeoutException::class.java)
                }
                assertThat(locker.activeKeyCount()).isZero()
            }
    }

    @Test
    fun `blocks of one key run one after the other`() {
        var count = 0
        runBlocking(Dispatchers.Default) {
            List(1_000) {
                launch {
                    orders.withPermit("42") {
                        val before = count
                        yield()
                        count = before + 1
                    }
                }
            }.joinAll()
        }
        assertThat(count).isEqualTo(1_000)
        assertThat(orders.activeKeyCount()).isZero()
    }

    @Test
    fun `a failure of the block and a timeout arrive as they are`() {
        assertThatThrownBy { runBlocking { orders.withPermit("42") { error("failed") } } }
            .isInstanceOf(IllegalStateException::class.java)
            .hasMessage("failed")
        orders.acquireAsync("42").join().use {
            assertThatThrownBy { runBlocking { orders.withPermit("42", Duration.ZERO) { } } }
                .isInstanceOf(LockTimeoutException::class.java)
        }
        assertThat(orders.activeKeyCount()).isZero()
    }

    @Test
    fun `a coroutine that is cancelled while it waits leaves the queue`() {
        orders.acquireAsync("42").join().use {
            runBlocking(Dispatchers.Default) {
                val waiting = launch { orders.withPermit("42") { error("must not run") } }
                await().until { orders.snapshot("42").orElseThrow().waiters().size == 1 }
                waiting.cancelAndJoin()
            }
            assertThat(orders.snapshot("42").orElseThrow().waiters()).isEmpty()
        }
        assertThat(orders.activeKeyCount()).isZero()
    }

    @Test
    fun `a coroutine that is cancelled in its block holds the key until the block has ended`() {
        runBlocking(Dispatchers.Default) {
            val inside = CompletableDeferred<Unit>()
            val ended = CompletableFuture<Boolean>()
            val working = launch {
                orders.withPermit("42") {
                    try {
                        inside.complete(Unit)
                        CompletableDeferred<Unit>().await()
                    } finally {
                        ended.complete(orders.isActive("42"))
                    }
                }
            }
            withTimeout(60_000) { inside.await() }
            working.cancelAndJoin()
            assertThat(ended.join()).isTrue()
        }
        assertThat(orders.activeKeyCount()).isZero()
    }

    @Test
    fun `a permit that is granted to a coroutine that is being cancelled is released`() {
        repeat(2_000) {
            val held = orders.acquireAsync("42").join()
            runBlocking(Dispatchers.Default) {
                val waiting = launch { orders.withPermit("42") { yield() } }
                yield()
                val release = launch { held.close() }
                waiting.cancelAndJoin()
                release.join()
            }
            assertThat(orders.activeKeyCount()).isZero()
        }
    }

    private class Answers : Client {
        override suspend fun ship(id: String) = Receipt(id)
        override fun events(id: String): Flow<String> = flow { emit(id) }
        override fun cancel(id: String) = Unit
        override fun refund(id: String) = Receipt(id)
    }
}
