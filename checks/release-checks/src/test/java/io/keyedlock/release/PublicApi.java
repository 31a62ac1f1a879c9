// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.release;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.StringJoiner;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.Opcodes;
import org.objectweb.asm.Type;
import org.objectweb.asm.TypePath;
import org.objectweb.asm.TypeReference;
import org.objectweb.asm.signature.SignatureReader;
import org.objectweb.asm.tree.AnnotationNode;
import org.objectweb.asm.tree.ClassNode;
import org.objectweb.asm.tree.FieldNode;
import org.objectweb.asm.tree.InnerClassNode;
import org.objectweb.asm.tree.MethodNode;
import org.objectweb.asm.tree.TypeAnnotationNode;
import org.objectweb.asm.util.TraceSignatureVisitor;

/**
 * The public surface of compiled classes as lines of text: every type that users can name, and every member of it that they
 * can call or override, with type parameters, exceptions, values that compilers copy, and where null is allowed.
 *
 * <p>The class files are read and not loaded, so missing references do not matter, and the result does not depend on the JDK
 * that runs this. Lines whose order in the source does not matter to users are sorted.
 */
final class PublicApi {

    private static final String NULLABLE = "Lorg/jspecify/annotations/Nullable;";

    private final Map<String, ClassNode> types = new TreeMap<>();

    private PublicApi() {}

    /** Returns the lines of all classes below a directory. */
    static List<String> of(Path directory) throws IOException {
        PublicApi api = new PublicApi();
        for (Path file : classFiles(directory)) {
            ClassNode type = new ClassNode();
            new ClassReader(Files.readAllBytes(file)).accept(type, ClassReader.SKIP_CODE | ClassReader.SKIP_DEBUG);
            api.types.put(type.name, type);
        }
        List<String> lines = new ArrayList<>();
        for (ClassNode type : api.types.values()) {
            if (api.isReachable(type)) {
                lines.addAll(api.lines(type));
            }
        }
        return lines;
    }

