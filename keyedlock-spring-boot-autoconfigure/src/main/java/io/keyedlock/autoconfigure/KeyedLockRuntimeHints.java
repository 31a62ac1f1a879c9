// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.annotation.KeyedLock;
import io.keyedlock.annotation.KeyedLocks;
import io.keyedlock.aop.LockInvocation;
import io.keyedlock.jdbc.JdbcStoreSettings;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.aot.hint.MemberCategory;
import org.springframework.aot.hint.ReflectionHints;
import org.springframework.aot.hint.RuntimeHints;
import org.springframework.aot.hint.RuntimeHintsRegistrar;
import org.springframework.aot.hint.TypeReference;

/** Registers the members of keyedlock that a native image accesses by reflection. */
final class KeyedLockRuntimeHints implements RuntimeHintsRegistrar {

    /** A package-private class of the core, which does not depend on Spring. A test checks these names. */
    static final String WAIT_EVENT = "io.keyedlock.WaitEvent$Recorded";

    static final List<String> WAIT_EVENT_FIELDS = List.of("locker", "key", "waitersAhead", "outcome");

    @Override
    public void registerHints(RuntimeHints hints, @Nullable ClassLoader classLoader) {
        hints.reflection().registerType(KeyedLock.class, MemberCategory.INVOKE_DECLARED_METHODS);
        hints.reflection().registerType(KeyedLocks.class, MemberCategory.INVOKE_DECLARED_METHODS);
        hints.reflection().registerType(LockInvocation.class, MemberCategory.INVOKE_PUBLIC_METHODS);
        registerRecords(hints.reflection(), KeyedLockProperties.class);
        hints.resources().registerPattern("io/keyedlock/actuate/page/*");
        hints.resources()
                .registerPattern(JdbcStoreSettings.class.getPackageName().replace('.', '/') + "/schema-*.sql");
        // Flight Recorder reads the fields of an event.
        hints.reflection().registerType(TypeReference.of(WAIT_EVENT), event -> {
            event.withMembers(MemberCategory.INVOKE_DECLARED_CONSTRUCTORS);
            WAIT_EVENT_FIELDS.forEach(event::withField);
        });
    }

    /** {@link PropertyCheck} reads the components of these records, which an image lacks without a hint. */
    private static void registerRecords(ReflectionHints hints, Class<?> type) {
        hints.registerType(type, MemberCategory.INVOKE_DECLARED_METHODS);
        for (Class<?> nested : type.getDeclaredClasses()) {
            if (nested.isRecord()) {
                registerRecords(hints, nested);
            }
        }
    }
}
