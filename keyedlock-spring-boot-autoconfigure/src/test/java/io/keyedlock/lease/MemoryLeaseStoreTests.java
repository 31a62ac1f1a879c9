// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

/** The store of the tests keeps the rules of a store. */
class MemoryLeaseStoreTests extends LeaseStoreContract {

    private final MemoryLeaseStore shared = new MemoryLeaseStore();

    @Override
    protected LeaseStore create() {
        return shared.forAnotherProcess();
    }
}
