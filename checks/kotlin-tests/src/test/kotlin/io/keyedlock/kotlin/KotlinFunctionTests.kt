// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.kotlin

import io.keyedlock.KeyedLockerRegistry
import io.keyedlock.annotation.KeyedLock
import io.keyedlock.aop.InvalidKeyedLockException
import java.util.Optional
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.yield
import org.assertj.core.api.Assertions.assertThat
import org.junit.jupiter.api.Test
import org.springframework.beans.factory.annotation.Autowired
import org.springframework.beans.factory.annotation.Qualifier
import org.springframework.boot.test.context.runner.ApplicationContextRunner
import org.springframework.cache.interceptor.KeyGenerator

/** Functions whose Java method differs from their source: value classes, defaults, overloads, bodies of interfaces. */
class KotlinFunctionTests {

    private val runner: ApplicationContextRunner = lockingContexts()
        .withPropertyValues("keyedlock.locks.shared.limit=1")
        .withBean("argument", KeyGenerator::class.java, { KeyGenerator { _, _, arguments -> arguments[0]!! } })

    @Test
    fun `a value class is one key boxed and unboxed`() = with<Orders> { orders, _ ->
        val id = OrderId("42")
        val number = Number(42)
        assertThat(orders.ship(id)).containsExactly(id)
        assertThat(orders.cancel(id)).containsExactly(id)
        assertThat(orders.all(listOf(id, OrderId("43")))).containsExactlyInAnyOrder(id, OrderId("43"))
        assertThat(orders.generated(id)).containsExactly(id)
        assertThat(orders.argument(id)).containsExactly(id)
        assertThat(orders.composite(id, number)).containsExactly(listOf(id, number))
        assertThat(runBlocking { orders.suspending(id) }).containsExactly(id)
        assertThat(orders.count(number)).containsExactly(number)
        assertThat(orders.countOrNot(number)).containsExactly(number)
        assertThat(runBlocking { orders.suspendingCount(number) }).containsExactly(number)
        assertThat(runBlocking { orders.suspendingCountOrNot(number) }).containsExactly(number)
        assertThat(orders.wrapping(Wrapping(null))).containsExactly(Wrapping(null))
        assertThat(orders.nested(Nested(id))).containsExactly(Nested(id))
        assertThat(orders.unsigned(42u)).containsExactly(42.toULong())
    }

    @Test
    fun `explicit acquisitions and annotated functions exclude each other`() = with<Orders> { orders, lockers ->
        lockers.get<OrderId>("shared").tryAcquire(OrderId("42")).orElseThrow().use {
            val refused = arrayOfNulls<Any>(2)
            Thread {
                refused[0] = orders.skip(OrderId("42"))
                refused[1] = orders.skip(OrderId("43"))
            }.also { thread -> thread.start(); thread.join() }
            assertThat(refused[0]).isEqualTo(Optional.empty<String>())
            assertThat(refused[1]).isEqualTo(Optional.of("43"))
        }
    }

    @Test
    fun `expressions read the value of a value class and its properties`() = with<Orders> { orders, _ ->
        val order = Order(OrderId("42"), Number(7))
        assertThat(orders.wrapped(order.id)).containsExactly("42")
        assertThat(orders.wrappedNumber(order.number)).containsExactly(7L)
        assertThat(orders.ofOrder(order)).containsExactly(order.id)
        assertThat(orders.numberOfOrder(order)).containsExactly(7L)
        assertThat(orders.each(listOf(order.id))).containsExactly("42")
    }

    @Test
    fun `calls through a generic interface are locked like those of the class`() = with<Generic> { generic, _ ->
        val id = OrderId("42")
        val sent = generic.send(id)
        assertThat(sent).containsExactly(id)
        assertThat(generic.send(UserId("42"))).isEmpty()
        assertThat((generic as Sender<OrderId>).send(id)).containsExactly(id)
        assertThat(generic.receive(id)).containsExactly(id)
        assertThat((generic as Receiver<OrderId>).receive(id)).containsExactly(id)
    }

    @Test
    fun `calls through a generic interface are locked if beans are proxied by their interfaces`() {
        runner.withPropertyValues("spring.aop.proxy-target-class=false")
            .withBean("generic", Generic::class.java)
            .run { context ->
                @Suppress("UNCHECKED_CAST")
                val generic = context.getBean("generic") as Sender<OrderId>
                assertThat(generic.send(OrderId("42"))).containsExactly(OrderId("42"))
                @Suppress("UNCHECKED_CAST")
                assertThat((generic as Receiver<OrderId>).receive(OrderId("42"))).containsExactly(OrderId("42"))
            }
    }

