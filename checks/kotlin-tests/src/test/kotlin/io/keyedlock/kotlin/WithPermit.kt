// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.kotlin

import io.keyedlock.KeyedLocker
import io.keyedlock.Permit
import java.time.Duration
import kotlinx.coroutines.future.await

/**
 * Runs a block while holding a key. Suspends while it waits for the key, up to [waitTime]. If the coroutine is cancelled, it
 * leaves the queue, or releases the key after the block has ended.
 */
suspend fun <K : Any, T> KeyedLocker<K>.withPermit(
    key: K,
    waitTime: Duration = settings().waitTime(),
    block: suspend (Permit) -> T,
): T {
    val acquisition = acquireAsync(key, waitTime)
    try {
        return block(acquisition.await())
    } finally {
        // The permit may have been granted although the coroutine was cancelled while it waited.
        if (!acquisition.cancel(false)) {
            acquisition.thenAccept(Permit::close)
        }
    }
}
