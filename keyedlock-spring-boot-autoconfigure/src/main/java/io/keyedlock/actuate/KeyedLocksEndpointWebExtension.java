// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.actuate;

import org.jspecify.annotations.Nullable;
import org.springframework.boot.actuate.endpoint.OperationResponseBody;
import org.springframework.boot.actuate.endpoint.SecurityContext;
import org.springframework.boot.actuate.endpoint.annotation.ReadOperation;
import org.springframework.boot.actuate.endpoint.annotation.Selector;
import org.springframework.boot.actuate.endpoint.annotation.WriteOperation;
import org.springframework.boot.actuate.endpoint.web.WebEndpointResponse;
import org.springframework.boot.actuate.endpoint.web.annotation.EndpointWebExtension;

/**
 * The HTTP variant of {@link KeyedLocksEndpoint}. It knows the reader, so it can show keys to authorized readers only.
 *
 * @since 0.1.0
 * @see KeyedLocksEndpoint
 */
@EndpointWebExtension(endpoint = KeyedLocksEndpoint.class)
public final class KeyedLocksEndpointWebExtension {

    private final KeyedLocksEndpoint endpoint;

    /**
     * Creates the extension.
     *
     * @param endpoint the endpoint to extend
     */
    public KeyedLocksEndpointWebExtension(KeyedLocksEndpoint endpoint) {
        this.endpoint = endpoint;
    }

    /**
     * Returns all lockers, each with its most contended keys.
     *
     * @param reader the security context of the request
     * @return the lockers by name
     */
    @ReadOperation
    public KeyedLocksEndpoint.LockersDescriptor lockers(SecurityContext reader) {
        return endpoint.lockers(endpoint.showsKeysTo(reader));
    }

    /**
     * Returns one locker with the holders and waiters of its most contended keys, or one of its keys.
     *
     * @param reader the security context of the request
     * @param name the locker's name
     * @param key the text of an active key, or null to get the locker
     * @return the locker or the key; null, which becomes status 404, if there is no such locker or active key
     */
    @ReadOperation
    public @Nullable OperationResponseBody locker(
            SecurityContext reader, @Selector String name, @org.springframework.lang.Nullable @Nullable String key) {
        return endpoint.locker(name, key, endpoint.showsKeysTo(reader));
    }

    /**
     * Sets the limit of the keys of a locker that have no limit of their own, until the application ends.
     *
     * @param caller the security context of the request, whose principal is logged
     * @param name the locker's name
     * @param limit the new limit, at least 1
     * @return the locker, without keys; status 404 if there is none of that name
     */
    @WriteOperation
    public WebEndpointResponse<KeyedLocksEndpoint.LockerDescriptor> setLimit(
            SecurityContext caller, @Selector String name, int limit) {
        KeyedLocksEndpoint.LockerDescriptor changed = endpoint.setLimit(name, limit, caller);
        return changed == null
                ? new WebEndpointResponse<>(WebEndpointResponse.STATUS_NOT_FOUND)
                : new WebEndpointResponse<>(changed);
    }
}
