// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyedLockerBackend;
import io.keyedlock.KeyedLockerSettings;
import org.jspecify.annotations.Nullable;

/** Creates the backends of lockers. A bean of this type exists if the application has the beans that a backend needs. */
interface LockerBackends {

    /** Creates the backend of a locker, or returns null to make the locker local regardless of its configuration. */
    @Nullable
    KeyedLockerBackend create(KeyedLockerSettings settings, BackendChoice choice);

    /** Checks what the backends need, as far as that is possible now. */
    default void check() {}
}
