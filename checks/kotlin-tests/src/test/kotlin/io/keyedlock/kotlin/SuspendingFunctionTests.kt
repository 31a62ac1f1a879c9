// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.kotlin

import io.keyedlock.KeyedLocker
import io.keyedlock.KeyedLockerRegistry
import io.keyedlock.LockRejectedException
import io.keyedlock.LockTimeoutException
import io.keyedlock.annotation.KeyedLock
import io.keyedlock.aop.InvalidKeyedLockException
import io.keyedlock.aop.LockKeyException
import java.lang.reflect.Method
import java.time.Duration
import java.util.Optional
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Executor
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import kotlin.coroutines.AbstractCoroutineContextElement
import kotlin.coroutines.CoroutineContext
import kotlin.coroutines.coroutineContext
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineName
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Deferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.ThreadContextElement
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeout
import kotlinx.coroutines.yield
import org.aopalliance.intercept.MethodInterceptor
import org.assertj.core.api.Assertions.assertThat
import org.assertj.core.api.Assertions.assertThatThrownBy
import org.awaitility.Awaitility
import org.junit.jupiter.api.Test
import org.springframework.aop.Advisor
import org.springframework.aop.support.StaticMethodMatcherPointcutAdvisor
import org.springframework.boot.test.context.runner.ApplicationContextRunner
import org.springframework.core.Ordered
import reactor.core.publisher.Mono

/** Suspending functions and flows of Kotlin under their lock. */
class SuspendingFunctionTests {

    private val runner: ApplicationContextRunner = lockingContexts()
        .withPropertyValues("keyedlock.locks.shared.limit=1", "keyedlock.locks.other.limit=1")
        .withPropertyValues("keyedlock.locks.alpha.limit=1", "keyedlock.locks.zulu.limit=1")

    @Test
    fun `functions of one key exclude each other and no thread is blocked`() = with { orders, lockers ->
        val gate = CompletableDeferred<Unit>()
        runBlocking {
            val first = async { orders.ship("a", gate) }
            val second = async { orders.ship("a", gate) }
            val other = async { orders.ship("b", gate) }
            withTimeout(PATIENCE) {
                while (orders.begun.size < 2 || waiters(lockers.get<Any>("shared"), "a") < 1) delay(1)
            }
            assertThat(orders.begun).containsExactlyInAnyOrder("a", "b")
            gate.complete(Unit)
            assertThat(listOf(first, second, other).awaitAll()).containsExactly("shipped a", "shipped a", "shipped b")
        }
        assertThat(orders.peak("a")).isEqualTo(1)
    }

    @Test
    fun `concurrent changes of many coroutines are not lost`() = with { orders, _ ->
        runBlocking(Dispatchers.Default) {
            List(200) { launch { orders.add("a") } }.forEach { it.join() }
        }
        assertThat(orders.counts["a"]).isEqualTo(200)
    }

    @Test
    fun `body runs on the dispatcher of its caller with its coroutine context`() = with { orders, lockers ->
        Executors.newSingleThreadExecutor { Thread(it, "mine") }.asCoroutineDispatcher().use { mine ->
            val held = lockers.get<String>("shared").acquireAsync("a").join()
            runBlocking {
                val waiting = async(mine + CoroutineName("caller") + User("alice")) { orders.where("a") }
                withTimeout(PATIENCE) { while (waiters(lockers.get<Any>("shared"), "a") < 1) delay(1) }
                held.close()
                assertThat(waiting.await()).startsWith("mine").endsWith(" caller alice")
                val free = async(mine + CoroutineName("caller") + User("bob")) { orders.where("a") }
                assertThat(free.await()).startsWith("mine").endsWith(" caller bob")
            }
        }
    }

