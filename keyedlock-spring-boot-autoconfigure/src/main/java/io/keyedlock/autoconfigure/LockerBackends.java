// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyedLockerBackend;
import io.keyedlock.KeyedLockerSettings;
import org.jspecify.annotations.Nullable;

/** Creates the backends of lockers. There is a bean of this type if the application has what a backend needs. */
interface LockerBackends {

    /** Creates the backend of a locker; null if the locker is to be local all the same. */
    @Nullable
    KeyedLockerBackend create(KeyedLockerSettings settings, BackendChoice choice);
}
