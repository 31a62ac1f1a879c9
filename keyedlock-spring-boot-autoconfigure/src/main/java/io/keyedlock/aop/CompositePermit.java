// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.Permit;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * The permit of a call inside a chain that held some of its keys already. Combines the permit that the call has
 * acquired with the permits of outer calls that it uses.
 */
final class CompositePermit implements Permit {

    private final Permit own;
    private final List<ChainPermit> retained;
    private final List<Permit> all = new ArrayList<>();

    CompositePermit(Permit own, List<ChainPermit> retained) {
        this.own = own;
        this.retained = retained;
        all.add(own);
        retained.forEach(held -> all.add(held.permit()));
    }

    @Override
    public void close() {
        own.close();
        retained.forEach(ChainPermit::release);
    }

    /** Returns the token of the key if there is only one key. */
    @Override
    public OptionalLong fencingToken() {
        return retained.size() == 1 && own.fencingToken().isEmpty()
                ? retained.get(0).permit().fencingToken()
                : OptionalLong.empty();
    }

    @Override
    public boolean isValid() {
        return all.stream().allMatch(Permit::isValid);
    }

    @Override
    public void checkValid() {
        all.forEach(Permit::checkValid);
    }

    @Override
    public CompletionStage<Void> whenLost() {
        CompletableFuture<Void> any = new CompletableFuture<>();
        all.forEach(permit -> permit.whenLost().thenRun(() -> any.complete(null)));
        return any;
    }
}
