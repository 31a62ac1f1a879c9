// SPDX-License-Identifier: Apache-2.0
package consumer;

import static io.keyedlock.test.KeyedLockAssertions.assertThat;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.test.KeyedLockExtension;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;

@SpringBootTest
@ExtendWith(KeyedLockExtension.class)
class TransfersTests {

    @Test
    void theKeyIsHeldWhileTheMethodRuns(@Autowired Transfers transfers, @Autowired KeyedLockerRegistry lockers) {
        KeyedLocker<Object> accounts = lockers.get("accounts");
        transfers.whileHeld("a", () -> assertThat(accounts).key("a").isHeldByCurrentThread());
    }
}
