// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyedLockerBackend;
import io.keyedlock.KeyedLockerSettings;
import org.jspecify.annotations.Nullable;

/** Creates the backends of lockers that want one. A bean of this type is there if the application has what it takes. */
interface LockerBackends {

    /** Creates the backend of a locker; null if the locker is to be local all the same. */
    @Nullable
    KeyedLockerBackend create(KeyedLockerSettings settings, BackendChoice choice);
}
