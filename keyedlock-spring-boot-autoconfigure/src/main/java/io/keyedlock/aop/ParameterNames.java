// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.core.DefaultParameterNameDiscoverer;

/**
 * The names by which expressions refer to the arguments of one method: first those of the method that carries the
 * annotation, where the expression was written, then those of the method of the class, then {@code p0}, {@code a0} and
 * so on.
 *
 * <p>Lookup compares by identity first: names are interned, and so are the constants of a compiled expression.
 */
final class ParameterNames {

    static final String HINT =
            "The class was compiled without parameter names: compile with -parameters, or write #p0 for the first";

    private static final DefaultParameterNameDiscoverer DISCOVERER = new DefaultParameterNameDiscoverer();

    private final String[] names;
    private final int[] indexes;
    private final List<String> readable;
    private final boolean complete;

    private ParameterNames(Map<String, Integer> indexByName, List<String> readable, boolean complete) {
        names = new String[indexByName.size()];
        indexes = new int[names.length];
        int next = 0;
        for (Map.Entry<String, Integer> entry : indexByName.entrySet()) {
            names[next] = entry.getKey().intern();
            indexes[next++] = entry.getValue();
        }
        this.readable = List.copyOf(readable);
        this.complete = complete;
    }

    static ParameterNames of(AnnotatedMethod annotated) {
        Method method = annotated.method();
        Map<String, Integer> indexByName = new LinkedHashMap<>();
        boolean complete = annotated.carrier() instanceof Method carrying && add(carrying, indexByName);
        complete |= add(method, indexByName);
        List<String> readable = new ArrayList<>(indexByName.keySet());
        for (int i = 0; i < method.getParameterCount(); i++) {
            indexByName.putIfAbsent("p" + i, i);
            indexByName.putIfAbsent("a" + i, i);
            if (!complete) {
                Collections.addAll(readable, "p" + i);
            }
        }
        return new ParameterNames(indexByName, readable, complete);
    }

    /** Returns the index of an argument, or -1 if no argument has this name. */
    @SuppressWarnings("ReferenceEquality")
    int indexOf(String name) {
        for (int i = 0; i < names.length; i++) {
            if (names[i] == name) {
                return indexes[i];
            }
        }
        for (int i = 0; i < names.length; i++) {
            if (names[i].equals(name)) {
                return indexes[i];
            }
        }
        return -1;
    }

    /** Returns all names of an argument. */
    List<String> namesOf(int index) {
        List<String> found = new ArrayList<>();
        for (int i = 0; i < names.length; i++) {
            if (indexes[i] == index) {
                found.add(names[i]);
            }
        }
        return found;
    }

    /** Returns the names to suggest in place of an unknown one. */
    List<String> readable() {
        return readable;
    }

    /** Returns whether the class files contain the parameter names. */
    boolean areKnown() {
        return complete;
    }

    private static boolean add(Method method, Map<String, Integer> indexByName) {
        @Nullable String @Nullable [] names = DISCOVERER.getParameterNames(method);
        if (names == null) {
            return method.getParameterCount() == 0;
        }
        boolean complete = true;
        for (int i = 0; i < names.length; i++) {
            String name = names[i];
            if (name == null) {
                complete = false;
            } else {
                indexByName.putIfAbsent(name, i);
            }
        }
        return complete;
    }
}
