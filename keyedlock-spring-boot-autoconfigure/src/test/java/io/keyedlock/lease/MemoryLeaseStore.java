// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import java.util.function.LongFunction;

/** A store in this process for tests: a {@link StoreModel} by the clock of the system. Several processes may share it. */
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
                        // Without the lock of the model, as a network does.
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

    /** Answers calls of this process from now on only if the condition is true; others stay unanswered. */
    public void answersIf(BooleanSupplier condition) {
        answers = condition;
    }

    /** Forgets who holds a key, as a server does that has lost its data. */
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

    /** What is left but tombstones and tokens. */
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
