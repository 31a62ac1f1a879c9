// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** A failed static initialization breaks a class for good, so none runs in calls whose stack may overflow. */
class StaticStateTests {

    private static final Pattern INITIALIZED = Pattern.compile("'(io/keyedlock/[^']+)'");

    @Test
    void firstLockerInitialisesEveryClassWithStaticState() throws Exception {
        Set<String> initialized = INITIALIZED
                .matcher(ForkedJvm.run(StaticStateTests.class, "-Xlog:class+init=info"))
                .results()
                .map(found -> found.group(1).replace('/', '.'))
                .collect(Collectors.toSet());
        Set<String> withStaticState = new ClassFileImporter()
                .withImportOption(new ImportOption.DoNotIncludeTests()).importPackages("io.keyedlock").stream()
                        .filter(type -> type.getStaticInitializer().isPresent())
                        // Initialised by the scanning thread, which never is at the end of its stack.
                        .filter(type -> !type.isEquivalentTo(WaitEvent.Recorded.class))
                        .map(JavaClass::getName)
                        .collect(Collectors.toSet());
        assertThat(withStaticState).hasSizeGreaterThan(10);
        assertThat(initialized).containsAll(withStaticState);
        assertThat(initialized)
                .as("sections under a stripe's lock load no class")
                .contains(
                        ContendedState.class.getName(),
                        Entry.class.getName(),
                        ExtraHold.class.getName(),
                        Headroom.class.getName(),
                        LeasedHold.class.getName(),
                        Reentry.class.getName());
        // A background thread may need it after the application's class loader was closed.
        assertThat(initialized).contains(Messages.class.getName());
    }

    public static void main(String[] args) {
        KeyedLocker.create();
        System.out.println(ForkedJvm.DONE);
    }
}