    @Test
    fun `cancelling while waiting leaves the queue and while running frees the key once`() = with { orders, lockers ->
        val locker = lockers.get<Any>("shared")
        runBlocking(Dispatchers.Default) {
            val never = CompletableDeferred<Unit>()
            val first = launch { orders.ship("a", never) }
            withTimeout(PATIENCE) { while (orders.begun.size < 1) delay(1) }
            val second = launch { orders.ship("a", never) }
            withTimeout(PATIENCE) { while (waiters(locker, "a") < 1) delay(1) }
            second.cancelAndJoin()
            assertThat(waiters(locker, "a")).isZero()
            val third = async { orders.ship("a", CompletableDeferred(Unit)) }
            withTimeout(PATIENCE) { while (waiters(locker, "a") < 1) delay(1) }
            first.cancelAndJoin()
            assertThat(third.await()).isEqualTo("shipped a")
            assertThat(orders.cancelled).containsExactly("a")
        }
    }

    @Test
    fun `a cancelled function keeps its key until it has ended`() = with { orders, lockers ->
        val cleared = CompletableDeferred<Unit>()
        keepsItsKeyUntilCleared(orders, lockers, cleared, { orders.clearing("a", cleared) }, { orders.where("a") })
    }

    @Test
    fun `a cancelled function under several locks keeps the first and the last until it has ended`() = with { orders, lockers ->
        val first = CompletableDeferred<Unit>()
        keepsItsKeyUntilCleared(orders, lockers, first, { orders.clearingWithSharedFirst("a", first) }, { orders.where("a") })
        orders.begun.clear()
        orders.cancelled.clear()
        orders.cleared = false
        val last = CompletableDeferred<Unit>()
        keepsItsKeyUntilCleared(orders, lockers, last, { orders.clearingWithSharedLast("a", last) }, { orders.where("a") })
    }

    @Test
    fun `a cancelled flow under several locks keeps the first and the last until it has ended`() = with { orders, lockers ->
        val first = CompletableDeferred<Unit>()
        keepsItsKeyUntilCleared(
            orders, lockers, first, { orders.clearingFlowWithSharedFirst("a", first).toList() }, { orders.where("a") },
        )
        orders.begun.clear()
        orders.cancelled.clear()
        orders.cleared = false
        val last = CompletableDeferred<Unit>()
        keepsItsKeyUntilCleared(
            orders, lockers, last, { orders.clearingFlowWithSharedLast("a", last).toList() }, { orders.where("a") },
        )
    }

    @Test
    fun `a function under several locks holds all of them while it runs`() = with { orders, lockers ->
        val held = runBlocking { orders.underTwo("a", lockers) }
        assertThat(held).containsExactly("alpha", "shared")
        assertThat(runBlocking { orders.flowUnderTwo("a", lockers).toList() }).containsExactly("alpha", "shared")
    }

    @Test
    fun `a cancelled flow keeps its key until it has ended and its collector waits for it`() = with { orders, lockers ->
        val cleared = CompletableDeferred<Unit>()
        keepsItsKeyUntilCleared(
            orders, lockers, cleared, { orders.clearingFlow("a", cleared).toList() }, { orders.values("a", 1).toList() },
        ) { collecting -> assertThat(collecting.isCompleted).isFalse() }
    }

    @Test
    fun `a function that is cancelled as it begins without a dispatcher keeps its key`() = with { orders, lockers ->
        val locker = lockers.get<Any>("shared")
        val cleared = CompletableDeferred<Unit>()
        val beginning = Beginning()
        val caller = CompletableFuture<Job>()
        val starter = Thread {
            // Not from within an Unconfined coroutine, which delays coroutines that it starts.
            CoroutineScope(Dispatchers.Unconfined + beginning).launch(start = CoroutineStart.UNDISPATCHED) {
                caller.complete(coroutineContext[Job]!!)
                beginning.awaited = true
                orders.clearing("a", cleared)
            }
        }
        starter.start()
        try {
            assertThat(beginning.reached.await(PATIENCE, TimeUnit.MILLISECONDS)).isTrue()
            caller.join().cancel()
            assertThat(locker.isActive("a")).isTrue()
            beginning.goOn.countDown()
            Awaitility.await().atMost(Duration.ofMillis(PATIENCE)).until { orders.cancelled.isNotEmpty() }
            assertThat(locker.isActive("a")).isTrue()
        } finally {
            beginning.goOn.countDown()
            cleared.complete(Unit)
            starter.join()
        }
        assertThat(orders.begun).containsExactly("a")
    }