    @Test
    fun `functions with defaults are locked with all of their overloads`() = with<Orders> { orders, _ ->
        assertThat(orders.overloaded("a")).containsExactly("a")
        assertThat(orders.overloaded("a", 2)).containsExactly("a")
        val overload = Orders::class.java.getMethod("overloaded", String::class.java)
        assertThat(overload.invoke(orders, "a") as List<*>).containsExactly("a")
        assertThat(runBlocking { orders.bill(id = "a") }).containsExactly("a")
        assertThat(runBlocking { orders.notNull() }).containsExactly("main")
    }

    @Test
    fun `suspending functions with a body in an interface are locked`() = with<Bodies> { bodies, _ ->
        assertThat(runBlocking { bodies.inInterface("a") }).containsExactly("a")
        assertThat(bodies.plainInInterface("a")).containsExactly("a")
        assertThat(runBlocking { bodies.inParent("a") }).containsExactly("a")
    }

    @Test
    fun `suspending functions with a body in an interface are locked if beans are proxied by it`() {
        runner.withPropertyValues("spring.aop.proxy-target-class=false")
            .withBean("bodies", Bodies::class.java)
            .run { context ->
                val bodies = context.getBean("bodies") as WithBodies
                assertThat(runBlocking { bodies.inInterface("a") }).containsExactly("a")
                assertThat(bodies.plainInInterface("a")).containsExactly("a")
                assertThat(runBlocking { bodies.inParent("a") }).containsExactly("a")
            }
    }

    @Test
    fun `suspending functions that Spring can call are locked`() = with<Suspending> { functions, _ ->
        assertThat(runBlocking { functions.post("a") }).containsExactly("a")
        assertThat(runBlocking { (functions as SuspendingPoster<String>).post("a") }).containsExactly("a")
        assertThat(runBlocking { with(functions) { "a".extension("b") } }).containsExactly("a")
        assertThat(runBlocking { functions.idOf("a") }).isEqualTo(OrderId("[a]"))
        assertThat(runBlocking { functions.generic("a") }).containsExactly("a")
    }

    @Test
    fun `a delegating class is locked`() {
        runner.withBean("inner", Bodies::class.java)
            .withBean("outer", Delegating::class.java)
            .run { context ->
                val outer = context.getBean("outer") as WithBodies
                assertThat(runBlocking { outer.inInterface("a") }).containsExactly("a")
                assertThat(runBlocking { outer.inParent("a") }).containsExactly("a")
                assertThat(outer.plainInInterface("a")).containsExactly("a")
            }
    }

    @Test
    fun `lockers have the names of their functions in the source`() = with<Own> { own, lockers ->
        own.ship(OrderId("42"))
        own.ship(UserId("42"))
        own.ship(Number(42))
        own.ship(null as Number?)
        assertThat(lockers.names().filter { it != "shared" }.map { it.substringAfter("Own.") }.map { it.substringBefore('-') })
            .containsExactlyInAnyOrder("ship(OrderId)", "ship(UserId)", "ship", "ship")
    }

    @Test
    fun `invalid annotations are reported at startup`() {
        runner.withBean(Wrong::class.java).run { context ->
            assertThat(findings(context.startupFailure)).containsExactlyInAnyOrder(
                "bill(String,String): key = \"{#tenant, #id}\" uses tenant, and where a caller passes null for it, Spring lets" +
                    " the suspending function see the default instead. Give tenant a type that is not nullable, or no default",
                "arguments(String): key = \"#root.args[0]\" uses tenant, and where a caller passes null for it, Spring lets" +
                    " the suspending function see the default instead. Give tenant a type that is not nullable, or no default",
                "generic(Object): key = \"#id\" uses id, and where a caller passes null for it, Spring lets" +
                    " the suspending function see the default instead. Give id a type that is not nullable, or no default",
                "generated(String): keyGenerator = \"argument\" uses tenant, and where a caller passes null for it, Spring lets" +
                    " the suspending function see the default instead. Give tenant a type that is not nullable, or no default",
                "send(OrderId): this suspending function with a value class implements a generic one, and Spring cannot call" +
                    " it through that. Write the value class in the interface too, or take the value that it wraps",
                "ship(OrderId): key = \"#di\" uses #di, and ship has no parameter of that name (it has #id)." +
                    " Did you mean #id?",
            )
        }
    }

    @Test
    fun `a suspending body of a generic interface is locked or reported at startup`() {
        runner.withBean(GenericBodies::class.java).run { context ->
            if (KotlinVersion.CURRENT.isAtLeast(2, 2)) {
                val bodies = context.getBean(GenericBodies::class.java)
                assertThat(runBlocking { bodies.generic("a") }).containsExactly("a")
                assertThat(runBlocking { (bodies as WithGenericBody<String>).generic("a") }).containsExactly("a")
            } else {
                assertThat(findings(context.startupFailure)).containsExactly(
                    "generic(String): the compiler has copied this suspending function from an interface, and Spring cannot" +
                        " call the copy. Override the function in the class",
                )
            }
        }
    }

