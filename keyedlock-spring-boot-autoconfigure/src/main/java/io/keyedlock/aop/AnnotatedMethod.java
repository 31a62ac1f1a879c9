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
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
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
 * A method of a bean's class together with the place where its annotation stands.
 *
 * @param method the method as the class declares or inherits it
 * @param type the class of the bean, without what a proxy adds
 * @param carrier the method or the type that carries the annotation, perhaps in a superclass or an interface
 */
record AnnotatedMethod(Method method, Class<?> type, AnnotatedElement carrier) {

    /**
     * Whether the annotation stands anywhere in a type or above it. Most beans have none, and each of their methods is asked
     * for as the context starts.
     */
    private static final ClassValue<Boolean> IS_MENTIONED = new ClassValue<>() {
        @Override
        protected Boolean computeValue(Class<?> type) {
            try {
                return sourceOf(type, SearchStrategy.DIRECT) != null
                        || Stream.of(type.getDeclaredMethods())
                                .anyMatch(method -> sourceOf(method, SearchStrategy.DIRECT) != null)
                        || (type.getSuperclass() != null && get(type.getSuperclass()))
                        || Stream.of(type.getInterfaces()).anyMatch(this::get);
            } catch (LinkageError e) {
                // Some method speaks of a class that is missing; those that are called may be whole.
                return true;
            }
        }
    };

