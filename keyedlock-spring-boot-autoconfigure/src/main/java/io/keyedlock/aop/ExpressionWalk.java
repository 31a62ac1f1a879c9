// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.config.ConfigurableBeanFactory;
import org.springframework.core.ResolvableType;
import org.springframework.expression.spel.SpelNode;
import org.springframework.expression.spel.ast.BeanReference;
import org.springframework.expression.spel.ast.CompoundExpression;
import org.springframework.expression.spel.ast.ConstructorReference;
import org.springframework.expression.spel.ast.FunctionReference;
import org.springframework.expression.spel.ast.Indexer;
import org.springframework.expression.spel.ast.InlineMap;
import org.springframework.expression.spel.ast.MethodReference;
import org.springframework.expression.spel.ast.Projection;
import org.springframework.expression.spel.ast.PropertyOrFieldReference;
import org.springframework.expression.spel.ast.Selection;
import org.springframework.expression.spel.ast.TypeReference;
import org.springframework.expression.spel.ast.VariableReference;
import org.springframework.util.ClassUtils;
import org.springframework.util.StringUtils;

/**
 * Visits the names in an expression together with the declared types of the objects on which they are evaluated.
 *
 * <p>Follows each chain from its beginning through the declared types of properties, fields and methods.
 * {@link ResolvableType#NONE} stands for an unknown type: of a value beyond its declared type, and of everything after
 * a method that cannot be distinguished from its overloads.
 */
abstract class ExpressionWalk {

    private final AnnotatedMethod annotated;
    private final ParameterNames names;
    private final ConfigurableBeanFactory beans;
    private final Map<String, ResolvableType> variables = new LinkedHashMap<>();
    private final ResolvableType root = ResolvableType.forClass(LockInvocation.class);

    ExpressionWalk(AnnotatedMethod annotated, ParameterNames names, ConfigurableBeanFactory beans) {
        this.beans = beans;
        this.names = names;
        this.annotated = annotated;
    }

    /** Visits all names in an expression. */
    final void walk(LockExpression expression) {
        Method method = annotated.method();
        List<Class<?>> types = KotlinFunctions.canReflect(method.getDeclaringClass())
                ? KotlinFunctions.parameterTypes(method)
                : List.of(method.getParameterTypes());
        for (int i = 0; i < method.getParameterCount(); i++) {
            ResolvableType declared = ResolvableType.forMethodParameter(method, i, annotated.type());
            ResolvableType type = types.get(i) == method.getParameterTypes()[i] ? declared : boxed(types.get(i));
            for (String name : names.namesOf(i)) {
                variables.put(name, type);
            }
        }
        variables.put("root", root);
        visit(expression.root(), new Scope(root, root));
    }

    private ResolvableType boxed(Class<?> type) {
        valueClass(type);
        return ResolvableType.forClass(type);
    }

    /** Visits {@code #name}. */
    void variable(String name) {}

    /** Visits {@code #name(…)}. */
    void function(String name) {}

    /** Visits {@code @name}. */
    void bean(String name) {}

    /**
     * Visits a property or field that is read.
     *
     * @param owner the declared type of the object, or the type whose static member is read
     * @param exact whether the object can have no other type
     */
    void property(Class<?> owner, String name, boolean exact) {}

    /** Visits a method that is called; see {@link #property}. */
    void method(Class<?> owner, String name, boolean exact) {}

    /** Visits a Kotlin value class, whose values are boxed before an expression sees them. */
    void valueClass(Class<?> type) {}

    /** Visits a constructor that is called. */
    void constructor(Class<?> type) {}

    /**
     * The types of the objects on which a part of an expression is evaluated.
     *
     * @param active the object for properties and methods without an explicit target: {@code #this}
     * @param arguments the same for the arguments of methods, which a projection changes and a chain does not
     */
    private record Scope(ResolvableType active, ResolvableType arguments) {

        Scope after(ResolvableType value) {
            return new Scope(value, arguments);
        }

        Scope inArguments() {
            return new Scope(arguments, arguments);
        }
    }

