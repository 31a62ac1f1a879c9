// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyedLockerBackend;
import io.keyedlock.KeyedLockerSettings;

/** Makes the backends of lockers that want one. A bean of this type is there if the application has what it takes. */
interface LockerBackends {

    KeyedLockerBackend create(KeyedLockerSettings settings, BackendChoice choice);
}
