// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.actuate;

import static org.springframework.util.MimeTypeUtils.APPLICATION_JSON_VALUE;

import org.jspecify.annotations.Nullable;
import org.springframework.aot.hint.annotation.RegisterReflectionForBinding;
import org.springframework.boot.actuate.endpoint.OperationResponseBody;
import org.springframework.boot.actuate.endpoint.SecurityContext;
import org.springframework.boot.actuate.endpoint.annotation.ReadOperation;
import org.springframework.boot.actuate.endpoint.annotation.Selector;
import org.springframework.boot.actuate.endpoint.annotation.WriteOperation;
import org.springframework.boot.actuate.endpoint.web.WebEndpointResponse;
import org.springframework.boot.actuate.endpoint.web.annotation.EndpointWebExtension;

/**
 * The HTTP variant of {@link KeyedLocksEndpoint}. It knows the reader, so it can show keys to authorized readers only. A browser
 * gets the live page, which polls this endpoint; other clients get JSON.
 *
 * @since 0.1.0
 * @see KeyedLocksEndpoint
 */
@EndpointWebExtension(endpoint = KeyedLocksEndpoint.class)
@RegisterReflectionForBinding(LiveView.class)
public final class KeyedLocksEndpointWebExtension {

    private final KeyedLocksEndpoint endpoint;
    private final LockerHistory history;
    private final @Nullable LivePage page;

    /**
     * Creates the extension.
     *
     * @param endpoint the endpoint to extend
     * @param history the history that the page shows
     * @param page the last segment of the endpoint's path, or null if browsers get JSON as well
     */
    public KeyedLocksEndpointWebExtension(KeyedLocksEndpoint endpoint, LockerHistory history, @Nullable String page) {
        this.endpoint = endpoint;
        this.history = history;
        this.page = page == null ? null : new LivePage(page);
    }

    /**
     * Returns all lockers, each with its most contended keys, or the live page.
     *
     * @param reader the security context of the request
     * @param format the format to return
     * @return the lockers by name, or the page
     */
    @ReadOperation(producesFrom = Format.class)
    public WebEndpointResponse<?> lockers(SecurityContext reader, Format format) {
        if (format == Format.HTML && page != null) {
            return page.html();
        }
        return new WebEndpointResponse<>(
                endpoint.lockers(endpoint.showsKeysTo(reader)),
                WebEndpointResponse.STATUS_OK,
                (format == Format.HTML ? Format.JSON : format).getProducedMimeType());
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

    /**
     * Returns a file of the live page, or its state.
     *
     * @param reader the security context of the request
     * @param page the constant {@code page}, which keeps the files apart from lockers
     * @param file the name of the file, or {@code state}
     * @param lock for {@code state}, the name of the locker whose keys are listed, or null for all
     * @param text for {@code state}, the text that the listed keys contain, or null for all
     * @return the content; null, which becomes status 404, if there is no such file
     */
    @ReadOperation(produces = {APPLICATION_JSON_VALUE, LivePage.SCRIPT_TYPE, LivePage.STYLE_TYPE, LivePage.ICON_TYPE})
    public @Nullable WebEndpointResponse<?> page(
            SecurityContext reader,
            @Selector String page,
            @Selector String file,
            @org.springframework.lang.Nullable @Nullable String lock,
            @org.springframework.lang.Nullable @Nullable String text) {
        if (this.page == null || !page.equals(LivePage.PATH)) {
            return null;
        }
        return file.equals("state")
                ? new WebEndpointResponse<>(
                        endpoint.live(history, endpoint.showsKeysTo(reader), lock, text),
                        WebEndpointResponse.STATUS_OK,
                        Format.JSON.getProducedMimeType())
                : this.page.find(file);
    }
}