    private fun findings(failure: Throwable?) = generateSequence(failure) { it.cause }
        .filterIsInstance<InvalidKeyedLockException>()
        .first()
        .findings()
        .map { "${it.method()}: ${it.problem()}. ${it.remedy()}" }

    private inline fun <reified T : Any> with(crossinline check: (T, KeyedLockerRegistry) -> Unit) {
        runner.withBean(T::class.java).run { context ->
            check(context.getBean(T::class.java), context.getBean(KeyedLockerRegistry::class.java))
        }
    }

    @JvmInline
    value class OrderId(val v: String)

    @JvmInline
    value class UserId(val v: String)

    @JvmInline
    value class Number(val v: Long)

    @JvmInline
    value class Wrapping(val v: String?)

    @JvmInline
    value class Nested(val v: OrderId)

    data class Order(val id: OrderId, val number: Number)

    abstract class Looking {

        @Autowired
        private var lockers: KeyedLockerRegistry? = null

        /** Returns the keys that are held while a function runs. */
        protected fun held(): List<Any> = lockers!!.get<Any>("shared").snapshot().map { it.key() }
    }

    open class Orders : Looking() {

        @KeyedLock(name = "shared", key = "#id")
        open fun ship(id: OrderId): List<Any> = held().also { check(id.v.isNotEmpty()) }

        @KeyedLock(name = "shared", key = "#id")
        open fun cancel(id: OrderId?): List<Any> = held().also { checkNotNull(id) }

        @KeyedLock(name = "shared", keys = "#ids")
        open fun all(ids: List<OrderId>): List<Any> = held().also { check(ids.isNotEmpty()) }

        @KeyedLock(name = "shared", keyGenerator = "argument")
        open fun generated(id: OrderId): List<Any> = held().also { check(id.v.isNotEmpty()) }

        @KeyedLock(name = "shared", key = "#root.args[0]")
        open fun argument(id: OrderId): List<Any> = held().also { check(id.v.isNotEmpty()) }

        @KeyedLock(name = "shared", key = "{#id, #number}")
        open fun composite(id: OrderId, number: Number?): List<Any> =
            held().also { check(id.v.isNotEmpty() && number != null) }

        @KeyedLock(name = "shared", key = "#id")
        open suspend fun suspending(id: OrderId): List<Any> = held().also { check(id.v.isNotEmpty()) }

        @KeyedLock(name = "shared", key = "#number")
        open fun count(number: Number): List<Any> = held().also { check(number.v > 0) }

        @KeyedLock(name = "shared", key = "#number")
        open fun countOrNot(number: Number?): List<Any> = held().also { checkNotNull(number) }

        @KeyedLock(name = "shared", key = "#number")
        open suspend fun suspendingCount(number: Number): List<Any> = held().also { check(number.v > 0) }

        @KeyedLock(name = "shared", key = "#number")
        open suspend fun suspendingCountOrNot(number: Number?): List<Any> = held().also { checkNotNull(number) }

        @KeyedLock(name = "shared", key = "#wrapping")
        open fun wrapping(wrapping: Wrapping): List<Any> = held().also { check(wrapping.v == null) }

        @KeyedLock(name = "shared", key = "#nested")
        open fun nested(nested: Nested): List<Any> = held().also { check(nested.v.v.isNotEmpty()) }

        @KeyedLock(name = "shared", key = "#number")
        open fun unsigned(number: ULong): List<Any> = held().also { check(number > 0u) }

        @KeyedLock(name = "shared", key = "#id", policy = KeyedLock.Policy.SKIP)
        open fun skip(id: OrderId): Optional<String> = Optional.of(id.v)

        @KeyedLock(name = "shared", key = "#id.v")
        open fun wrapped(id: OrderId): List<Any> = held().also { check(id.v.isNotEmpty()) }

        @KeyedLock(name = "shared", key = "#number.v")
        open fun wrappedNumber(number: Number): List<Any> = held().also { check(number.v > 0) }

        @KeyedLock(name = "shared", key = "#order.id")
        open fun ofOrder(order: Order): List<Any> = held().also { check(order.id.v.isNotEmpty()) }

        @KeyedLock(name = "shared", key = "#order.number.v")
        open fun numberOfOrder(order: Order): List<Any> = held().also { check(order.id.v.isNotEmpty()) }

        @KeyedLock(name = "shared", keys = "#ids.![v]")
        open fun each(ids: List<OrderId>): List<Any> = held().also { check(ids.isNotEmpty()) }

