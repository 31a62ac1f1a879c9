// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class KeyEncoderTests {

    private enum Color {
        RED,
        GREEN {
            @Override
            public String toString() {
                return "RED";
            }
        }
    }

    private record Pair(Object first, Object second) {}

    private record Other(Object first, Object second) {}

    private static String encode(Object key) {
        return KeyEncoder.standard().encode(key);
    }

    @Test
    void namesAreReadable() {
        assertThat(encode("42")).isEqualTo("s:42");
        assertThat(encode(42)).isEqualTo("int:42");
        assertThat(encode(42L)).isEqualTo("long:42");
        assertThat(encode(List.of("acme", 7))).isEqualTo("list(s:acme,int:7)");
        assertThat(encode(new Pair("a", null))).isEqualTo(Pair.class.getName() + "(s:a,null)");
        assertThat(encode(Color.GREEN)).isEqualTo(Color.class.getName() + ":GREEN");
        assertThat(encode(LocalDate.of(2026, 1, 2))).isEqualTo("LocalDate:2026-01-02");
    }

    @Test
    void kotlinValueClassesHaveTheNameOfTheirValue() throws Exception {
        Object number = kotlin.ULong.class.getMethod("box-impl", long.class).invoke(null, 42L);
        assertThat(encode(number)).isEqualTo("kotlin.ULong(long:42)");
        assertThat(encode(List.of("a", number))).isEqualTo("list(s:a,kotlin.ULong(long:42))");
    }

    @Test
    void unequalKeysHaveUnequalNames() {
        List<Object> keys = List.of(
                "",
                "1",
                "null",
                "s:1",
                "list()",
                "list(s:1)",
                "a,b",
                "a\\,b",
                "a)",
                "(a",
                "\\",
                "\\\\",
                "true",
                "\ud800",
                "\udc00",
                "\\ud800",
                "?",
                "\ud83d\ude00",
                'a',
                true,
                (byte) 1,
                (short) 1,
                1,
                1L,
                1f,
                1d,
                -0d,
                0d,
                Double.NaN,
                BigInteger.ONE,
                BigDecimal.ONE,
                new BigDecimal("1.0"),
                UUID.fromString("00000000-0000-0000-0000-000000000001"),
                "00000000-0000-0000-0000-000000000001",
                Color.RED,
                Color.GREEN,
                List.of(),
                List.of(List.of()),
                List.of("1"),
                List.of("a", "b"),
                List.of("a,s:b"),
                List.of("a", List.of("b")),
                List.of(List.of("a"), "b"),
                List.of(List.of("a", "b")),
                Arrays.asList("a", null),
                Arrays.asList("a", "null"),
                new Pair("a", "b"),
                new Other("a", "b"),
                new Pair("a,s:b", null),
                new Pair(List.of("a"), "b"),
                new Pair("a", List.of("b")),
                LocalDate.of(2026, 1, 2),
                "2026-01-02",
                Instant.EPOCH,
                Duration.ZERO);
        Map<String, Object> byName = new HashMap<>();
        for (Object key : keys) {
            Object twin = byName.put(encode(key), key);
            assertThat(twin).as("%s and %s have one name", twin, key).isNull();
        }
    }

    @Test
    void equalKeysHaveEqualNames() {
        assertThat(encode(Arrays.asList("a", 1))).isEqualTo(encode(List.of("a", 1)));
        assertThat(encode(new Pair("a", 1))).isEqualTo(encode(new Pair("a", 1)));
    }

    @Test
    void aTypeWithoutANameIsReportedWithWhatToUse() {
        for (Object key :
                List.of(new Object(), Map.of(), java.util.Set.of(), new java.util.concurrent.atomic.AtomicInteger())) {
            assertThatThrownBy(() -> encode(key))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(key.getClass().getName())
                    .hasMessageContaining("String")
                    .hasMessageContaining("KeyEncoder");
        }
        assertThatThrownBy(() -> encode(new Pair("a", new Object()))).hasMessageContaining("with a part of type");
        for (Object key : List.of(new int[0], List.of("a", new String[] {"b"}))) {
            assertThatThrownBy(() -> encode(key))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("Use a list in place of the array");
        }
    }
}
