// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.Permit;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** The permit of a call whose chain held some of its keys already: what it has acquired, and its uses of what was held. */
final class ChainPermit implements Permit {

    private final Permit own;
    private final List<ChainPermits> entered;
    private final List<Permit> all = new ArrayList<>();

    ChainPermit(Permit own, List<ChainPermits> entered) {
        this.own = own;
        this.entered = entered;
        all.add(own);
        entered.forEach(held -> all.add(held.permit()));
    }

    @Override
    public void close() {
        own.close();
        entered.forEach(ChainPermits::leave);
    }

    /** That of the one key, if it is one. */
    @Override
    public OptionalLong fencingToken() {
        return entered.size() == 1 && own.fencingToken().isEmpty()
                ? entered.get(0).permit().fencingToken()
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