    /**
     * Finds the annotation for a call. In this order: on the method, on a method that it overrides or implements, on the class
     * that declares it or a superclass of that, on an interface that has the method.
     */
    static @Nullable AnnotatedMethod find(Method called, Class<?> targetClass) {
        Class<?> type = ClassUtils.getUserClass(targetClass);
        if (!IS_MENTIONED.get(type) && !IS_MENTIONED.get(called.getDeclaringClass())) {
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
            // A class may implement an interface with methods of a superclass that knows nothing of that interface, or
            // with
            // Kotlin functions of another name.
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

    /** All annotated methods of a class, those that cannot be advised included. */
    static List<AnnotatedMethod> of(Class<?> targetClass) {
        Class<?> type = ClassUtils.getUserClass(targetClass);
        if (!IS_MENTIONED.get(type)) {
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
     * The annotation with its attributes, the nearest where there are several.
     *
     * @throws AnnotationConfigurationException if aliases contradict each other
     */
    MergedAnnotation<KeyedLock> annotation() {
        MergedAnnotation<KeyedLock> direct =
                MergedAnnotations.from(carrier, SearchStrategy.DIRECT).get(KeyedLock.class);
        return direct.isPresent()
                ? direct
                : MergedAnnotations.from(carrier, SearchStrategy.TYPE_HIERARCHY).get(KeyedLock.class);
    }

    /** Whether two annotations of the carrier contradict each other, since none is nearer than the other. */
    boolean isAmbiguous() {
        if (isDirect(carrier)) {
            return false;
        }
        List<Integer> distances = MergedAnnotations.from(carrier, SearchStrategy.DIRECT).stream(KeyedLock.class)
                .map(MergedAnnotation::getDistance)
                .sorted()
                .toList();
        return distances.size() > 1 && distances.get(0).equals(distances.get(1));
    }

    /**
     * Another annotation that applies to the method with the same right and locks otherwise: of two interfaces neither is nearer than
     * the other, unless one extends the other. Null if there is none.
     */
    @Nullable
    AnnotatedElement rival() {
        Class<?> declaring = carrier instanceof Method carrying ? carrying.getDeclaringClass() : (Class<?>) carrier;
        if (!declaring.isInterface() || declaring == type || carrier.equals(method)) {
            return null;
        }
        Stream<? extends AnnotatedElement> others = isOnType()
                ? interfacesOf(type).stream().filter(each -> hasMethod(each, method, type))
                : interfaceMethods(method, type);
        return others.filter(other -> sourceOf(other, SearchStrategy.DIRECT) != null)
                .filter(other -> !declaring.isAssignableFrom(declaringType(other))
                        && !declaringType(other).isAssignableFrom(declaring))
                .filter(other -> !locksAlike(new AnnotatedMethod(method, type, other)))
                .findFirst()
                .orElse(null);
    }

    private static Class<?> declaringType(AnnotatedElement element) {
        return element instanceof Method declared ? declared.getDeclaringClass() : (Class<?>) element;
    }

    /** A locker of its own has each of them, so both must name one. */
    private boolean locksAlike(AnnotatedMethod other) {
        return !annotation().getString("name").isEmpty()
                && annotation().asMap().equals(other.annotation().asMap());
    }

    boolean isOnType() {
        return carrier instanceof Class<?>;
    }

    /** Whether the method runs on another thread, where its caller does not see what it returns. */
    boolean isAsync() {
        return MergedAnnotations.from(method, SearchStrategy.TYPE_HIERARCHY).isPresent(Async.class)
                || MergedAnnotations.from(method.getDeclaringClass(), SearchStrategy.TYPE_HIERARCHY)
                        .isPresent(Async.class);
    }

    /** The name of the locker that all methods under this annotation share, if the annotation names none. */
    String scopeName() {
        return carrier instanceof Method carrying
                ? carrying.getDeclaringClass().getName() + "." + signature(carrying)
                : ((Class<?>) carrier).getName();
    }

    /** Class and method as a stack trace would name them. */
    String described() {
        return type.getName() + "." + signature(method);
    }

    /** A method or a type as a stack trace would name it. */
    static String described(AnnotatedElement element) {
        return element instanceof Method declared
                ? declared.getDeclaringClass().getName() + "." + signature(declared)
                : ((Class<?>) element).getName();
    }

    /** The place to name in messages about the annotation: where it stands or, on a type, the method that it covers. */
    Method place() {
        return carrier instanceof Method carrying ? carrying : method;
    }

    /** Notes what is wrong with the annotation. */
    void report(Findings findings, String problem, String remedy) {
        Class<?> placed = isOnType() ? type : place().getDeclaringClass();
        findings.add(new Finding(placed.getName(), signature(place()), problem, remedy));
    }

    /**
     * Name and parameter types as the source has them; simple names of types, unless two overloads of the class would look the
     * same, and what the compiler has made of them, if they still would.
     */
    static String signature(Method method) {
        return Stream.<Function<Method, String>>of(
                        each -> sourceSignature(each, Class::getSimpleName),
                        each -> sourceSignature(each, Class::getTypeName))
                .filter(form -> isUnique(method, form))
                .findFirst()
                .orElse(each -> signature(each.getName(), each, List.of(each.getParameterTypes()), Class::getTypeName))
                .apply(method);
    }

    private static boolean isUnique(Method method, Function<Method, String> form) {
        String own = form.apply(method);
        return Stream.of(method.getDeclaringClass().getDeclaredMethods())
                .filter(other -> !other.isBridge() && !other.isSynthetic() && !other.equals(method))
                .filter(other -> other.getName().startsWith(sourceName(method)))
                .noneMatch(other -> form.apply(other).equals(own));
    }

    private static String sourceSignature(Method method, Function<Class<?>, String> name) {
        List<Class<?>> types =
                isReadable(method) ? KotlinFunctions.parameterTypes(method) : List.of(method.getParameterTypes());
        return signature(sourceName(method), method, types, name);
    }

    private static String signature(
            String name, Method method, List<Class<?>> types, Function<Class<?>, String> nameOfType) {
        // The last parameter of a suspending function is none that its source has.
        int last = types.size() - (KotlinDetector.isSuspendingFunction(method) ? 1 : 0);
        return types.stream().limit(last).map(nameOfType).collect(Collectors.joining(",", name + "(", ")"));
    }

    /** The name of a method in its source. */
    static String sourceName(Method method) {
        return isReadable(method) ? KotlinFunctions.nameOf(method) : method.getName();
    }

    /** Whether the name is not that of the source, and the source can be asked for it. */
    private static boolean isReadable(Method method) {
        return isMangled(method) && KotlinFunctions.areKnown(method.getDeclaringClass());
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

    /** Whether the annotation itself stands on a method or type, and not one that it is on: the common case, and the quick one. */
    private static boolean isDirect(AnnotatedElement element) {
        try {
            return element.getDeclaredAnnotation(KeyedLock.class) != null;
        } catch (RuntimeException | LinkageError | AnnotationFormatError e) {
            // Some annotation cannot be read; Spring's search knows what to do about it.
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
            // Attributes that contradict each other are told when they are read; here nothing may look unannotated.
            return element;
        }
    }

    private static Stream<Method> interfaceMethods(Method method, Class<?> type) {
        return interfacesOf(type).stream()
                .flatMap(each -> Stream.of(each.getMethods()))
                .filter(declared -> isImplementedBy(declared, method, type));
    }

    /** Whether an interface declares or inherits a method that a class has. */
    static boolean hasMethod(Class<?> declaring, Method method, Class<?> type) {
        return Stream.of(declaring.getMethods()).anyMatch(declared -> isImplementedBy(declared, method, type));
    }

    private static boolean isImplementedBy(Method declared, Method method, Class<?> type) {
        return (declared.getName().equals(method.getName()) || isMangled(declared.getName(), method))
                && declared.getParameterCount() == method.getParameterCount()
                && mostSpecific(declared, type).equals(method);
    }

    /**
     * The method of a class that a call runs. Where a Kotlin function with a value class implements a generic one, a bridge leads
     * to it, which has another name and no annotation.
     */
    private static Method mostSpecific(Method called, Class<?> type) {
        Method method = AopUtils.getMostSpecificMethod(called, type);
        return method.isBridge() && KotlinDetector.isKotlinType(method.getDeclaringClass())
                ? mangledOf(method).orElse(method)
                : method;
    }

    /** Whether a bridge of another name leads to a method. */
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
        return candidates.size() < 2 || !KotlinFunctions.areKnown(bridge.getDeclaringClass())
                ? candidates.stream().findFirst()
                : candidates.stream()
                        .filter(method -> bridgedTypes(bridge).anyMatch(KotlinFunctions.parameterTypes(method)::equals))
                        .findFirst();
    }

    /** What the generic methods that a bridge stands for take in its class. */
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

    /** Whether the name of a method has a hash behind it, as there is a value class in its signature. */
    static boolean isMangled(Method method) {
        return method.getName().indexOf(KotlinFunctions.HASH) >= 0
                && KotlinDetector.isKotlinType(method.getDeclaringClass());
    }

    private static boolean isMangled(String name, Method method) {
        return method.getName().startsWith(name + KotlinFunctions.HASH) && !method.isBridge() && isMangled(method);
    }

    /** Whether Kotlin has made the method beside the one that it calls, where a proxy sees the call. */
    private static boolean isOverload(Method method) {
        return KotlinFunctions.areKnown(method.getDeclaringClass()) && KotlinFunctions.isOverload(method);
    }

    /** The class itself if it is an interface, and all interfaces that it has, near ones first. */
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
