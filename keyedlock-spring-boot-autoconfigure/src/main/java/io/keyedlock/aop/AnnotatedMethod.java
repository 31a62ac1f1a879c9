// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.annotation.KeyedLock;
import java.lang.annotation.AnnotationFormatError;
import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.support.AopUtils;
import org.springframework.core.KotlinDetector;
import org.springframework.core.ResolvableType;
import org.springframework.core.annotation.AnnotationConfigurationException;
import org.springframework.core.annotation.MergedAnnotation;
import org.springframework.core.annotation.MergedAnnotations;
import org.springframework.core.annotation.MergedAnnotations.SearchStrategy;
import org.springframework.scheduling.annotation.Async;
import org.springframework.util.ClassUtils;
import org.springframework.util.ReflectionUtils;

/**
 * A method of a bean's class together with the element that carries its annotation.
 *
 * @param method the method as the class declares or inherits it
 * @param type the class of the bean, not that of its proxy
 * @param carrier the method or type that carries the annotation, which may belong to a superclass or an interface
 */
record AnnotatedMethod(Method method, Class<?> type, AnnotatedElement carrier) {

    /**
     * Whether a type, one of its supertypes or one of their methods carries the annotation. Most beans have none, and
     * each of their methods is looked up while the context starts.
     */
    private static final ClassValue<Boolean> HAS_ANNOTATION = new ClassValue<>() {
        @Override
        protected Boolean computeValue(Class<?> type) {
            try {
                if (sourceOf(type, SearchStrategy.DIRECT) != null
                        || (type.getSuperclass() != null && get(type.getSuperclass()))) {
                    return true;
                }
                for (Method method : type.getDeclaredMethods()) {
                    if (sourceOf(method, SearchStrategy.DIRECT) != null) {
                        return true;
                    }
                }
                for (Class<?> each : type.getInterfaces()) {
                    if (get(each)) {
                        return true;
                    }
                }
                return false;
            } catch (LinkageError e) {
                // Some method refers to a missing class. The methods that are called may still be readable.
                return true;
            }
        }
    };

    /** Returns false if certainly no method of a class is annotated. A generated class may add interfaces to the user's class. */
    static boolean mayBeIn(Class<?> targetClass) {
        Class<?> userClass = ClassUtils.getUserClass(targetClass);
        if (HAS_ANNOTATION.get(userClass)) {
            return true;
        }
        if (userClass != targetClass) {
            for (Class<?> added : targetClass.getInterfaces()) {
                if (HAS_ANNOTATION.get(added)) {
                    return true;
                }
            }
        }
        return false;
    }

    /**
     * Finds the annotation for a call. Searches, in this order: the method; a method that it overrides or implements;
     * the class that declares it and its superclasses; an interface that has the method.
     *
     * @return the annotated method, or null if there is no annotation
     */
    static @Nullable AnnotatedMethod find(Method called, Class<?> targetClass) {
        Class<?> type = ClassUtils.getUserClass(targetClass);
        if (!HAS_ANNOTATION.get(type) && !HAS_ANNOTATION.get(called.getDeclaringClass())) {
            return null;
        }
        Method method = mostSpecific(called, type);
        if (method.getDeclaringClass() == Object.class) {
            return null;
        }
        AnnotatedElement carrier = carrierOf(method);
        if (carrier == null && !method.equals(called)) {
            carrier = carrierOf(called);
        }
        if (carrier == null && (method.getDeclaringClass() != type || isMangled(method))) {
            // A class may implement an interface by methods of a superclass that does not implement that interface, or
            // by Kotlin functions of another name.
            carrier = interfaceMethods(method, type)
                    .map(AnnotatedMethod::carrierOf)
                    .filter(found -> found != null)
                    .findFirst()
                    .orElse(null);
        }
        if (carrier == null && isCoveredByType(method)) {
            carrier = typeCarrierOf(method, type);
        }
        return carrier == null ? null : new AnnotatedMethod(method, type, carrier);
    }

    /** Returns all annotated methods of a class, including those that cannot be advised. */
    static List<AnnotatedMethod> of(Class<?> targetClass) {
        Class<?> type = ClassUtils.getUserClass(targetClass);
        if (!HAS_ANNOTATION.get(type)) {
            return List.of();
        }
        Set<Method> methods = new LinkedHashSet<>();
        ReflectionUtils.doWithMethods(
                type,
                method -> methods.add(mostSpecific(method, type)),
                method -> !method.isBridge()
                        && !method.isSynthetic()
                        && method.getDeclaringClass() != Object.class
                        && !isOverload(method));
        List<AnnotatedMethod> found = new ArrayList<>();
        for (Method method : methods) {
            AnnotatedMethod annotated = find(method, type);
            if (annotated != null) {
                found.add(annotated);
            }
        }
        return List.copyOf(found);
    }

