// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.threats;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A suspicious action of an address.
 *
 * @param address the IP address in its canonical form, so that two spellings of one address are one key
 * @param severity the severity, 1 to 100
 */
public record SecurityEvent(String address, int severity) {

    /** The highest severity of one event, and the score at which an address is blocked. */
    public static final int MAX_SEVERITY = 100;

    // InetAddress parses these as literals; it would query a name server for other texts.
    private static final Pattern IPV4 = Pattern.compile("\\d{1,3}(\\.\\d{1,3}){3}");
    private static final Pattern IPV6 = Pattern.compile("[0-9a-fA-F:.]*:[0-9a-fA-F:.]*");

    /** Creates an event from validated values; see {@link #of}. */
    public SecurityEvent {
        if (severity < 1 || severity > MAX_SEVERITY) {
            throw new IllegalArgumentException("severity is " + severity + "; send 1 to " + MAX_SEVERITY);
        }
    }

    /**
     * Creates an event from the values of a request.
     *
     * @param address an IPv4 or IPv6 address in any spelling
     * @param severity 1 to 100
     * @return the event
     * @throws IllegalArgumentException if a value is missing or invalid
     */
    public static SecurityEvent of(@Nullable String address, @Nullable Integer severity) {
        if (severity == null) {
            throw new IllegalArgumentException("severity is missing; send 1 to " + MAX_SEVERITY);
        }
        return new SecurityEvent(canonical(address), severity);
    }

    /**
     * Returns the canonical form under which an address is stored and locked.
     *
     * @param address an IPv4 or IPv6 address
     * @return its canonical form
     * @throws IllegalArgumentException if it is not an address
     */
    public static String canonical(@Nullable String address) {
        if (address != null
                && (IPV4.matcher(address).matches() || IPV6.matcher(address).matches())) {
            try {
                return InetAddress.getByName(address).getHostAddress();
            } catch (UnknownHostException notAnAddress) {
                // Reported below, like all other invalid addresses.
            }
        }
        throw new IllegalArgumentException(
                "address is not an IP address; send for instance 203.0.113.7 or 2001:db8::1");
    }
}