    @Test
    fun `a function that advice retries keeps its key until the last try has ended`() {
        val again = TryAgain { (it.proceed() as Mono<*>).retry(1) }
        runner.withBean("again", Advisor::class.java, { again }).withBean(Orders::class.java).run { context ->
            val orders = context.getBean(Orders::class.java)
            val locker = context.getBean(KeyedLockerRegistry::class.java).get<Any>("shared")
            val cleared = CompletableDeferred<Unit>()
            runBlocking(Dispatchers.Default) {
                try {
                    val caller = launch { orders.clearingAtTheSecondTry("a", cleared) }
                    withTimeout(PATIENCE) { while (orders.begun.size < 2) delay(1) }
                    caller.cancel()
                    withTimeout(PATIENCE) { while (orders.cancelled.isEmpty()) delay(1) }
                    caller.join()
                    assertThat(locker.isActive("a")).isTrue()
                } finally {
                    cleared.complete(Unit)
                }
            }
            Awaitility.await().atMost(Duration.ofMillis(PATIENCE)).until { locker.activeKeyCount() == 0 }
        }
    }

    @Test
    fun `a try that begins before the failed one counts as completed keeps its key`() {
        val again = TryAgain { (it.proceed() as Mono<*>).retry(1) }
        runner.withBean("again", Advisor::class.java, { again }).withBean(Orders::class.java).run { context ->
            val orders = context.getBean(Orders::class.java)
            val locker = context.getBean(KeyedLockerRegistry::class.java).get<Any>("shared")
            val cleared = CompletableDeferred<Unit>()
            val later = ArrayDeque<Runnable>()
            var direct = false
            val dispatcher = Executor { if (direct) it.run() else later.add(it) }.asCoroutineDispatcher()
            val caller = CoroutineScope(dispatcher).launch { orders.clearingAtTheSecondTry("a", cleared) }
            later.removeFirst().run()
            assertThat(orders.begun).isEmpty()
            // Nothing is dispatched any more, so the second try begins within the completion of the first.
            direct = true
            later.removeFirst().run()
            assertThat(orders.begun).hasSize(2)
            direct = false
            caller.cancel()
            assertThat(locker.isActive("a")).isTrue()
            direct = true
            while (later.isNotEmpty()) later.removeFirst().run()
            assertThat(orders.cancelled).hasSize(1)
            assertThat(locker.isActive("a")).isTrue()
            cleared.complete(Unit)
            assertThat(locker.activeKeyCount()).isZero()
        }
    }

    /** The innermost advice, around the method to retry. */
    private class TryAgain(advice: MethodInterceptor) : StaticMethodMatcherPointcutAdvisor(advice) {

        init {
            order = Ordered.LOWEST_PRECEDENCE
        }

        override fun matches(method: Method, targetClass: Class<*>) = method.name == "clearingAtTheSecondTry"
    }

    @Test
    fun `the key is free when the collection of a part has ended`() = with { orders, lockers ->
        val locker = lockers.get<Any>("shared")
        runBlocking(Dispatchers.Default) {
            repeat(2_000) {
                assertThat(orders.values("a", 3).take(1).toList()).containsExactly(1)
                assertThat(locker.isActive("a")).isFalse()
            }
        }
    }

    private fun keepsItsKeyUntilCleared(
        orders: Orders,
        lockers: KeyedLockerRegistry,
        cleared: CompletableDeferred<Unit>,
        clearing: suspend () -> Unit,
        next: suspend () -> Unit,
        whenCancelled: (Job) -> Unit = {},
    ) = runBlocking(Dispatchers.Default) {
        try {
            val first = launch { clearing() }
            withTimeout(PATIENCE) { while (orders.begun.isEmpty()) delay(1) }
            first.cancel()
            withTimeout(PATIENCE) { while (orders.cancelled.isEmpty()) delay(1) }
            val second = launch { next() }
            withTimeout(PATIENCE) { while (waiters(lockers.get<Any>("shared"), "a") < 1) delay(1) }
            assertThat(orders.cleared).isFalse()
            whenCancelled(first)
            cleared.complete(Unit)
            second.join()
            assertThat(orders.cleared).isTrue()
        } finally {
            // Otherwise runBlocking would wait for it and hide a failure.
            cleared.complete(Unit)
        }
    }

