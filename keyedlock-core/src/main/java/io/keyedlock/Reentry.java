// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.OptionalLong;
import java.util.concurrent.CompletionStage;

/** The handle of a reentrant acquisition. Keeps its thread's hold open until it is closed. */
final class Reentry implements Permit, AcquireResult {

    final Hold hold;

    /** Guarded by the stripe's lock. */
    private boolean closed;

    Reentry(Hold hold) {
        this.hold = hold;
    }

    /** Closes this handle; returns false if it was closed already. Called under the stripe's lock. */
    boolean closeOnce() {
        if (closed) {
            return false;
        }
        hold.removeReentry();
        closed = true;
        return true;
    }

    @Override
    public void close() {
        hold.entry().stripe.release(hold, this);
    }

    @Override
    public OptionalLong fencingToken() {
        return hold.fencingToken();
    }

    @Override
    public boolean isValid() {
        return hold.isValid();
    }

    @Override
    public void checkValid() {
        hold.checkValid();
    }

    @Override
    public CompletionStage<Void> whenLost() {
        return hold.whenLost();
    }

    @Override
    public String toString() {
        return hold.toString();
    }
}
