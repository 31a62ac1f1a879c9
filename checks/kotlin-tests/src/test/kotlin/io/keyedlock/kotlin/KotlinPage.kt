// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.kotlin

import io.keyedlock.KeyedLocker
import io.keyedlock.annotation.KeyedLock
import java.time.Duration
import kotlinx.coroutines.flow.Flow
import org.springframework.beans.factory.annotation.Qualifier
import org.springframework.stereotype.Service

@Service
class Shipping(private val client: Client) {

    @KeyedLock(name = "orders", key = "#id")
    suspend fun ship(id: String): Receipt = client.ship(id)

    @KeyedLock(name = "orders", key = "#id")
    fun events(id: String): Flow<String> = client.events(id)

    @KeyedLock(name = "orders", key = "#id")
    fun cancel(id: String) {
        client.cancel(id)
    }
}

@Service
class Returns(private val client: Client, @param:Qualifier("orders") private val orders: KeyedLocker<String>) {

    fun refund(id: String): Receipt = orders.acquire(id).use { client.refund(id) }
}

@Service
class Transfers(private val client: Client, @param:Qualifier("orders") private val orders: KeyedLocker<String>) {

    suspend fun ship(id: String): Receipt =
        orders.withPermit(id, Duration.ofSeconds(2)) { client.ship(id) }
}

data class Receipt(val id: String)

interface Client {
    suspend fun ship(id: String): Receipt
    fun events(id: String): Flow<String>
    fun cancel(id: String)
    fun refund(id: String): Receipt
}
