// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.kafka;

import io.keyedlock.demo.batches.BatchWay;

/** The topics, one for each way to process batches. */
final class StepTopics {

    static final String IN_ORDER = "steps-in-order";
    static final String UNORDERED = "steps-unordered";
    static final String ONE_BY_ONE = "steps-one-by-one";

    private StepTopics() {}

    static String of(BatchWay way) {
        return switch (way) {
            case IN_ORDER -> IN_ORDER;
            case UNORDERED -> UNORDERED;
            case ONE_BY_ONE -> ONE_BY_ONE;
        };
    }
}
