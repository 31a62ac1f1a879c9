// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.uses;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The state of a run.
 *
 * @param id its number
 * @param use the use
 * @param way the way of the use
 * @param state the state of the run
 * @param done the amount done
 * @param of the total amount; 0 if not known yet
 * @param figures the measured values; empty before the end
 * @param error the error message, or null
 */
public record UseRun(
        long id,
        String use,
        String way,
        State state,
        int done,
        int of,
        List<Figure> figures,
        @Nullable String error) {

    /** The state of a run. */
    public enum State {
        /** The run is in progress. */
        RUNNING,
        /** The run has ended with figures. */
        DONE,
        /** The run has ended with an error. */
        FAILED
    }

    UseRun at(int nowDone, int nowOf) {
        return state == State.RUNNING ? new UseRun(id, use, way, state, nowDone, nowOf, figures, error) : this;
    }

    UseRun ended(List<Figure> measured) {
        return new UseRun(id, use, way, State.DONE, of, of, List.copyOf(measured), null);
    }

    UseRun failed(String why) {
        return new UseRun(id, use, way, State.FAILED, done, of, List.of(), why);
    }
}
