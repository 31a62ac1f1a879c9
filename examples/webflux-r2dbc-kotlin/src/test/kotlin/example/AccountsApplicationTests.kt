// SPDX-License-Identifier: Apache-2.0
package example

import io.keyedlock.test.KeyedLockExtension
import kotlinx.coroutines.reactor.awaitSingle
import kotlinx.coroutines.runBlocking
import org.assertj.core.api.Assertions.assertThat
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.extension.ExtendWith
import org.springframework.beans.factory.annotation.Autowired
import org.springframework.boot.test.context.SpringBootTest
import org.springframework.boot.test.web.server.LocalServerPort
import org.springframework.web.reactive.function.client.WebClient
import reactor.core.publisher.Flux

@SpringBootTest(
    webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT,
    properties = ["keyedlock.locks.accounts.wait-time=60s"],
)
@ExtendWith(KeyedLockExtension::class)
class AccountsApplicationTests {

    @LocalServerPort
    var port = 0

    @Autowired
    lateinit var deposits: Deposits

    @Test
    fun `each deposit counts once and none fails`() = runBlocking {
        val client = WebClient.create("http://localhost:$port")
        val statuses = Flux.range(0, 50)
            .flatMap { client.post().uri("/accounts/42/deposits?amount=1").retrieve().toBodilessEntity() }
            .map { it.statusCode.value() }
            .collectList()
            .awaitSingle()
        assertThat(statuses).hasSize(50).containsOnly(200)
        assertThat(deposits.balance("42")).isEqualTo(50)
        Unit
    }
}
