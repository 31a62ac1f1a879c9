// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

/** Tests the store contract of the in-memory store. */
class MemoryLeaseStoreTests extends LeaseStoreContract {

    private final MemoryLeaseStore shared = new MemoryLeaseStore();

    @Override
    protected LeaseStore create() {
        return shared.forAnotherProcess();
    }
}
