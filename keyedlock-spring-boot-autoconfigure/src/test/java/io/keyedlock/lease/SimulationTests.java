// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.keyedlock.lease.StoreModel.Fault;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.LongBinaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Thousands of schedules of the protocol. {@code -Dsimulation.schedules=} sets their number and {@code -Dsimulation.seed=} the
 * first.
 */
class SimulationTests {

    private static final int SCHEDULES = Integer.getInteger("simulation.schedules", 1_500);

    private static final long FIRST = Long.getLong("simulation.seed", 1);

    /** The number of schedules in which every fault is detected, most of them in a tenth. */
    private static final int ENOUGH = 5_000;

    @Test
    void theInvariantsHoldInEverySchedule() {
        for (long seed = FIRST; seed < FIRST + SCHEDULES; seed++) {
            Simulation.run(seed, EnumSet.noneOf(Fault.class), Math::max);
        }
    }

    @ParameterizedTest
    @EnumSource(Fault.class)
    void aDefectOfTheStoreIsDetected(Fault fault) {
        assertThat(firstViolation(Set.of(fault), Math::max)).isInstanceOf(Simulation.Violation.class);
    }

    @Test
    void aLeaseEndThatMovesBackIsDetected() {
        assertThat(firstViolation(Set.of(), (before, renewed) -> renewed)).isInstanceOf(Simulation.Violation.class);
    }

    private static Throwable firstViolation(Set<Fault> faults, LongBinaryOperator renewal) {
        Throwable violation = null;
        for (long seed = 1; seed <= ENOUGH && violation == null; seed++) {
            long one = seed;
            violation = catchThrowable(() -> Simulation.run(one, faults, renewal));
        }
        return violation;
    }
}