    @Test
    fun `functions that are cancelled while they wait and while they run do not overlap`() = with { orders, _ ->
        runBlocking(Dispatchers.Default) {
            val callers = ArrayList<Job>()
            repeat(2_000) { number ->
                val caller = launch(start = CoroutineStart.LAZY) {
                    orders.alone("a") { if (number % 3 == 0) callers[number].cancel() }
                }
                callers.add(caller)
            }
            callers.forEachIndexed { number, caller ->
                caller.start()
                if (number % 3 == 1) launch { caller.cancel() }
            }
            callers.forEach { it.join() }
        }
        assertThat(orders.overlaps).isZero()
    }

    @Test
    fun `nested call on the same key reenters and on another key waits`() = with { orders, lockers ->
        runBlocking {
            assertThat(orders.outer("a") { orders.where("a") }).isNotEmpty()
            assertThat(orders.outer("a") { orders.rejecting("a") }).isEqualTo("a")
            assertThat(orders.outer("a") { withContext(Dispatchers.IO) { orders.rejecting("a") } }).isEqualTo("a")
            assertThat(orders.outer("a") { orders.values("a", 2).toList().joinToString() }).isEqualTo("1, 2")
            assertThat(orders.valuesOf("a") { orders.rejecting("a") }.first()).isEqualTo("a")
            val held = lockers.get<String>("shared").acquireAsync("b").join()
            assertThat(orders.outer("a") { orders.skipping("b") ?: "skipped" }).isEqualTo("skipped")
            held.close()
        }
    }

    @Test
    fun `chains on one thread exclude each other`() = with { orders, _ ->
        runBlocking {
            val gate = CompletableDeferred<Unit>()
            val first = async(start = CoroutineStart.UNDISPATCHED) { orders.ship("a", gate) }
            while (orders.begun.size < 1) delay(1)
            val refused = runCatching { orders.rejecting("a") }.exceptionOrNull()
            assertThat(refused).isInstanceOf(LockRejectedException::class.java)
            assertThat(orders.skipping("a")).isNull()
            orders.skippingUnit("a")
            assertThat(orders.begun).containsExactly("a")
            gate.complete(Unit)
            first.await()
            assertThat(orders.skipping("a")).isEqualTo("a")
            orders.skippingUnit("a")
            assertThat(orders.begun).containsExactly("a", "unit a")
        }
    }

    @Test
    fun `failures are thrown unchanged`() = with { orders, lockers ->
        assertThatThrownBy { runBlocking { orders.failing("a") } }
            .isInstanceOf(IllegalStateException::class.java)
            .hasMessage("no")
        assertThatThrownBy { runBlocking { orders.nullable(null) } }
            .isInstanceOf(LockKeyException::class.java)
            .hasMessageContaining("Orders.nullable(String)")
            .hasMessageContaining("is null")
        val held = lockers.get<String>("shared").acquireAsync("a").join()
        assertThatThrownBy { runBlocking { orders.brief("a") } }.isInstanceOf(LockTimeoutException::class.java)
        held.close()
    }

    @Test
    fun `multiple keys are acquired together`() = with { orders, _ ->
        runBlocking(Dispatchers.Default) {
            List(100) { launch { orders.transfer(if (it % 2 == 0) listOf("x", "y") else listOf("y", "x")) } }
                .forEach { it.join() }
        }
        assertThat(orders.counts["x"]).isEqualTo(100)
    }

    @Test
    fun `a flow holds its key until its end and each collection is a separate call`() = with { orders, lockers ->
        val locker = lockers.get<Any>("shared")
        val values = orders.values("a", 3)
        assertThat(locker.isActive("a")).isFalse()
        runBlocking {
            assertThat(values.map { "$it ${locker.isActive("a")}" }.toList())
                .containsExactly("1 true", "2 true", "3 true")
            assertThat(locker.isActive("a")).isFalse()
            assertThat(values.take(1).toList()).containsExactly(1)
            assertThat(locker.isActive("a")).isFalse()
            assertThat(orders.suspendingFlow("a").toList()).containsExactly(1, 2)
        }
        assertThat(orders.collections).isEqualTo(2)
    }

