// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import org.jspecify.annotations.Nullable;

/**
 * Converts keys to text, for messages, logs and responses. There always is a text: if the key's {@code toString} throws or
 * returns null, a replacement says so.
 *
 * <pre>{@code
 * log.warn("{} took too long", KeyText.inLine(key));
 * }</pre>
 *
 * <p>The caller decides whether a key may be shown at all; see {@link KeyedLockerSettings#showKeys()}.
 *
 * @since 0.1.0
 */
public final class KeyText {

    /** The maximum length of a text of {@link #inLine(Object)}, so that one bad key does not fill a log. */
    private static final int LONGEST_IN_LINE = 200;

    private static final char UNKNOWN = '\uFFFD';

    private KeyText() {}

    /**
     * Returns the text of a key, truncated, and with unpaired surrogates replaced, because no encoding can write them.
     *
     * @param key the key, or null
     * @param longest the maximum length in {@code char}s; at least 1. An ellipsis follows a truncated text
     * @return the text, never null
     * @throws IllegalArgumentException if {@code longest} is less than 1
     */
    public static String of(@Nullable Object key, int longest) {
        return of(key, "", longest);
    }

    private static String of(@Nullable Object key, String whose, int longest) {
        if (longest < 1) {
            throw new IllegalArgumentException("longest must be at least 1, but is " + longest);
        }
        return whole(cut(raw(key, whose), longest));
    }

    /**
     * Returns the text of a key for one line of a log or a message. As {@link #of}, truncated to 200 {@code char}s, with
     * control characters and those that change the direction of text replaced, so that no key can forge a line or another part
     * of the line. If {@code toString} fails, the text includes the class of the key.
     *
     * @param key the key, or null
     * @return the text, never null
     */
    public static String inLine(@Nullable Object key) {
        return inLine(key, LONGEST_IN_LINE);
    }

    /**
     * Returns any foreign text for one line of a log or a message, as {@link #inLine(Object)}, for instance the message of an
     * exception or the name of a thread.
     *
     * @param text the text, or an object whose {@code toString} returns it, or null
     * @param longest the maximum length in {@code char}s; at least 1. An ellipsis follows a truncated text
     * @return the text, never null
     * @throws IllegalArgumentException if {@code longest} is less than 1
     */
    public static String inLine(@Nullable Object text, int longest) {
        return oneLine(of(text, text == null ? "" : text.getClass().getName() + " ", longest));
    }

    private static String oneLine(String text) {
        StringBuilder clean = null;
        for (int i = 0; i < text.length(); i++) {
            if (isControl(text.charAt(i))) {
                clean = clean == null ? new StringBuilder(text) : clean;
                clean.setCharAt(i, UNKNOWN);
            }
        }
        return clean == null ? text : clean.toString();
    }

    private static String raw(@Nullable Object key, String whose) {
        if (key == null) {
            return "null";
        }
        // Errors too: a collection that contains itself overflows the stack, and the message must still be built.
        try {
            String text = key.toString();
            return text == null ? whose + "(its toString gives null)" : text;
        } catch (Throwable e) {
            return whose + "(its toString fails)";
        }
    }

    private static String cut(String text, int longest) {
        if (text.length() <= longest) {
            return text;
        }
        boolean amidCharacter =
                Character.isHighSurrogate(text.charAt(longest - 1)) && Character.isLowSurrogate(text.charAt(longest));
        return text.substring(0, amidCharacter ? longest - 1 : longest) + "…";
    }

    private static String whole(String text) {
        StringBuilder clean = null;
        for (int i = 0; i < text.length(); i++) {
            if (!Character.isSurrogate(text.charAt(i))) {
                continue;
            }
            if (i + 1 < text.length() && Character.isSurrogatePair(text.charAt(i), text.charAt(i + 1))) {
                i++;
            } else {
                clean = clean == null ? new StringBuilder(text) : clean;
                clean.setCharAt(i, UNKNOWN);
            }
        }
        return clean == null ? text : clean.toString();
    }

    /**
     * Returns whether a character is a control character, a line or paragraph separator, or one that changes the text
     * direction.
     */
    private static boolean isControl(char c) {
        return Character.isISOControl(c)
                || c == '\u061C'
                || c == '\u200E'
                || c == '\u200F'
                || (c >= '\u2028' && c <= '\u202E')
                || (c >= '\u2066' && c <= '\u2069');
    }
}