    /**
     * Returns the annotations of the carrier with their attributes, including repeated ones and those of composed
     * annotations.
     *
     * @throws AnnotationConfigurationException if aliases contradict each other
     */
    List<MergedAnnotation<KeyedLock>> annotations() {
        List<MergedAnnotation<KeyedLock>> direct = MergedAnnotations.from(carrier, SearchStrategy.DIRECT).stream(
                        KeyedLock.class)
                .toList();
        return direct.isEmpty()
                ? List.of(MergedAnnotations.from(carrier, SearchStrategy.TYPE_HIERARCHY)
                        .get(KeyedLock.class))
                : direct;
    }

    /**
     * Returns the carrier of another annotation that has the same precedence and locks differently, or null if there is
     * none. Of two interfaces, neither takes precedence unless one extends the other.
     */
    @Nullable
    AnnotatedElement conflictingCarrier() {
        Class<?> declaring = declaringType(carrier);
        if (!declaring.isInterface() || declaring == type || carrier.equals(method)) {
            return null;
        }
        Stream<? extends AnnotatedElement> others = isOnType()
                ? interfacesOf(type).stream().filter(each -> hasMethod(each, method, type))
                : interfaceMethods(method, type);
        return others.filter(other -> sourceOf(other, SearchStrategy.DIRECT) != null)
                .filter(other -> !declaring.isAssignableFrom(declaringType(other))
                        && !declaringType(other).isAssignableFrom(declaring))
                .filter(other -> !locksEqually(new AnnotatedMethod(method, type, other)))
                .findFirst()
                .orElse(null);
    }

    private static Class<?> declaringType(AnnotatedElement element) {
        return element instanceof Method declared ? declared.getDeclaringClass() : (Class<?>) element;
    }

    /**
     * Returns whether both carriers name the same lockers with equal attributes. Without a name, each has its own
     * locker.
     */
    private boolean locksEqually(AnnotatedMethod other) {
        return attributes().equals(other.attributes())
                && annotations().stream()
                        .noneMatch(each -> each.getString("name").isEmpty());
    }

    private Set<Map<String, Object>> attributes() {
        return annotations().stream().map(MergedAnnotation::asMap).collect(Collectors.toSet());
    }

    boolean isOnType() {
        return carrier instanceof Class<?>;
    }

    /** Returns whether the method is an {@code @Async} method, whose caller does not see what it returns. */
    boolean isAsync() {
        return MergedAnnotations.from(method, SearchStrategy.TYPE_HIERARCHY).isPresent(Async.class)
                || MergedAnnotations.from(method.getDeclaringClass(), SearchStrategy.TYPE_HIERARCHY)
                        .isPresent(Async.class);
    }

    /** Returns the name of the own locker, which all methods under this annotation share if it names none. */
    String ownLockerName() {
        return Signatures.withClass(carrier);
    }

    /** Returns class and method in the form of a stack trace. */
    String described() {
        return type.getName() + "." + Signatures.of(method);
    }

    /** Adds a finding about the annotation: at the method that carries it or, if a type does, at the method that it applies to. */
    void report(Findings findings, String problem, String remedy) {
        if (carrier instanceof Method carrying) {
            findings.add(new Finding(carrying.getDeclaringClass().getName(), Signatures.of(carrying), problem, remedy));
        } else {
            findings.add(this, problem, remedy);
        }
    }

    private static @Nullable AnnotatedElement carrierOf(Method method) {
        return sourceOf(method, SearchStrategy.TYPE_HIERARCHY);
    }

    private static @Nullable AnnotatedElement typeCarrierOf(Method method, Class<?> type) {
        AnnotatedElement carrier = sourceOf(method.getDeclaringClass(), SearchStrategy.SUPERCLASS);
        if (carrier != null) {
            return carrier;
        }
        return interfacesOf(type).stream()
                .filter(each -> hasMethod(each, method, type))
                .map(each -> sourceOf(each, SearchStrategy.DIRECT))
                .filter(found -> found != null)
                .findFirst()
                .orElse(null);
    }

    /**
     * Returns whether an element carries the annotation directly, not through a meta-annotation. This is the common
     * case and faster than a search.
     */
    private static boolean isDirect(AnnotatedElement element) {
        try {
            return element.getDeclaredAnnotation(KeyedLock.class) != null;
        } catch (RuntimeException | LinkageError | AnnotationFormatError e) {
            // Some annotation cannot be read; Spring's search handles that.
            return false;
        }
    }

    private static @Nullable AnnotatedElement sourceOf(AnnotatedElement element, SearchStrategy strategy) {
        if (isDirect(element)) {
            return element;
        }
        MergedAnnotations annotations = MergedAnnotations.from(element, strategy);
        if (!annotations.isPresent(KeyedLock.class)) {
            return null;
        }
        try {
            return (AnnotatedElement) annotations.get(KeyedLock.class).getSource();
        } catch (AnnotationConfigurationException e) {
            // The contradiction is reported when the attributes are read. The element must not appear unannotated here.
            return element;
        }
    }

