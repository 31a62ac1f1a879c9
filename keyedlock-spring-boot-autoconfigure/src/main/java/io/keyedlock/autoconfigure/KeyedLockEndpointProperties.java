// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import java.util.Set;
import org.springframework.boot.actuate.endpoint.Show;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * The properties of the endpoint.
 *
 * @param showKeys When the endpoint shows keys. If 'keyedlock.show-keys' is false, it never does.
 * @param roles Roles that are authorized to see keys. If empty, every authenticated user is authorized.
 * @param page Whether browsers get the live page. If false, they get JSON as other clients do.
 */
@ConfigurationProperties("management.endpoint.keyedlocks")
record KeyedLockEndpointProperties(
        @DefaultValue("always") Show showKeys,
        @DefaultValue Set<String> roles,
        @DefaultValue("true") boolean page) {}