    @Test
    fun `a flow runs in the context of its collector and not ahead of demand`() = with { orders, lockers ->
        Executors.newSingleThreadExecutor { Thread(it, "mine") }.asCoroutineDispatcher().use { mine ->
            val held = lockers.get<String>("shared").acquireAsync("a").join()
            runBlocking {
                val waiting = async(mine + User("alice")) { orders.places("a").toList() }
                withTimeout(PATIENCE) { while (waiters(lockers.get<Any>("shared"), "a") < 1) delay(1) }
                held.close()
                assertThat(waiting.await()).allMatch { it.startsWith("mine") && it.endsWith(" alice") }.hasSize(2)
            }
        }
        runBlocking {
            orders.values("a", 1_000).take(3).toList()
        }
        assertThat(orders.emitted).isBetween(3, 5)
    }

    @Test
    fun `a flow that is cancelled while waiting leaves the queue`() = with { orders, lockers ->
        val held = lockers.get<String>("shared").acquireAsync("a").join()
        runBlocking(Dispatchers.Default) {
            val waiting = launch { orders.values("a", 3).toList() }
            withTimeout(PATIENCE) { while (waiters(lockers.get<Any>("shared"), "a") < 1) delay(1) }
            waiting.cancelAndJoin()
            assertThat(waiters(lockers.get<Any>("shared"), "a")).isZero()
        }
        held.close()
        assertThat(orders.collections).isZero()
    }

    @Test
    fun `a deferred is rejected as a late result`() = with { orders, _ ->
        runBlocking { assertThat(orders.deferred("a").await()).isEqualTo("a") }
    }

    @Test
    fun `lockers are named without the hidden parameter`() = with { orders, lockers ->
        runBlocking { orders.own("a") }
        assertThat(lockers.names()).contains(Orders::class.java.name + ".own(String)")
    }

    @Test
    fun `invalid annotations are reported at startup`() {
        runner.withBean(Wrong::class.java).run { context ->
            val failure = generateSequence(context.startupFailure) { it.cause }
                .filterIsInstance<InvalidKeyedLockException>().first()
            assertThat(failure)
                .hasMessageContaining("has no empty value")
                .hasMessageContaining("after the suspending function has ended")
                .hasMessageContaining("(Deferred)")
                .hasMessageContaining("(Mono)")
            assertThat(failure.findings().map { it.method() })
                .containsExactlyInAnyOrder("skip(String)", "deferred(String)", "mono(String)", "optional(String)")
        }
    }

    private fun with(check: (Orders, KeyedLockerRegistry) -> Unit) {
        runner.withBean(Orders::class.java).run { context ->
            val lockers = context.getBean(KeyedLockerRegistry::class.java)
            check(context.getBean(Orders::class.java), lockers)
            Awaitility.await().atMost(Duration.ofSeconds(60)).until {
                lockers.names().all { lockers.get<Any>(it).activeKeyCount() == 0 }
            }
        }
    }

    class User(val name: String) : AbstractCoroutineContextElement(User) {
        companion object Key : CoroutineContext.Key<User>
    }

    /** Stops the next thread that resumes a coroutine with this in its context. */
    class Beginning : AbstractCoroutineContextElement(Beginning), ThreadContextElement<Unit> {

        @Volatile
        var awaited = false

        val reached = CountDownLatch(1)
        val goOn = CountDownLatch(1)

        override fun updateThreadContext(context: CoroutineContext) {
            if (awaited) {
                awaited = false
                reached.countDown()
                check(goOn.await(PATIENCE, TimeUnit.MILLISECONDS))
            }
        }

        override fun restoreThreadContext(context: CoroutineContext, oldState: Unit) = Unit

        companion object Key : CoroutineContext.Key<Beginning>
    }

    open class Orders {

