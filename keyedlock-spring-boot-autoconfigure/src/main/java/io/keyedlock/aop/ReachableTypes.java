// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.springframework.aot.hint.MemberCategory;
import org.springframework.aot.hint.ReflectionHints;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.core.ResolvableType;
import org.springframework.expression.spel.SpelNode;
import org.springframework.expression.spel.ast.BeanReference;
import org.springframework.expression.spel.ast.CompoundExpression;
import org.springframework.expression.spel.ast.ConstructorReference;
import org.springframework.expression.spel.ast.Indexer;
import org.springframework.expression.spel.ast.MethodReference;
import org.springframework.expression.spel.ast.Projection;
import org.springframework.expression.spel.ast.PropertyOrFieldReference;
import org.springframework.expression.spel.ast.Selection;
import org.springframework.expression.spel.ast.TypeReference;
import org.springframework.expression.spel.ast.VariableReference;
import org.springframework.util.ClassUtils;
import org.springframework.util.StringUtils;

/**
 * The types whose members expressions read or call by reflection, as far as declared types tell: a native image has only
 * members that it was told of when it was built.
 *
 * <p>Follows each chain from its beginning by the declared types of properties, fields and methods. What a value is beyond
 * its declared type is not known here, and after a method that cannot be told from its overloads the chain is not followed.
 */
final class ReachableTypes {

    private final ConfigurableListableBeanFactory beans;
    private final Set<Class<?>> read = new LinkedHashSet<>();
    private final Set<Class<?>> constructed = new LinkedHashSet<>();

    ReachableTypes(ConfigurableListableBeanFactory beans) {
        this.beans = beans;
    }

    /** Adds what an expression of a method reaches. */
    void add(LockExpression expression, AnnotatedMethod annotated) {
        Map<String, ResolvableType> variables = new LinkedHashMap<>();
        ParameterNames names = ParameterNames.of(annotated);
        Method method = annotated.method();
        List<Class<?>> types = KotlinFunctions.areKnown(method.getDeclaringClass())
                ? KotlinFunctions.parameterTypes(method)
                : List.of(method.getParameterTypes());
        for (int i = 0; i < method.getParameterCount(); i++) {
            ResolvableType declared = ResolvableType.forMethodParameter(method, i, annotated.type());
            ResolvableType type = types.get(i) == method.getParameterTypes()[i] ? declared : valueClass(types.get(i));
            names.namesOf(i).forEach(name -> variables.put(name, type));
        }
        ResolvableType root = ResolvableType.forClass(LockInvocation.class);
        variables.put("root", root);
        new Walk(variables, root).visit(expression.root(), root);
    }

    /** Adds a Kotlin value class, of which an object is made before an expression sees it. */
    private ResolvableType valueClass(Class<?> type) {
        read.add(type);
        return ResolvableType.forClass(type);
    }

    /** Makes the members of all types that were added accessible. */
    void register(ReflectionHints hints) {
        for (Class<?> type : read) {
            hints.registerType(type, MemberCategory.INVOKE_PUBLIC_METHODS);
            Stream.of(type.getFields()).forEach(hints::registerField);
        }
        constructed.forEach(type -> hints.registerType(type, MemberCategory.INVOKE_PUBLIC_CONSTRUCTORS));
    }

    /** One pass over an expression; {@link ResolvableType#NONE} is an unknown type. */
    private final class Walk {

        private final Map<String, ResolvableType> variables;
        private final ResolvableType root;

        Walk(Map<String, ResolvableType> variables, ResolvableType root) {
            this.variables = variables;
            this.root = root;
        }