    /** Visits a node and returns the type of its value. */
    private ResolvableType visit(SpelNode node, Scope scope) {
        if (node instanceof CompoundExpression) {
            return chain(node, scope);
        }
        if (node instanceof VariableReference) {
            String name = node.toStringAST().substring(1);
            variable(name);
            return name.equals("this") ? scope.active() : variables.getOrDefault(name, ResolvableType.NONE);
        }
        if (node instanceof FunctionReference) {
            String call = node.toStringAST();
            function(call.substring(1, call.indexOf('(')));
        } else if (node instanceof BeanReference) {
            return beanOf(node);
        } else if (node instanceof TypeReference) {
            return named(node.getChild(0).toStringAST());
        } else if (node instanceof ConstructorReference) {
            return constructorOf(node, scope);
        } else if (node instanceof PropertyOrFieldReference || node instanceof MethodReference) {
            return member(node, scope, isExact(scope.active(), node));
        } else if (node instanceof Indexer) {
            return elementAt(node, scope);
        } else if (node instanceof Selection || node instanceof Projection) {
            return elements(node, scope);
        } else if (node instanceof InlineMap) {
            for (int i = 0; i < node.getChildCount(); i++) {
                if (i % 2 == 1 || !(node.getChild(i) instanceof PropertyOrFieldReference)) {
                    visit(node.getChild(i), scope);
                }
            }
            return ResolvableType.NONE;
        }
        visitAll(node, 0, scope);
        return ResolvableType.NONE;
    }

    private void visitAll(SpelNode parent, int first, Scope scope) {
        for (int i = first; i < parent.getChildCount(); i++) {
            visit(parent.getChild(i), scope);
        }
    }

    private ResolvableType chain(SpelNode node, Scope scope) {
        ResolvableType type = visit(node.getChild(0), scope);
        for (int i = 1; i < node.getChildCount(); i++) {
            SpelNode next = node.getChild(i);
            SpelNode previous = node.getChild(i - 1);
            // A member after T(…) may belong to the class or to its Class object, and a bean may be a proxy.
            boolean exact =
                    isExact(type, next) && !(previous instanceof TypeReference || previous instanceof BeanReference);
            type = next instanceof PropertyOrFieldReference || next instanceof MethodReference
                    ? member(next, scope.after(type), exact)
                    : visit(next, scope.after(type));
        }
        return type;
    }

    private static boolean isExact(ResolvableType type, SpelNode next) {
        Class<?> raw = type.resolve();
        // Members of a Class object may be static members of that class. After ?. newer versions of SpEL unwrap an
        // Optional.
        return raw != null
                && Modifier.isFinal(raw.getModifiers())
                && !raw.isArray()
                && raw != Class.class
                && !(raw == Optional.class && isNullSafe(next));
    }

    private static boolean isNullSafe(SpelNode node) {
        return node instanceof PropertyOrFieldReference property
                ? property.isNullSafe()
                : node instanceof MethodReference method && method.isNullSafe();
    }

    private ResolvableType member(SpelNode node, Scope scope, boolean exact) {
        Class<?> owner = classOf(scope.active());
        if (node instanceof PropertyOrFieldReference property) {
            if (owner == null) {
                return ResolvableType.NONE;
            }
            property(owner, property.getName(), exact);
            return typeOfProperty(owner, property.getName(), scope.active());
        }
        String name = ((MethodReference) node).getName();
        if (owner != null) {
            method(owner, name, exact);
        }
        visitAll(node, 0, scope.inArguments());
        return owner == null ? ResolvableType.NONE : typeOfMethod(owner, name, node.getChildCount(), scope.active());
    }

    private static @Nullable Class<?> classOf(ResolvableType type) {
        Class<?> raw = type.resolve();
        return raw == null ? null : ClassUtils.resolvePrimitiveIfNecessary(raw);
    }

