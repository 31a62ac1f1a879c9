// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.actuate;

import org.springframework.boot.actuate.endpoint.Producible;
import org.springframework.util.MimeType;
import org.springframework.util.MimeTypeUtils;

/**
 * The formats of the overview. Of several that a client accepts, the last one is chosen; a client without preference gets the
 * default.
 */
enum Format implements Producible<Format> {
    /** The default. */
    V3(Format.V3_TYPE),
    /** The type of older clients, with the same content. */
    V2(Format.V2_TYPE),
    /** Plain JSON. */
    JSON(MimeTypeUtils.APPLICATION_JSON_VALUE),
    /** The live page, for browsers. */
    HTML(MimeTypeUtils.TEXT_HTML_VALUE);

    static final String V3_TYPE = "application/vnd.spring-boot.actuator.v3+json";

    static final String V2_TYPE = "application/vnd.spring-boot.actuator.v2+json";

    private final String type;

    Format(String type) {
        this.type = type;
    }

    @Override
    public MimeType getProducedMimeType() {
        return MimeTypeUtils.parseMimeType(type);
    }

    @Override
    public boolean isDefault() {
        return this == V3;
    }
}
