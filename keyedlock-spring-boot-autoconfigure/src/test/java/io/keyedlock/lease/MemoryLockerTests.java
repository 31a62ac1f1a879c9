// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

/** Lockers do on the scripted store what they do on others. */
class MemoryLockerTests extends LockersOnAStoreContract {

    private final MemoryLeaseStore store = new MemoryLeaseStore();

    @Override
    protected LeaseStore create() {
        return store.forAnotherProcess();
    }
}
