// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.kotlin

import io.keyedlock.KeyedLocker
import io.keyedlock.KeyedLockerRegistry
import io.keyedlock.annotation.KeyedLock
import io.keyedlock.autoconfigure.KeyedLockObservationAutoConfiguration
import io.micrometer.observation.Observation
import io.micrometer.observation.ObservationHandler
import io.micrometer.observation.ObservationRegistry
import io.micrometer.observation.contextpropagation.ObservationThreadLocalAccessor
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.reactor.mono
import kotlinx.coroutines.withContext
import org.assertj.core.api.Assertions.assertThat
import org.awaitility.Awaitility
import org.junit.jupiter.api.Test
import org.springframework.boot.autoconfigure.AutoConfigurations

/** The parent observation of a coroutine's wait if only the Reactor context has it, as in a suspending controller. */
class ObservedCoroutineTests {

    private val observations = ObservationRegistry.create()
    private val parents = CopyOnWriteArrayList<String>()

    @Test
    fun `a suspending function waits under the observation of the request`() =
        underTheRequest(1) { orders -> orders.suspending("a") }

    @Test
    fun `a suspending function on another dispatcher waits under the observation of the request`() =
        underTheRequest(1) { orders -> withContext(Dispatchers.Default) { orders.suspending("a") } }

    @Test
    fun `a flow waits under the observation of the request`() =
        underTheRequest(1) { orders -> orders.flowing("a").toList().single() }

    @Test
    fun `nested calls wait under the observation of the request`() =
        underTheRequest(2) { orders -> orders.outer("b") { orders.suspending("a") } }

    private fun underTheRequest(waits: Int, call: suspend (Orders) -> String) {
        observations.observationConfig().observationHandler(Waits(parents))
        lockingContexts()
            .withConfiguration(AutoConfigurations.of(KeyedLockObservationAutoConfiguration::class.java))
            .withPropertyValues("keyedlock.locks.shared.limit=1", "keyedlock.observations=true")
            .withBean(ObservationRegistry::class.java, { observations })
            .withBean(Orders::class.java)
            .run { context ->
                val orders = context.getBean(Orders::class.java)
                val locker: KeyedLocker<String> = context.getBean(KeyedLockerRegistry::class.java).get("shared")
                val a = locker.acquireAsync("a").join()
                val b = locker.acquireAsync("b").join()
                val request = Observation.start("request", observations)
                val waiting = mono(Dispatchers.Unconfined) { call(orders) }
                    .contextWrite { it.put(ObservationThreadLocalAccessor.KEY, request) }
                    .toFuture()
                b.close()
                Awaitility.await().until { parents.size == waits }
                a.close()
                assertThat(waiting.get(1, TimeUnit.MINUTES)).isEqualTo("a")
                assertThat(parents).hasSize(waits).containsOnly("request")
                assertThat(observations.currentObservation).isNull()
            }
    }

    private class Waits(private val parents: MutableList<String>) : ObservationHandler<Observation.Context> {

        override fun onStart(context: Observation.Context) {
            if (context.name == "keyedlock.wait") parents.add(context.parentObservation?.contextView?.name ?: "none")
        }

        override fun supportsContext(context: Observation.Context) = true
    }

    open class Orders {

        @KeyedLock(name = "shared", key = "#key")
        open suspend fun suspending(key: String): String = key

        @KeyedLock(name = "shared", key = "#key")
        open fun flowing(key: String): Flow<String> = flow { emit(key) }

        @KeyedLock(name = "shared", key = "#key")
        open suspend fun outer(key: String, inner: suspend () -> String): String {
            check(key.isNotEmpty())
            return inner()
        }
    }
}
