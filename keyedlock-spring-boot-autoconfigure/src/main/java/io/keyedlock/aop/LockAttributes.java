// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.annotation.KeyedLock;
import java.time.Duration;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.config.ConfigurableBeanFactory;
import org.springframework.boot.convert.DurationStyle;
import org.springframework.core.annotation.MergedAnnotation;

/**
 * The values of the attributes of one annotation, with placeholders resolved. Reports invalid ones.
 *
 * @param annotated the method
 * @param attributes the annotation
 * @param beans resolves placeholders
 * @param findings receives the findings
 */
record LockAttributes(
        AnnotatedMethod annotated,
        MergedAnnotation<KeyedLock> attributes,
        ConfigurableBeanFactory beans,
        Findings findings) {

    /** Returns the limit, or empty if there is none or it is invalid. */
    OptionalInt limit() {
        int number = attributes.getInt("limit");
        String text = text("limitString");
        if (number != KeyedLock.UNSET && !text.isEmpty()) {
            annotated.report(findings, "limit and limitString are mutually exclusive", "Keep one of them");
            return OptionalInt.empty();
        }
        if (text.isEmpty()) {
            if (number != KeyedLock.UNSET && number < 1) {
                annotated.report(
                        findings,
                        "limit = " + number + " admits nobody",
                        "Write 1 or more, or leave limit out to use the locker's own");
                return OptionalInt.empty();
            }
            return number == KeyedLock.UNSET ? OptionalInt.empty() : OptionalInt.of(number);
        }
        try {
            int parsed = Integer.parseInt(text);
            if (parsed >= 1) {
                return OptionalInt.of(parsed);
            }
        } catch (NumberFormatException e) {
            // Reported below, like a number that is too small.
        }
        annotated.report(
                findings, "limitString = \"" + text + "\" is not a limit", "Write a whole number of 1 or more");
        return OptionalInt.empty();
    }

    /** Returns the wait time, or null if there is none or it is invalid. */
    @Nullable
    Duration waitTime(KeyedLock.Policy policy) {
        String text = text("waitTime");
        if (text.isEmpty()) {
            return null;
        }
        if (policy != KeyedLock.Policy.BLOCK) {
            annotated.report(
                    findings,
                    "waitTime = \"" + text + "\" has no meaning with policy = " + policy + ", which does not wait",
                    "Leave out waitTime, or write policy = BLOCK");
            return null;
        }
        if (text.equalsIgnoreCase("forever")) {
            return KeyedLockerSettings.FOREVER;
        }
        try {
            boolean bare = text.matches("[+]?\\d+") && !text.matches("[+]?0+");
            Duration parsed = bare ? null : DurationStyle.detectAndParse(text);
            if (parsed != null && !parsed.isNegative()) {
                return parsed;
            }
            annotated.report(
                    findings,
                    "waitTime = \"" + text + "\" " + (bare ? "has no unit" : "is negative"),
                    bare
                            ? "Write \"" + text + "ms\" or \"" + text + "s\""
                            : "Write \"0s\" not to wait, or \"forever\"");
        } catch (IllegalArgumentException | ArithmeticException e) {
            annotated.report(
                    findings,
                    "waitTime = \"" + text + "\" is not a duration",
                    "Write for instance \"500ms\", \"2s\", \"PT2S\" or \"forever\"");
        }
        return null;
    }

    /** Returns the value of an attribute with its placeholders resolved, or an empty string if that fails. */
    String text(String attribute) {
        String raw = attributes.getString(attribute);
        if (!raw.contains("${")) {
            return raw.strip();
        }
        String why = "";
        try {
            String resolved = beans.resolveEmbeddedValue(raw);
            if (resolved == null || !resolved.contains("${")) {
                return resolved == null ? "" : resolved.strip();
            }
        } catch (IllegalArgumentException e) {
            why = ": " + e.getMessage();
        }
        annotated.report(
                findings,
                attribute + " = \"" + raw + "\" has a placeholder that does not resolve" + why,
                "Set the property, or write a default after a colon: ${name:default}");
        return "";
    }
}
