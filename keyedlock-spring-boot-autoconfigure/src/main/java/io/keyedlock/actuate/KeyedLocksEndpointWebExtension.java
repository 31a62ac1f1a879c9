// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.actuate;

import org.jspecify.annotations.Nullable;
import org.springframework.boot.actuate.endpoint.OperationResponseBody;
import org.springframework.boot.actuate.endpoint.SecurityContext;
import org.springframework.boot.actuate.endpoint.annotation.ReadOperation;
import org.springframework.boot.actuate.endpoint.annotation.Selector;
import org.springframework.boot.actuate.endpoint.web.annotation.EndpointWebExtension;

/** Shows lockers over HTTP, where it is known who asks, so that keys can be shown to those who may see them. */
@EndpointWebExtension(endpoint = KeyedLocksEndpoint.class)
public final class KeyedLocksEndpointWebExtension {

    private final KeyedLocksEndpoint endpoint;

    /**
     * Makes the extension.
     *
     * @param endpoint what it extends
     */
    public KeyedLocksEndpointWebExtension(KeyedLocksEndpoint endpoint) {
        this.endpoint = endpoint;
    }

    /**
     * All lockers, each with its most contended keys.
     *
     * @param reader who asks
     * @return the lockers by name
     */
    @ReadOperation
    public KeyedLocksEndpoint.LockersDescriptor lockers(SecurityContext reader) {
        return endpoint.lockers(endpoint.showsKeysTo(reader));
    }

    /**
     * One locker with who holds and who awaits its most contended keys, or one of its keys.
     *
     * @param reader who asks
     * @param name the locker's name
     * @param key the text of an active key, or null for the locker
     * @return the locker or the key; null, answered with 404, if there is no such locker or active key
     */
    @ReadOperation
    public @Nullable OperationResponseBody locker(
            SecurityContext reader, @Selector String name, @org.springframework.lang.Nullable @Nullable String key) {
        return endpoint.locker(name, key, endpoint.showsKeysTo(reader));
    }
}
