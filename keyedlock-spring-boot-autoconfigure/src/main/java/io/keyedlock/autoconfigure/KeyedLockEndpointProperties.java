// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import java.util.Set;
import org.springframework.boot.actuate.endpoint.Show;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * What the endpoint shows.
 *
 * @param showKeys To whom the endpoint shows keys. Nobody sees them if 'keyedlock.show-keys' is false.
 * @param roles Roles that are authorized to see keys. If empty, whoever is authenticated is.
 */
@ConfigurationProperties("management.endpoint.keyedlocks")
record KeyedLockEndpointProperties(
        @DefaultValue("always") Show showKeys, @DefaultValue Set<String> roles) {}