        /** The type of a node's value, where {@code before} is that of what stands before it in its chain. */
        private ResolvableType visit(SpelNode node, ResolvableType before) {
            if (node instanceof CompoundExpression) {
                ResolvableType type = before;
                for (int i = 0; i < node.getChildCount(); i++) {
                    type = visit(node.getChild(i), type);
                }
                return type;
            }
            if (node instanceof VariableReference) {
                return variables.getOrDefault(node.toStringAST().substring(1), ResolvableType.NONE);
            }
            if (node instanceof PropertyOrFieldReference property) {
                return property(property.getName(), before);
            }
            if (node instanceof MethodReference method) {
                visitAll(node, root);
                return method(method.getName(), node.getChildCount(), before);
            }
            if (node instanceof BeanReference) {
                return bean(StringUtils.trimLeadingCharacter(node.toStringAST(), '@')
                        .replace("'", ""));
            }
            if (node instanceof TypeReference) {
                return named(node.getChild(0).toStringAST());
            }
            if (node instanceof ConstructorReference) {
                return constructor(node);
            }
            if (node instanceof Indexer) {
                visitAll(node, root);
                return elementOf(before);
            }
            if (node instanceof Selection || node instanceof Projection) {
                visitAll(node, elementOf(before));
                return node instanceof Selection ? before : ResolvableType.NONE;
            }
            visitAll(node, root);
            return ResolvableType.NONE;
        }

        private void visitAll(SpelNode parent, ResolvableType before) {
            for (int i = 0; i < parent.getChildCount(); i++) {
                visit(parent.getChild(i), before);
            }
        }

        private ResolvableType property(String name, ResolvableType owner) {
            Class<?> type = owner.resolve();
            if (type == null) {
                return ResolvableType.NONE;
            }
            read.add(type);
            String suffix = StringUtils.capitalize(name);
            for (String getter : List.of("get" + suffix, "is" + suffix, name)) {
                Method method = ClassUtils.getMethodIfAvailable(type, getter);
                if (method != null && !Modifier.isStatic(method.getModifiers())) {
                    return ResolvableType.forMethodReturnType(method, type);
                }
            }
            ValueClassProperty wrapped = KotlinFunctions.areKnown(type) ? KotlinFunctions.property(type, name) : null;
            if (wrapped != null) {
                return valueClass(wrapped.box().type());
            }
            return Stream.of(type.getFields())
                    .filter(field -> field.getName().equals(name))
                    .findFirst()
                    .map((Field field) -> ResolvableType.forField(field, owner))
                    .orElse(ResolvableType.NONE);
        }

        private ResolvableType method(String name, int arguments, ResolvableType owner) {
            Class<?> type = owner.resolve();
            if (type == null) {
                return ResolvableType.NONE;
            }
            read.add(type);
            List<ResolvableType> results = Stream.of(type.getMethods())
                    .filter(method -> !method.isBridge() && method.getName().equals(name))
                    .filter(method -> method.getParameterCount() == arguments || method.isVarArgs())
                    .map(method -> ResolvableType.forMethodReturnType(method, type))
                    .toList();
            return results.stream().map(ResolvableType::resolve).distinct().count() == 1
                    ? results.get(0)
                    : ResolvableType.NONE;
        }

        private ResolvableType bean(String name) {
            Class<?> type = beans.containsBean(name) ? beans.getType(name, false) : null;
            return type == null ? ResolvableType.NONE : ResolvableType.forClass(ClassUtils.getUserClass(type));
        }

        private ResolvableType constructor(SpelNode node) {
            for (int i = 1; i < node.getChildCount(); i++) {
                visit(node.getChild(i), root);
            }
            ResolvableType type = named(node.getChild(0).toStringAST());
            if (type.resolve() != null) {
                constructed.add(type.toClass());
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

        private ResolvableType elementOf(ResolvableType whole) {
            Class<?> type = whole.resolve();
            if (type == null) {
                return ResolvableType.NONE;
            }
            if (whole.isArray()) {
                return whole.getComponentType();
            }
            if (Collection.class.isAssignableFrom(type)) {
                return whole.as(Collection.class).getGeneric(0);
            }
            return Map.class.isAssignableFrom(type) ? whole.as(Map.class).getGeneric(1) : ResolvableType.NONE;
        }
    }
}
