// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The future of a permit. Every method that completes it from outside first leaves the queue; only the engine completes it
 * without leaving.
 */
abstract class AcquisitionFuture extends CompletableFuture<Permit> {

    /**
     * Leaves the queue, or completes this future with the permit if it was granted already.
     *
     * @return whether this call has ended the wait
     */
    abstract boolean leaveQueue();

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

    /** Not supported: the permit that is replaced would be lost. */
    @Override
    public final void obtrudeValue(@Nullable Permit value) {
        throw new UnsupportedOperationException("the permit would be lost; use complete");
    }

    /** Not supported: the permit that is replaced would be lost. */
    @Override
    public final void obtrudeException(Throwable failure) {
        throw new UnsupportedOperationException("the permit would be lost; use completeExceptionally");
    }
}
