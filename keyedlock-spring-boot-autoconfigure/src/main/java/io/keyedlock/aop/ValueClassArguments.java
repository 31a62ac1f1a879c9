// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The arguments of a method as its source has them. One of a Kotlin value class arrives as the value that it wraps in some
 * methods and as an object in others, and in collections; as a key it is the object everywhere.
 */
final class ValueClassArguments {

    static final ValueClassArguments NONE = new ValueClassArguments(new ValueClassBox[0]);

    /** By the place of the argument; null for those of other types. */
    private final @Nullable ValueClassBox[] boxes;

    private final boolean any;

    ValueClassArguments(@Nullable ValueClassBox[] boxes) {
        this.boxes = boxes;
        this.any = Stream.of(boxes).anyMatch(Objects::nonNull);
    }

    /** The arguments for expressions; what was passed is left as it is. */
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
