// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

/** Tests the contract of lockers on the in-memory store. */
class MemoryLockerTests extends LockersOnAStoreContract {

    private final MemoryLeaseStore store = new MemoryLeaseStore();

    @Override
    protected LeaseStore create() {
        return store.forAnotherProcess();
    }

    @Override
    protected long waiters(String keyName) {
        return store.waiters(lock, keyName);
    }

    @Override
    protected boolean isHeld(String keyName) {
        return store.isHeld(lock, keyName);
    }

    @Override
    protected long endOfLease(String keyName) {
        return store.endOfLease(lock, keyName);
    }

    @Override
    protected void loseLease(String keyName) {
        store.loseHolders(lock, keyName);
    }

    @Override
    protected boolean isEmpty() {
        return store.left().isEmpty();
    }
}
