// SPDX-License-Identifier: Apache-2.0
package consumer;

import io.keyedlock.annotation.KeyedLock;
import java.util.function.Supplier;
import org.springframework.stereotype.Component;

@Component
public class Transfers {

    @KeyedLock(name = "accounts", key = "#id", policy = KeyedLock.Policy.REJECT)
    public <T> T whileHeld(String id, Supplier<T> task) {
        return task.get();
    }
}
