// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static com.tngtech.archunit.lang.conditions.ArchConditions.be;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** The dependencies and packages of the core. */
class ArchitectureTests {

    private static final JavaClasses CORE = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("io.keyedlock");

    private static final DescribedPredicate<JavaClass> FROM_A_NULL_MARKED_PACKAGE = DescribedPredicate.describe(
            "from a @NullMarked package",
            type -> type.getPackage().tryGetAnnotationOfType(NullMarked.class).isPresent());

    @Test
    void dependsOnlyOnTheJdkAndJSpecify() {
        classes()
                .should()
                .onlyDependOnClassesThat()
                .resideInAnyPackage("io.keyedlock..", "java..", "jdk.jfr..", "org.jspecify.annotations..")
                .check(CORE);
    }

    @Test
    void packagesAreNamedForWhatTheyHold() {
        noClasses()
                .should()
                .resideInAnyPackage("..impl..", "..util..", "..common..", "..model..")
                .check(CORE);
    }

    @Test
    void everyPackageIsNullMarked() {
        classes().should(be(FROM_A_NULL_MARKED_PACKAGE)).check(CORE);
    }
}