        @JvmOverloads
        @KeyedLock(name = "shared", key = "#id")
        open fun overloaded(id: String, times: Int = 1): List<Any> = held().also { check(id.isNotEmpty() && times > 0) }

        @KeyedLock(name = "shared", key = "#id")
        open suspend fun bill(tenant: String? = "main", id: String): List<Any> =
            held().also { check(tenant == "main" && id.isNotEmpty()) }

        @KeyedLock(name = "shared", key = "#tenant")
        open suspend fun notNull(tenant: String = "main"): List<Any> = held().also { check(tenant.isNotEmpty()) }
    }

    interface Sender<T> {
        fun send(id: T): List<Any>
    }

    interface Receiver<T> {
        @KeyedLock(name = "shared", key = "#id")
        fun receive(id: T): List<Any>
    }

    open class Generic : Looking(), Sender<OrderId>, Receiver<OrderId> {

        @KeyedLock(name = "shared", key = "#id")
        override fun send(id: OrderId): List<Any> = held().also { check(id.v.isNotEmpty()) }

        open fun send(id: UserId): List<Any> = held().also { check(id.v.isNotEmpty()) }

        override fun receive(id: OrderId): List<Any> = held().also { check(id.v.isNotEmpty()) }
    }

    interface Parent {
        fun seen(): List<Any>

        @KeyedLock(name = "shared", key = "#id")
        suspend fun inParent(id: String): List<Any> {
            yield()
            return seen().also { check(id.isNotEmpty()) }
        }
    }

    interface WithBodies : Parent {

        @KeyedLock(name = "shared", key = "#id")
        suspend fun inInterface(id: String): List<Any> {
            yield()
            return seen().also { check(id.isNotEmpty()) }
        }

        @KeyedLock(name = "shared", key = "#id")
        fun plainInInterface(id: String): List<Any> = seen().also { check(id.isNotEmpty()) }
    }

    open class Bodies : Looking(), WithBodies {
        override fun seen() = held()
    }

    interface WithGenericBody<T> {
        fun seen(): List<Any>

        @KeyedLock(name = "shared", key = "#id")
        suspend fun generic(id: T): List<Any> = seen().also { check(id != null) }
    }

    open class GenericBodies : Looking(), WithGenericBody<String> {
        override fun seen() = held()
    }

    open class Delegating(@Qualifier("inner") inner: WithBodies) : WithBodies by inner

    interface SuspendingSender<T> {
        suspend fun send(id: T)
    }

    interface SuspendingPoster<T> {
        suspend fun post(id: T): List<Any>
    }

    open class Suspending : Looking(), SuspendingPoster<String> {

        @KeyedLock(name = "shared", key = "#id")
        override suspend fun post(id: String): List<Any> = held().also { check(id.isNotEmpty()) }

        @KeyedLock(name = "shared", key = "#p0")
        open suspend fun String.extension(id: String): List<Any> = held().also { check(id.isNotEmpty()) }

        @KeyedLock(name = "shared", key = "#id")
        open suspend fun idOf(id: String): OrderId = OrderId(held().toString()).also { check(id.isNotEmpty()) }

        @KeyedLock(name = "shared", key = "#id")
        open suspend fun <T> generic(id: T): List<Any> = held().also { check(id != null) }
    }

    open class Own {

        @KeyedLock(key = "#id")
        open fun ship(id: OrderId) = check(id.v.isNotEmpty())

        @KeyedLock(key = "#id")
        open fun ship(id: UserId) = check(id.v.isNotEmpty())

        @KeyedLock(key = "#id")
        open fun ship(id: Number) = check(id.v > 0)

        @KeyedLock(key = "#id?.v ?: 0")
        open fun ship(id: Number?) = check(id == null)
    }

    open class Wrong : SuspendingSender<OrderId> {

        @KeyedLock(name = "shared", key = "{#tenant, #id}")
        open suspend fun bill(tenant: String? = "main", id: String): String = tenant + id

        @KeyedLock(name = "shared", key = "#root.args[0]")
        open suspend fun arguments(tenant: String? = "main"): String = tenant.toString()

        @Suppress("UNCHECKED_CAST")
        @KeyedLock(name = "shared", key = "#id")
        open suspend fun <T> generic(id: T = "main" as T): String = id.toString()

        @KeyedLock(name = "shared", keyGenerator = "argument")
        open suspend fun generated(tenant: String? = "main"): String = tenant.toString()

        @KeyedLock(name = "shared", key = "#id")
        override suspend fun send(id: OrderId) = check(id.v.isNotEmpty())

        @KeyedLock(name = "shared", key = "#di")
        open fun ship(id: OrderId) = check(id.v.isNotEmpty())
    }
}