    private static List<Path> classFiles(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            return List.of();
        }
        try (Stream<Path> files = Files.walk(directory)) {
            return files.filter(file -> file.toString().endsWith(".class")).toList();
        }
    }

    private boolean isReachable(ClassNode type) {
        InnerClassNode nested = nested(type);
        if (nested == null) {
            return is(type.access, Opcodes.ACC_PUBLIC);
        }
        ClassNode outer = nested.outerName == null ? null : types.get(nested.outerName);
        return outer != null && isShown(nested.access, outer) && isReachable(outer);
    }

    /** Returns the entry with the modifiers of a nested type, which the header of its class file does not have. */
    private static InnerClassNode nested(ClassNode type) {
        return type.innerClasses.stream()
                .filter(inner -> inner.name.equals(type.name))
                .findFirst()
                .orElse(null);
    }

    private static boolean isShown(int access, ClassNode owner) {
        return !is(access, Opcodes.ACC_SYNTHETIC)
                && (is(access, Opcodes.ACC_PUBLIC)
                        || (is(access, Opcodes.ACC_PROTECTED) && !is(owner.access, Opcodes.ACC_FINAL)));
    }

    private List<String> lines(ClassNode type) {
        List<String> lines = new ArrayList<>();
        lines.add(header(type));
        Set<String> members = new TreeSet<>();
        addMembers(type, type, members);
        members.forEach(member -> lines.add("  " + member));
        return lines;
    }

    private static String header(ClassNode type) {
        InnerClassNode nested = nested(type);
        int access = nested == null ? type.access : nested.access;
        StringJoiner line = new StringJoiner(" ");
        annotations(type.visibleAnnotations).forEach(line::add);
        addIf(line, is(access, Opcodes.ACC_PUBLIC), "public");
        addIf(line, is(access, Opcodes.ACC_PROTECTED), "protected");
        addIf(line, nested != null && is(access, Opcodes.ACC_STATIC), "static");
        addIf(line, is(access, Opcodes.ACC_ABSTRACT) && !is(access, Opcodes.ACC_INTERFACE), "abstract");
        addIf(line, is(access, Opcodes.ACC_FINAL), "final");
        line.add(kind(access, type));
        TraceSignatureVisitor declaration = new TraceSignatureVisitor(access);
        new SignatureReader(type.signature == null ? signature(type) : type.signature).accept(declaration);
        line.add(type.name.replace('/', '.') + declaration.getDeclaration());
        addIf(line, type.recordComponents != null, components(type));
        if (type.permittedSubclasses != null) {
            line.add("permits "
                    + type.permittedSubclasses.stream()
                            .map(name -> name.replace('/', '.'))
                            .sorted()
                            .collect(Collectors.joining(", ")));
        }
        return line + nullable(type.visibleTypeAnnotations);
    }

    private static String kind(int access, ClassNode type) {
        if (is(access, Opcodes.ACC_ANNOTATION)) {
            return "@interface";
        }
        if (is(access, Opcodes.ACC_INTERFACE)) {
            return "interface";
        }
        if (is(access, Opcodes.ACC_ENUM)) {
            return "enum";
        }
        return type.recordComponents == null ? "class" : "record";
    }

    private static String signature(ClassNode type) {
        return Stream.concat(Stream.of(type.superName), type.interfaces.stream())
                .map(name -> "L" + name + ";")
                .collect(Collectors.joining());
    }

    private static String components(ClassNode type) {
        if (type.recordComponents == null) {
            return "";
        }
        return type.recordComponents.stream()
                .map(component -> type(component.signature, component.descriptor)
                        + " "
                        + component.name
                        + nullable(component.visibleTypeAnnotations))
                .collect(Collectors.joining(", ", "(", ")"));
    }

    /** Members of a supertype that users cannot name are listed as the type's own. */
    private void addMembers(ClassNode type, ClassNode owner, Set<String> members) {
        for (FieldNode field : owner.fields) {
            if (isShown(field.access, type)) {
                members.add(line(field));
            }
        }
        for (MethodNode method : owner.methods) {
            boolean constructor = method.name.equals("<init>");
            if (isShown(method.access, type) && !(constructor && owner != type)) {
                members.add(line(method, type));
            }
        }
        Stream.concat(Stream.ofNullable(owner.superName), owner.interfaces.stream())
                .map(types::get)
                .filter(supertype -> supertype != null && !isReachable(supertype))
                .forEach(supertype -> addMembers(type, supertype, members));
    }

    private static String line(FieldNode field) {
        StringJoiner line = new StringJoiner(" ");
        annotations(field.visibleAnnotations).forEach(line::add);
        addModifiers(line, field.access);
        addIf(line, is(field.access, Opcodes.ACC_VOLATILE), "volatile");
        line.add(type(field.signature, field.desc));
        line.add(field.name);
        if (field.value != null) {
            line.add("= " + value(field.value));
        }
        return line + nullable(field.visibleTypeAnnotations);
    }

    private static String line(MethodNode method, ClassNode type) {
        boolean constructor = method.name.equals("<init>");
        StringJoiner line = new StringJoiner(" ");
        annotations(method.visibleAnnotations).forEach(line::add);
        addModifiers(line, method.access);
        addIf(
                line,
                is(type.access, Opcodes.ACC_INTERFACE)
                        && !is(method.access, Opcodes.ACC_ABSTRACT)
                        && !is(method.access, Opcodes.ACC_STATIC),
                "default");
        addIf(line, is(method.access, Opcodes.ACC_VARARGS), "varargs");

        TraceSignatureVisitor declaration = new TraceSignatureVisitor(0);
        new SignatureReader(method.signature == null ? method.desc : method.signature).accept(declaration);
        String text = declaration.getDeclaration();
        int parameters = text.indexOf('(');
        addIf(line, parameters > 0, text.substring(0, parameters));
        if (!constructor) {
            line.add(withObject(declaration.getReturnType()));
        }
        line.add((constructor ? simpleName(type) : method.name) + text.substring(parameters));
        if (!method.exceptions.isEmpty()) {
            line.add("throws "
                    + (declaration.getExceptions() == null
                            ? method.exceptions.stream()
                                    .map(name -> name.replace('/', '.'))
                                    .collect(Collectors.joining(", "))
                            : declaration.getExceptions()));
        }
        if (method.annotationDefault != null) {
            line.add("default " + value(method.annotationDefault));
        }
        return line + nullable(method.visibleTypeAnnotations);
    }

    private static void addModifiers(StringJoiner line, int access) {
        addIf(line, is(access, Opcodes.ACC_PUBLIC), "public");
        addIf(line, is(access, Opcodes.ACC_PROTECTED), "protected");
        addIf(line, is(access, Opcodes.ACC_ABSTRACT), "abstract");
        addIf(line, is(access, Opcodes.ACC_STATIC), "static");
        addIf(line, is(access, Opcodes.ACC_FINAL), "final");
    }

    private static void addIf(StringJoiner line, boolean condition, String word) {
        if (condition) {
            line.add(word);
        }
    }

    private static boolean is(int access, int flag) {
        return (access & flag) != 0;
    }

    private static String simpleName(ClassNode type) {
        return type.name.substring(Math.max(type.name.lastIndexOf('/'), type.name.lastIndexOf('$')) + 1);
    }

    private static String type(String signature, String descriptor) {
        if (signature == null) {
            return Type.getType(descriptor).getClassName();
        }
        TraceSignatureVisitor declaration = new TraceSignatureVisitor(0);
        new SignatureReader(signature).acceptType(declaration);
        return declaration.getDeclaration();
    }

    /** The visitor omits a plain {@code java.lang.Object}, also as the element of an array. */
    private static String withObject(String type) {
        return type.isEmpty() || type.startsWith("[") ? "java.lang.Object" + type : type;
    }

    /** The annotations with a meaning in the language. */
    private static List<String> annotations(List<AnnotationNode> annotations) {
        return annotations == null
                ? List.of()
                : annotations.stream()
                        .filter(annotation -> annotation.desc.startsWith("Ljava/lang/"))
                        .map(PublicApi::value)
                        .sorted()
                        .toList();
    }

    private static String value(Object value) {
        if (value instanceof String text) {
            return '"' + text.replace("\\", "\\\\").replace("\n", "\\n").replace("\"", "\\\"") + '"';
        }
        if (value instanceof Type type) {
            return type.getClassName() + ".class";
        }
        if (value instanceof String[] constant) {
            return constant[1];
        }
        if (value instanceof List<?> values) {
            return values.stream().map(PublicApi::value).collect(Collectors.joining(", ", "{", "}"));
        }
        if (value instanceof AnnotationNode annotation) {
            StringJoiner attributes = new StringJoiner(", ", "(", ")").setEmptyValue("");
            for (int i = 0; annotation.values != null && i < annotation.values.size(); i += 2) {
                attributes.add(annotation.values.get(i) + " = " + value(annotation.values.get(i + 1)));
            }
            return "@" + Type.getType(annotation.desc).getClassName() + attributes;
        }
        return String.valueOf(value);
    }

    /** The places where null is allowed, after the line, since they may be deep within a type. */
    private static String nullable(List<TypeAnnotationNode> annotations) {
        if (annotations == null) {
            return "";
        }
        String places = annotations.stream()
                .filter(annotation -> annotation.desc.equals(NULLABLE))
                .map(annotation -> place(new TypeReference(annotation.typeRef)) + inside(annotation.typePath))
                .sorted()
                .distinct()
                .collect(Collectors.joining(", "));
        return places.isEmpty() ? "" : " [nullable: " + places + "]";
    }

    private static String place(TypeReference reference) {
        return switch (reference.getSort()) {
            case TypeReference.METHOD_RETURN -> "result";
            case TypeReference.METHOD_FORMAL_PARAMETER -> "parameter " + reference.getFormalParameterIndex();
            case TypeReference.FIELD -> "value";
            case TypeReference.CLASS_TYPE_PARAMETER_BOUND, TypeReference.METHOD_TYPE_PARAMETER_BOUND ->
                "bound of type parameter " + reference.getTypeParameterIndex();
            case TypeReference.CLASS_EXTENDS -> "supertype " + reference.getSuperTypeIndex();
            default -> "place " + reference.getSort();
        };
    }

    /** The path to a type within another in the class file format: {@code 0;} is the first type argument. */
    private static String inside(TypePath path) {
        return path == null ? "" : " at " + path;
    }
}
