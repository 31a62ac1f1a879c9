// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.uses;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A run as it stands.
 *
 * @param id its number
 * @param use what runs
 * @param way in which way
 * @param state how it stands
 * @param done how much is done
 * @param of of how much; 0 if that is not known yet
 * @param figures what was measured, empty before the end
 * @param error what went wrong, or null
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

    /** How a run stands. */
    public enum State {
        /** It goes on. */
        RUNNING,
        /** It has ended, with figures. */
        DONE,
        /** It has ended, with an error. */
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
