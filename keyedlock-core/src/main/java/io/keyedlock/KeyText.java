// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import org.jspecify.annotations.Nullable;

/**
 * The text of a key, for messages, logs and answers to others. Whatever the key's own {@code toString} does, there is a text:
 * where it throws or gives null, words that say so stand instead.
 *
 * <pre>{@code
 * log.warn("{} took too long", KeyText.inLine(key));
 * }</pre>
 *
 * <p>Whether a key may be told at all is for the caller to ask; see {@link KeyedLockerSettings#showKeys()}.
 */
public final class KeyText {

    /** How much of a text {@link #inLine} gives: one bad key does not fill a log. */
    private static final int LONGEST_IN_LINE = 200;

    private static final char UNKNOWN = '\uFFFD';

    private KeyText() {}

    /**
     * The text of a key as it is, but cut, and with every half of a character that lacks its other half replaced, as no
     * encoding can write such a half.
     *
     * @param key the key, or null
     * @param longest after how many {@code char}s to cut; at least 1. An ellipsis follows where something was cut
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
     * The text of a key for one line of a log or a message: as {@link #of}, cut after 200 {@code char}s, with control
     * characters replaced, and those that change the direction of text, so that no key looks like a line or another part of
     * the line. Where {@code toString} fails the class of the key is told too.
     *
     * @param key the key, or null
     * @return the text, never null
     */
    public static String inLine(@Nullable Object key) {
        return inLine(key, LONGEST_IN_LINE);
    }

    /**
     * Any foreign text for one line of a log or a message, as {@link #inLine(Object)}: the message of an exception, or the
     * name of a thread.
     *
     * @param text the text, or what has it, or null
     * @param longest after how many {@code char}s to cut; at least 1. An ellipsis follows where something was cut
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
        // Errors too: a collection that contains itself overflows the stack, and who is told of the key must be told.
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

    /** Control characters, the two that some readers of logs take for the end of a line, and those that turn text around. */
    private static boolean isControl(char c) {
        return Character.isISOControl(c)
                || c == '\u061C'
                || c == '\u200E'
                || c == '\u200F'
                || (c >= '\u2028' && c <= '\u202E')
                || (c >= '\u2066' && c <= '\u2069');
    }
}
