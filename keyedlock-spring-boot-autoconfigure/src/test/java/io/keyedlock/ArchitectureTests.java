// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackage;
import static com.tngtech.archunit.lang.conditions.ArchConditions.be;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import com.tngtech.archunit.library.dependencies.SlicesRuleDefinition;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.util.ClassUtils;

/** The allowed dependencies between packages and on Spring Boot. */
class ArchitectureTests {

    private static final JavaClasses ALL = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("io.keyedlock");

    private static final DescribedPredicate<JavaClass> OURS = resideInAPackage("io.keyedlock..");
    private static final DescribedPredicate<JavaClass> NOT_OURS = resideOutsideOfPackage("io.keyedlock..");
    private static final DescribedPredicate<JavaClass> CORE = resideInAPackage("io.keyedlock");

    private static final DescribedPredicate<JavaClass> BOOT = resideInAPackage("org.springframework.boot..");

    /** Packages whose classes are the same in the oldest and the newest Spring Boot that one jar serves. */
    private static final DescribedPredicate<JavaClass> STABLE_BOOT = resideInAnyPackage(
            "org.springframework.boot",
            "org.springframework.boot.actuate.autoconfigure.endpoint.condition",
            "org.springframework.boot.actuate.endpoint..",
            "org.springframework.boot.autoconfigure",
            "org.springframework.boot.autoconfigure.aop",
            "org.springframework.boot.autoconfigure.condition..",
            "org.springframework.boot.autoconfigure.context",
            "org.springframework.boot.context.properties..",
            "org.springframework.boot.convert",
            "org.springframework.boot.diagnostics..",
            "org.springframework.boot.jdbc",
            "org.springframework.boot.origin",
            "org.springframework.boot.sql.init.dependency");

    private static final DescribedPredicate<JavaClass> FROM_A_NULL_MARKED_PACKAGE = DescribedPredicate.describe(
            "from a @NullMarked package",
            type -> type.getPackage().tryGetAnnotationOfType(NullMarked.class).isPresent());

    @Test
    void annotationPackageDependsOnNoOtherPackage() {
        classes()
                .that()
                .resideInAPackage("io.keyedlock.annotation..")
                .should()
                .onlyDependOnClassesThat(NOT_OURS.or(resideInAPackage("io.keyedlock.annotation..")))
                .allowEmptyShould(true)
                .check(ALL);
    }

    @Test
    void aopDependsOnAnnotationAndCore() {
        classes()
                .that()
                .resideInAPackage("io.keyedlock.aop..")
                .should()
                .onlyDependOnClassesThat(
                        NOT_OURS.or(CORE).or(resideInAnyPackage("io.keyedlock.aop..", "io.keyedlock.annotation..")))
                .allowEmptyShould(true)
                .check(ALL);
    }

    @ParameterizedTest
    @ValueSource(strings = {"actuate", "metrics", "lease", "integration", "test"})
    void dependsOnCoreOnly(String room) {
        classes()
                .that()
                .resideInAPackage("io.keyedlock." + room + "..")
                .should()
                .onlyDependOnClassesThat(NOT_OURS.or(CORE).or(resideInAPackage("io.keyedlock." + room + "..")))
                .allowEmptyShould(true)
                .check(ALL);
    }

    @ParameterizedTest
    @ValueSource(strings = {"redis", "jdbc"})
    void storesDependOnLeaseAndCore(String store) {
        classes()
                .that()
                .resideInAPackage("io.keyedlock." + store + "..")
                .should()
                .onlyDependOnClassesThat(NOT_OURS.or(CORE)
                        .or(resideInAnyPackage("io.keyedlock." + store + "..", "io.keyedlock.lease..")))
                .check(ALL);
    }

    /** The clock of a client may be wrong. */
    @ParameterizedTest
    @ValueSource(strings = {"redis", "jdbc"})
    void storesDoNotReadTheClockOfTheirHost(String store) {
        noClasses()
                .that()
                .resideInAPackage("io.keyedlock." + store + "..")
                .should()
                .callMethod(System.class, "currentTimeMillis")
                .orShould()
                .dependOnClassesThat()
                .haveFullyQualifiedName("java.time.Instant")
                .check(ALL);
    }

    @Test
    void nothingDependsOnAutoconfigure() {
        noClasses()
                .that()
                .resideOutsideOfPackage("io.keyedlock.autoconfigure..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("io.keyedlock.autoconfigure..")
                .allowEmptyShould(true)
                .check(ALL);
    }

    @Test
    void thereAreNoOtherPackages() {
        classes()
                .should()
                .resideInAnyPackage(
                        "io.keyedlock",
                        "io.keyedlock.annotation",
                        "io.keyedlock.aop",
                        "io.keyedlock.actuate",
                        "io.keyedlock.metrics",
                        "io.keyedlock.lease",
                        "io.keyedlock.redis",
                        "io.keyedlock.jdbc",
                        "io.keyedlock.integration",
                        "io.keyedlock.autoconfigure",
                        // A module that the tests use.
                        "io.keyedlock.test")
                .allowEmptyShould(true)
                .check(ALL);
    }

    @Test
    void packagesAreFreeOfCycles() {
        SlicesRuleDefinition.slices()
                .matching("io.keyedlock.(*)..")
                .should()
                .beFreeOfCycles()
                .allowEmptyShould(true)
                .check(ALL);
    }

    @Test
    void everyPackageIsNullMarked() {
        classes().should(be(FROM_A_NULL_MARKED_PACKAGE)).allowEmptyShould(true).check(ALL);
    }

    @Test
    void onlyStablePackagesOfSpringBootAreUsed() {
        noClasses()
                .should()
                .dependOnClassesThat(BOOT.and(DescribedPredicate.not(STABLE_BOOT))
                        .as("move from one Spring Boot to the next (name them as strings, or see ArchitectureTests)"))
                .allowEmptyShould(true)
                .check(ALL);
    }

    @Test
    void noJsonLibraryIsUsed() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("com.fasterxml.jackson..", "tools.jackson..")
                .allowEmptyShould(true)
                .check(ALL);
    }

    /** Useful only if the classes run with another Spring Boot than they were compiled against. */
    @Test
    void everyReferencedClassExists() {
        classes().should(referOnlyToClassesThatExist()).allowEmptyShould(true).check(ALL);
    }

    private static ArchCondition<JavaClass> referOnlyToClassesThatExist() {
        return new ArchCondition<>("refer only to classes that exist") {
            @Override
            public void check(JavaClass type, ConditionEvents events) {
                for (Dependency dependency : type.getDirectDependenciesFromSelf()) {
                    JavaClass target = dependency.getTargetClass().getBaseComponentType();
                    if (!OURS.test(target) && !target.isPrimitive() && !exists(target.getName())) {
                        events.add(SimpleConditionEvent.violated(type, dependency.getDescription()));
                    }
                }
            }
        };
    }

    private static boolean exists(String className) {
        return ClassUtils.isPresent(className, ArchitectureTests.class.getClassLoader());
    }
}
