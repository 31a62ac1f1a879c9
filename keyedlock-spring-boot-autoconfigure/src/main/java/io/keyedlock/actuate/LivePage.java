// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.actuate;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.actuate.endpoint.web.WebEndpointResponse;
import org.springframework.core.io.ByteArrayResource;
import org.springframework.core.io.ClassPathResource;
import org.springframework.core.io.Resource;
import org.springframework.util.MimeType;

/** The files of the live page. They refer to each other by relative URLs, so the page works behind any path. */
final class LivePage {

    /** The path of the files below that of the endpoint. */
    static final String PATH = "page";

    static final String SCRIPT_TYPE = "text/javascript";

    static final String STYLE_TYPE = "text/css";

    static final String ICON_TYPE = "image/svg+xml";

    private static final Map<String, String> FILES = Map.of(
            "charts.js", SCRIPT_TYPE,
            "elements.js", SCRIPT_TYPE,
            "key.js", SCRIPT_TYPE,
            "live.js", SCRIPT_TYPE,
            "page.js", SCRIPT_TYPE,
            "poller.js", SCRIPT_TYPE,
            "tables.js", SCRIPT_TYPE,
            "page.css", STYLE_TYPE,
            "icon.svg", ICON_TYPE);

    private final Resource html;

    /**
     * Creates the page.
     *
     * @param path the last segment of the endpoint's path, to which the page's URLs are relative
     */
    LivePage(String path) {
        this.html = html(path);
    }

    private static Resource html(String path) {
        try {
            String template = file("page.html").getContentAsString(StandardCharsets.UTF_8);
            return new ByteArrayResource(
                    template.replace("{endpoint}", path).getBytes(StandardCharsets.UTF_8), "live page");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Resource file(String name) {
        return new ClassPathResource("page/" + name, LivePage.class);
    }

    WebEndpointResponse<Resource> html() {
        return response(html, "text/html");
    }

    /** Returns a file of the page, or null if there is none of that name. */
    @Nullable
    WebEndpointResponse<Resource> find(String name) {
        String type = FILES.get(name);
        return type == null ? null : response(file(name), type);
    }

    private static WebEndpointResponse<Resource> response(Resource content, String type) {
        return new WebEndpointResponse<>(
                content, WebEndpointResponse.STATUS_OK, MimeType.valueOf(type + ";charset=UTF-8"));
    }
}
