// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.batches;

import java.util.List;
import org.springframework.context.annotation.Profile;
import org.springframework.stereotype.Component;

/** Splits a list in memory into batches, for use without Kafka. */
@Component
@Profile("!kafka")
class MemorySource implements StepSource {

    private final StepBatches batches;
    private final int size;

    MemorySource(StepBatches batches, BatchProperties properties) {
        this.batches = batches;
        this.size = properties.size();
    }

    @Override
    public String description() {
        return "a list in memory";
    }

    @Override
    public void send(List<Step> steps, BatchWay way) throws InterruptedException {
        for (int from = 0; from < steps.size(); from += size) {
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
            batches.handle(steps.subList(from, Math.min(from + size, steps.size())), way);
        }
    }
}
