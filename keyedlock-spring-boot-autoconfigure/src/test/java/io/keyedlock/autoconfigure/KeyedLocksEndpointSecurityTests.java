// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import com.jayway.jsonpath.JsonPath;
import io.keyedlock.KeyedLocker;
import io.keyedlock.Permit;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.security.config.Customizer;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.annotation.web.configuration.EnableWebSecurity;
import org.springframework.security.core.userdetails.User;
import org.springframework.security.core.userdetails.UserDetailsService;
import org.springframework.security.provisioning.InMemoryUserDetailsManager;
import org.springframework.security.web.SecurityFilterChain;

/** The endpoint with Spring Security. */
@SpringBootTest(
        classes = KeyedLocksEndpointSecurityTests.Application.class,
        webEnvironment = WebEnvironment.RANDOM_PORT,
        properties = {
            "spring.main.web-application-type=servlet",
            "management.endpoints.web.exposure.include=keyedlocks",
            "management.endpoint.keyedlocks.show-keys=when-authorized",
            "management.endpoint.keyedlocks.roles=OPERATOR",
            "keyedlock.locks.orders.limit=1"
        })
@SuppressWarnings("try") // the permit is only held
class KeyedLocksEndpointSecurityTests extends HttpTests {

    @Autowired
    KeyedLocker<Object> orders;

    @Test
    void onlyUsersWithTheRoleSeeKeys() throws Exception {
        try (Permit permit = orders.acquire("42")) {
            for (String[] stranger : List.of(new String[0], authorization("user"))) {
                HttpResponse<String> overview = get("/actuator/keyedlocks", stranger);
                assertThat(overview.statusCode()).isEqualTo(200);
                assertThat(JsonPath.<Integer>read(overview.body(), "$.lockers.orders.activeKeys"))
                        .isEqualTo(1);
                assertThat(JsonPath.<List<Object>>read(overview.body(), "$.lockers.orders.keys"))
                        .isEmpty();
                assertThat(get("/actuator/keyedlocks/orders", stranger).body()).doesNotContain("42");
                assertThat(get("/actuator/keyedlocks/orders?key=42", stranger).statusCode())
                        .isEqualTo(404);
            }
            String[] operator = authorization("operator");
            assertThat(JsonPath.<String>read(
                            get("/actuator/keyedlocks", operator).body(), "$.lockers.orders.keys[0].key"))
                    .isEqualTo("42");
            assertThat(get("/actuator/keyedlocks/orders?key=42", operator).statusCode())
                    .isEqualTo(200);
        }
    }

    @Test
    void securityIsActive() {
        assertThat(get("/actuator/keyedlocks", authorization("impostor")).statusCode())
                .isEqualTo(401);
    }

    private static String[] authorization(String user) {
        String credentials = Base64.getEncoder().encodeToString((user + ":secret").getBytes(StandardCharsets.UTF_8));
        return new String[] {"Authorization", "Basic " + credentials};
    }

    @Configuration(proxyBeanMethods = false)
    @EnableWebSecurity
    @Import(HttpApplication.class)
    static class Application {

        @Bean
        SecurityFilterChain everybodyMayAsk(HttpSecurity http) throws Exception {
            return http.authorizeHttpRequests(requests -> requests.anyRequest().permitAll())
                    .httpBasic(Customizer.withDefaults())
                    .build();
        }

        @Bean
        UserDetailsService users() {
            return new InMemoryUserDetailsManager(
                    User.withUsername("user")
                            .password("{noop}secret")
                            .roles("USER")
                            .build(),
                    User.withUsername("operator")
                            .password("{noop}secret")
                            .roles("OPERATOR")
                            .build());
        }
    }
}
