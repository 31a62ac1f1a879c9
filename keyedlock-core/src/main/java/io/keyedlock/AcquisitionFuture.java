// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A future of a permit that stands in a queue. Whoever completes it from outside, by whatever method, first makes it leave
 * the queue; only the engine completes it without that.
 */
abstract class AcquisitionFuture extends CompletableFuture<Permit> {

    /** Leaves the queue if nothing was granted yet; else completes this future with what was granted. */
    abstract void leaveQueue();

    final void deliver(Permit permit) {
        super.complete(permit);
    }

    final void fail(Throwable failure) {
        super.completeExceptionally(failure);
    }

    @Override
    public final boolean cancel(boolean mayInterruptIfRunning) {
        leaveQueue();
        return super.cancel(mayInterruptIfRunning);
    }

    @Override
    public final boolean complete(@Nullable Permit value) {
        leaveQueue();
        return super.complete(value);
    }

    @Override
    public final boolean completeExceptionally(Throwable failure) {
        Objects.requireNonNull(failure, "failure");
        leaveQueue();
        return super.completeExceptionally(failure);
    }

    @Override
    public final CompletableFuture<Permit> completeAsync(Supplier<? extends Permit> supplier, Executor executor) {
        executor.execute(() -> {
            try {
                complete(supplier.get());
            } catch (Throwable e) {
                completeExceptionally(e);
            }
        });
        return this;
    }

    @Override
    public final CompletableFuture<Permit> completeAsync(Supplier<? extends Permit> supplier) {
        return completeAsync(supplier, defaultExecutor());
    }

    /** Refused: the permit that it replaces would be lost. */
    @Override
    public final void obtrudeValue(@Nullable Permit value) {
        throw new UnsupportedOperationException("the permit would be lost; use complete");
    }

    /** Refused: the permit that it replaces would be lost. */
    @Override
    public final void obtrudeException(Throwable failure) {
        throw new UnsupportedOperationException("the permit would be lost; use completeExceptionally");
    }
}