        open val begun = CopyOnWriteArrayList<String>()
        open val cancelled = CopyOnWriteArrayList<String>()
        open val counts = HashMap<String, Int>()

        private val within = AtomicInteger()

        @Volatile
        open var cleared = false

        @Volatile
        open var overlaps = 0

        @Volatile
        open var collections = 0

        @Volatile
        open var emitted = 0

        private val inside = HashMap<String, Int>()
        private val peaks = HashMap<String, Int>()

        open fun peak(key: String) = synchronized(peaks) { peaks[key] }

        @KeyedLock(name = "shared", key = "#key")
        open suspend fun ship(key: String, gate: Deferred<Unit>): String {
            begun.add(key)
            synchronized(peaks) {
                inside.merge(key, 1, Int::plus)
                peaks.merge(key, inside[key]!!, Math::max)
            }
            try {
                gate.await()
            } catch (e: kotlinx.coroutines.CancellationException) {
                cancelled.add(key)
                throw e
            } finally {
                synchronized(peaks) { inside.merge(key, -1, Int::plus) }
            }
            return "shipped $key"
        }

        @KeyedLock(name = "shared", key = "#key")
        open suspend fun clearing(key: String, clearance: Deferred<Unit>) {
            try {
                begun.add(key)
                awaitCancellation()
            } finally {
                clear(key, clearance)
            }
        }

        @KeyedLock(name = "shared", key = "#key")
        open suspend fun clearingAtTheSecondTry(key: String, clearance: Deferred<Unit>) {
            begun.add(key)
            check(begun.size > 1)
            try {
                awaitCancellation()
            } finally {
                clear(key, clearance)
            }
        }

        @KeyedLock(name = "shared", key = "#key")
        open fun clearingFlow(key: String, clearance: Deferred<Unit>): Flow<Int> = flow {
            try {
                begun.add(key)
                awaitCancellation()
            } finally {
                clear(key, clearance)
            }
        }

        @KeyedLock(name = "zulu", key = "#key")
        @KeyedLock(name = "shared", key = "#key")
        open suspend fun clearingWithSharedFirst(key: String, clearance: Deferred<Unit>) = clearing(key, clearance)

        @KeyedLock(name = "alpha", key = "#key")
        @KeyedLock(name = "shared", key = "#key")
        open suspend fun clearingWithSharedLast(key: String, clearance: Deferred<Unit>) = clearing(key, clearance)

        @KeyedLock(name = "zulu", key = "#key")
        @KeyedLock(name = "shared", key = "#key")
        open fun clearingFlowWithSharedFirst(key: String, clearance: Deferred<Unit>): Flow<Int> = clearingFlow(key, clearance)

        @KeyedLock(name = "alpha", key = "#key")
        @KeyedLock(name = "shared", key = "#key")
        open fun clearingFlowWithSharedLast(key: String, clearance: Deferred<Unit>): Flow<Int> = clearingFlow(key, clearance)

        @KeyedLock(name = "alpha", key = "#key")
        @KeyedLock(name = "shared", key = "#key")
        open suspend fun underTwo(key: String, lockers: KeyedLockerRegistry): List<String> {
            yield()
            return lockers.names().filter { lockers.get<Any>(it).isActive(key) }.sorted()
        }

        @KeyedLock(name = "alpha", key = "#key")
        @KeyedLock(name = "shared", key = "#key")
        open fun flowUnderTwo(key: String, lockers: KeyedLockerRegistry): Flow<String> = flow {
            lockers.names().filter { lockers.get<Any>(it).isActive(key) }.sorted().forEach { emit(it) }
        }

        private suspend fun clear(key: String, clearance: Deferred<Unit>) = withContext(NonCancellable) {
            cancelled.add(key)
            clearance.await()
            cleared = true
        }

        @KeyedLock(name = "shared", key = "#key")
        open suspend fun alone(key: String, inside: () -> Unit) {
            if (within.getAndIncrement() != 0) overlaps++
            try {
                check(key.isNotEmpty())
                inside()
                yield()
            } finally {
                withContext(NonCancellable) { yield() }
                within.decrementAndGet()
            }
        }