    private ResolvableType typeOfProperty(Class<?> owner, String name, ResolvableType whole) {
        ValueClassProperty wrapped = KotlinFunctions.canReflect(owner) ? KotlinFunctions.property(owner, name) : null;
        if (wrapped != null) {
            return boxed(wrapped.box().type());
        }
        String suffix = StringUtils.capitalize(name);
        for (String getter : List.of("get" + suffix, "is" + suffix, name)) {
            Method method = ClassUtils.getMethodIfAvailable(owner, getter);
            if (method != null && !Modifier.isStatic(method.getModifiers())) {
                return resultOf(method, whole);
            }
        }
        return Stream.of(owner.getFields())
                .filter(field -> field.getName().equals(name))
                .findFirst()
                .map((Field field) -> ResolvableType.forField(field, whole))
                .orElse(ResolvableType.NONE);
    }

    private static ResolvableType typeOfMethod(Class<?> owner, String name, int arguments, ResolvableType whole) {
        List<ResolvableType> results = Stream.of(owner.getMethods())
                .filter(method -> !method.isBridge() && method.getName().equals(name))
                .filter(method -> method.getParameterCount() == arguments || method.isVarArgs())
                .map(method -> resultOf(method, whole))
                .toList();
        return results.stream().map(ResolvableType::resolve).distinct().count() == 1
                ? results.get(0)
                : ResolvableType.NONE;
    }

    private static ResolvableType resultOf(Method method, ResolvableType owner) {
        return ResolvableType.forType(method.getGenericReturnType(), owner.as(method.getDeclaringClass()));
    }

    private ResolvableType beanOf(SpelNode node) {
        String name = node.toStringAST().substring(1).replaceAll("^['\"]|['\"]$", "");
        bean(name);
        Class<?> type = beans.containsBean(name) ? beans.getType(name) : null;
        return type == null ? ResolvableType.NONE : ResolvableType.forClass(ClassUtils.getUserClass(type));
    }

    private ResolvableType constructorOf(SpelNode node, Scope scope) {
        visitAll(node, 1, scope);
        ResolvableType type = named(node.getChild(0).toStringAST());
        if (type.resolve() != null) {
            constructor(type.toClass());
        }
        return type;
    }

    private ResolvableType named(String name) {
        ClassLoader loader = beans.getBeanClassLoader();
        for (String candidate : List.of(name, "java.lang." + name)) {
            if (ClassUtils.isPresent(candidate, loader)) {
                return ResolvableType.forClass(ClassUtils.resolveClassName(candidate, loader));
            }
        }
        return ResolvableType.NONE;
    }

    /**
     * Visits an index. It is evaluated on the root object, wherever it appears. A plain name is the key of a map and is
     * not evaluated.
     */
    private ResolvableType elementAt(SpelNode node, Scope scope) {
        Class<?> type = scope.active().resolve();
        boolean indexed = type != null && (type.isArray() || List.class.isAssignableFrom(type));
        if (indexed || !(node.getChild(0) instanceof PropertyOrFieldReference)) {
            visitAll(node, 0, new Scope(root, scope.arguments()));
        }
        return type != null && Map.class.isAssignableFrom(type)
                ? scope.active().as(Map.class).getGeneric(1)
                : elementOf(scope.active());
    }

    private ResolvableType elements(SpelNode node, Scope scope) {
        ResolvableType whole = scope.active();
        ResolvableType element = elementOf(whole);
        ResolvableType value = visit(node.getChild(0), new Scope(element, element));
        if (node instanceof Projection) {
            return value.resolve() == null || whole.isArray()
                    ? ResolvableType.NONE
                    : ResolvableType.forClassWithGenerics(List.class, value);
        }
        // .^[…] and .$[…] select one element, .?[…] selects many.
        return node.toStringAST().startsWith("?") ? whole : element;
    }

    private static ResolvableType elementOf(ResolvableType whole) {
        Class<?> type = whole.resolve();
        if (type == null) {
            return ResolvableType.NONE;
        }
        if (whole.isArray()) {
            return whole.getComponentType();
        }
        if (Map.class.isAssignableFrom(type)) {
            ResolvableType map = whole.as(Map.class);
            return ResolvableType.forClassWithGenerics(Map.Entry.class, map.getGeneric(0), map.getGeneric(1));
        }
        return Iterable.class.isAssignableFrom(type) ? whole.as(Iterable.class).getGeneric(0) : ResolvableType.NONE;
    }
}