    private static Stream<Method> interfaceMethods(Method method, Class<?> type) {
        return interfacesOf(type).stream()
                .flatMap(each -> Stream.of(each.getMethods()))
                .filter(declared -> isImplementedBy(declared, method, type));
    }

    /** Returns whether an interface declares or inherits a method that a class has. */
    static boolean hasMethod(Class<?> declaring, Method method, Class<?> type) {
        return Stream.of(declaring.getMethods()).anyMatch(declared -> isImplementedBy(declared, method, type));
    }

    private static boolean isImplementedBy(Method declared, Method method, Class<?> type) {
        return (declared.getName().equals(method.getName()) || isMangled(declared.getName(), method))
                && declared.getParameterCount() == method.getParameterCount()
                && mostSpecific(declared, type).equals(method);
    }

    /**
     * Returns the method of a class that a call runs. Where a Kotlin function with a value class implements a generic
     * one, the call goes to a bridge, which has no annotation and delegates to a method of another name.
     */
    private static Method mostSpecific(Method called, Class<?> type) {
        Method method = AopUtils.getMostSpecificMethod(called, type);
        return method.isBridge() && KotlinDetector.isKotlinType(method.getDeclaringClass())
                ? mangledOf(method).orElse(method)
                : method;
    }

    /** Returns whether a bridge of another name delegates to a method. */
    static boolean isBridged(Method method) {
        return isMangled(method)
                && Stream.of(method.getDeclaringClass().getDeclaredMethods())
                        .filter(Method::isBridge)
                        .anyMatch(bridge ->
                                mangledOf(bridge).filter(method::equals).isPresent());
    }

    private static Optional<Method> mangledOf(Method bridge) {
        List<Method> candidates = Stream.of(bridge.getDeclaringClass().getDeclaredMethods())
                .filter(method -> isMangled(bridge.getName(), method))
                .filter(method -> method.getParameterCount() == bridge.getParameterCount())
                .toList();
        return candidates.size() < 2 || !KotlinFunctions.canReflect(bridge.getDeclaringClass())
                ? candidates.stream().findFirst()
                : candidates.stream()
                        .filter(method -> bridgedTypes(bridge).anyMatch(KotlinFunctions.parameterTypes(method)::equals))
                        .findFirst();
    }

    /**
     * Returns, for each generic method that a bridge implements, its parameter types as resolved in the bridge's class.
     */
    private static Stream<List<Class<?>>> bridgedTypes(Method bridge) {
        Class<?> type = bridge.getDeclaringClass();
        Set<Class<?>> declaring = new LinkedHashSet<>(interfacesOf(type));
        for (Class<?> each = type.getSuperclass(); each != null; each = each.getSuperclass()) {
            declaring.add(each);
        }
        return declaring.stream()
                .map(each -> ReflectionUtils.findMethod(each, bridge.getName(), bridge.getParameterTypes()))
                .filter(Objects::nonNull)
                .map(method -> IntStream.range(0, method.getParameterCount())
                        .<Class<?>>mapToObj(i -> ResolvableType.forMethodParameter(method, i, type)
                                .resolve(method.getParameterTypes()[i]))
                        .toList());
    }

    /** Returns whether the name of a method ends with a hash because its signature has a value class. */
    static boolean isMangled(Method method) {
        return method.getName().indexOf(KotlinFunctions.HASH) >= 0
                && KotlinDetector.isKotlinType(method.getDeclaringClass());
    }

    private static boolean isMangled(String name, Method method) {
        return method.getName().startsWith(name + KotlinFunctions.HASH) && !method.isBridge() && isMangled(method);
    }

    /**
     * Returns whether a method is an overload generated by Kotlin that calls the original function, whose call a proxy
     * intercepts.
     */
    private static boolean isOverload(Method method) {
        return KotlinFunctions.canReflect(method.getDeclaringClass()) && KotlinFunctions.isOverload(method);
    }

    /**
     * Returns the class itself if it is an interface, and all interfaces that it implements or extends, nearest first.
     */
    static Set<Class<?>> interfacesOf(Class<?> type) {
        Set<Class<?>> found = new LinkedHashSet<>();
        if (type.isInterface()) {
            found.add(type);
        }
        for (Class<?> each = type; each != null; each = each.getSuperclass()) {
            found.addAll(List.of(each.getInterfaces()));
        }
        for (Class<?> direct : List.copyOf(found)) {
            if (direct != type) {
                found.addAll(interfacesOf(direct));
            } else {
                for (Class<?> parent : direct.getInterfaces()) {
                    found.addAll(interfacesOf(parent));
                }
            }
        }
        return found;
    }

    private static boolean isCoveredByType(Method method) {
        int modifiers = method.getModifiers();
        return !Modifier.isPrivate(modifiers)
                && !Modifier.isStatic(modifiers)
                && !ReflectionUtils.isObjectMethod(method);
    }
}
