// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import java.util.function.LongFunction;

/** An in-memory store for tests: a {@link StoreModel} on the system clock. Several simulated processes may share it. */
public final class MemoryLeaseStore implements LeaseStore {

    private final StoreModel model;
    private final Map<String, TurnListener> listeners;

    /** Whether calls are answered. Written by tests. */
    private volatile BooleanSupplier answers = () -> true;

    /** Creates an empty store. */
    public MemoryLeaseStore() {
        this.listeners = new ConcurrentHashMap<>();
        this.model = new StoreModel(
                claim -> {
                    TurnListener listener = listeners.get(claim.requester().process());
                    if (listener != null) {
                        // Called without the lock of the model, as over a network.
                        CompletableFuture.runAsync(() -> listener.turn(claim.id()));
                    }
                },
                (claim, token) -> {});
    }

    private MemoryLeaseStore(MemoryLeaseStore shared) {
        this.model = shared.model;
        this.listeners = shared.listeners;
    }

    /** The same store as another process sees it. */
    public MemoryLeaseStore forAnotherProcess() {
        return new MemoryLeaseStore(this);
    }

    /** Answers later calls of this process only if the condition is true. */
    public void answersIf(BooleanSupplier condition) {
        answers = condition;
    }

    /** Removes the leases of a key, like a server that has lost its data. */
    public void loseHolders(String lock, String key) {
        synchronized (model) {
            model.evict(new StoreModel.Place(lock, key), StoreModel.Part.HOLDERS);
        }
    }

    int waiters(String lock, String key) {
        synchronized (model) {
            return model.waiterCount(new StoreModel.Place(lock, key), micros());
        }
    }

    boolean isHeld(String lock, String key) {
        synchronized (model) {
            return model.holderCount(new StoreModel.Place(lock, key), micros()) > 0;
        }
    }

    long endOfLease(String lock, String key) {
        synchronized (model) {
            return model.endOfLease(new StoreModel.Place(lock, key));
        }
    }

    /** Returns the remaining data except tombstones and tokens. */
    public List<String> left() {
        synchronized (model) {
            return model.left(micros());
        }
    }

    private static long micros() {
        return System.currentTimeMillis() * 1_000;
    }

    private <T> CompletionStage<T> call(LongFunction<T> operation) {
        if (!answers.getAsBoolean()) {
            return new CompletableFuture<>();
        }
        synchronized (model) {
            return CompletableFuture.completedFuture(operation.apply(micros()));
        }
    }

    @Override
    public String name() {
        return "memory";
    }

    @Override
    public CompletionStage<Grant> acquire(Claim claim) {
        return call(now -> model.acquire(claim, now));
    }

    @Override
    public CompletionStage<Boolean> release(Claim claim) {
        return call(now -> model.release(claim, now));
    }

    @Override
    public CompletionStage<List<Heartbeat>> heartbeat(List<Claim> claims) {
        return call(
                now -> claims.stream().map(claim -> model.heartbeat(claim, now)).toList());
    }

    @Override
    public CompletionStage<List<Holder>> holders(String lock, String key) {
        return call(now -> model.holders(lock, key, now));
    }

    @Override
    public CompletionStage<Void> ping() {
        return call(now -> null);
    }

    @Override
    public void listen(String process, TurnListener listener) {
        listeners.put(process, listener);
        listener.listening();
    }

    @Override
    public void close() {}
}