        @KeyedLock(name = "shared", key = "#key")
        open suspend fun add(key: String) {
            val before = synchronized(counts) { counts[key] ?: 0 }
            delay(if (before % 10 == 0) 1 else 0)
            synchronized(counts) { counts[key] = before + 1 }
        }

        @KeyedLock(name = "shared", keys = "#keys")
        open suspend fun transfer(keys: List<String>) {
            val before = synchronized(counts) { counts["x"] ?: 0 }
            delay(if (keys[0] == "x") 1 else 0)
            synchronized(counts) { counts["x"] = before + 1 }
        }

        @KeyedLock(name = "shared", key = "#key")
        open suspend fun where(key: String): String =
            Thread.currentThread().name + " " + key + " " + coroutineContext[CoroutineName]?.name + " " +
                coroutineContext[User]?.name

        @KeyedLock(name = "shared", key = "#key")
        open suspend fun outer(key: String, body: suspend () -> String): String {
            delay(1)
            check(key.isNotEmpty())
            return body()
        }

        @KeyedLock(name = "shared", key = "#key", policy = KeyedLock.Policy.REJECT)
        open suspend fun rejecting(key: String): String = key

        @KeyedLock(name = "shared", key = "#key", policy = KeyedLock.Policy.SKIP)
        open suspend fun skipping(key: String): String? = key

        @KeyedLock(name = "shared", key = "#key", policy = KeyedLock.Policy.SKIP)
        open suspend fun skippingUnit(key: String) {
            begun.add("unit $key")
        }

        @KeyedLock(name = "shared", key = "#key")
        open suspend fun failing(key: String): String = throw IllegalStateException(if (key == "a") "no" else "")

        @KeyedLock(name = "shared", key = "#key")
        open suspend fun nullable(key: String?): String? = key

        @KeyedLock(name = "shared", key = "#key", waitTime = "10ms")
        open suspend fun brief(key: String): String = key

        @KeyedLock(key = "#key")
        open suspend fun own(key: String): String = key

        @KeyedLock(name = "shared", key = "#key")
        open fun values(key: String, count: Int): Flow<Int> = flow {
            check(key.isNotEmpty())
            collections++
            for (i in 1..count) {
                emitted++
                emit(i)
            }
        }

        @KeyedLock(name = "shared", key = "#key")
        open fun valuesOf(key: String, value: suspend () -> String): Flow<String> = flow {
            check(key.isNotEmpty())
            emit(value())
        }

        @KeyedLock(name = "shared", key = "#key")
        open fun places(key: String): Flow<String> = flow {
            check(key.isNotEmpty())
            emit(Thread.currentThread().name + " " + coroutineContext[User]?.name)
            delay(1)
            emit(Thread.currentThread().name + " " + coroutineContext[User]?.name)
        }

        @KeyedLock(name = "shared", key = "#key")
        open suspend fun suspendingFlow(key: String): Flow<Int> {
            delay(1)
            check(key.isNotEmpty())
            return flow {
                emit(1)
                emit(2)
            }
        }

        @KeyedLock(name = "shared", key = "#key")
        open fun deferred(key: String): Deferred<String> = CompletableDeferred(key)
    }

    open class Wrong {

        @KeyedLock(key = "#key", policy = KeyedLock.Policy.SKIP)
        open suspend fun skip(key: String): String = key

        @KeyedLock(key = "#key")
        open suspend fun deferred(key: String): Deferred<String> = CompletableDeferred(key)

        @KeyedLock(key = "#key")
        open suspend fun mono(key: String): Mono<String> = Mono.just(key)

        @KeyedLock(key = "#key")
        open suspend fun optional(key: String): Optional<Deferred<String>> = Optional.of(CompletableDeferred(key))
    }

    private companion object {

        const val PATIENCE = 60_000L

        fun waiters(locker: KeyedLocker<*>, key: String): Int {
            @Suppress("UNCHECKED_CAST")
            return (locker as KeyedLocker<Any>).snapshot(key).map { it.waiters().size }.orElse(0)
        }
    }
}
