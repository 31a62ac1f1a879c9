// SPDX-License-Identifier: Apache-2.0
package example

import io.keyedlock.annotation.KeyedLock
import io.r2dbc.spi.ConnectionFactory
import org.springframework.boot.autoconfigure.SpringBootApplication
import org.springframework.boot.runApplication
import org.springframework.r2dbc.core.DatabaseClient
import org.springframework.r2dbc.core.await
import org.springframework.r2dbc.core.awaitOneOrNull
import org.springframework.stereotype.Service
import org.springframework.transaction.annotation.Transactional
import org.springframework.web.bind.annotation.PathVariable
import org.springframework.web.bind.annotation.PostMapping
import org.springframework.web.bind.annotation.RequestParam
import org.springframework.web.bind.annotation.RestController

/** Deposits money into accounts. Calls for one account wait for each other, and block no thread. Without the lock, deposits are lost. */
@SpringBootApplication
class AccountsApplication

fun main(args: Array<String>) {
    runApplication<AccountsApplication>(*args)
}

@RestController
class AccountsController(private val deposits: Deposits) {

    @PostMapping("/accounts/{id}/deposits")
    suspend fun deposit(@PathVariable("id") id: String, @RequestParam("amount") amount: Long): Long =
        deposits.deposit(id, amount)
}

@Service
class Deposits(connections: ConnectionFactory) {

    private val database = DatabaseClient.create(connections)

    @KeyedLock(name = "accounts", key = "#id")
    @Transactional
    suspend fun deposit(id: String, amount: Long): Long {
        val balance = balance(id) + amount
        database.sql("merge into account key (id) values (:id, :balance)")
            .bind("id", id)
            .bind("balance", balance)
            .await()
        return balance
    }

    suspend fun balance(id: String): Long =
        database.sql("select balance from account where id = :id")
            .bind("id", id)
            .map { row -> row.get("balance") as Long }
            .awaitOneOrNull() ?: 0
}
