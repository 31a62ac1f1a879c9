// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Converts the arguments of a method into the form of its source. An argument of a Kotlin value class arrives unboxed
 * in some methods, and boxed in others and in collections. As a key it is boxed everywhere.
 */
final class ValueClassArguments {

    static final ValueClassArguments NONE = new ValueClassArguments(new ValueClassBox[0]);

    /** The converters by index of the argument; null for arguments of other types. */
    private final @Nullable ValueClassBox[] boxes;

    private final boolean any;

    ValueClassArguments(@Nullable ValueClassBox[] boxes) {
        this.boxes = boxes;
        this.any = Stream.of(boxes).anyMatch(Objects::nonNull);
    }

    /** Returns the arguments for expressions. Does not change the given array. */
    Object[] of(Object[] passed) {
        if (!any) {
            return passed;
        }
        @Nullable Object[] boxed = passed.clone();
        for (int i = 0; i < boxes.length; i++) {
            ValueClassBox box = boxes[i];
            if (box != null) {
                boxed[i] = box.box(boxed[i]);
            }
        }
        return boxed;
    }
}
