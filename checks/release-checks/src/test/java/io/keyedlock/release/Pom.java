// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.release;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.xml.sax.SAXException;

/** A pom.xml as written, without inherited values. */
record Pom(Path file, Element project) {

    static Pom read(Path file) {
        try {
            return new Pom(
                    file,
                    DocumentBuilderFactory.newInstance()
                            .newDocumentBuilder()
                            .parse(file.toFile())
                            .getDocumentElement());
        } catch (ParserConfigurationException | SAXException | IOException e) {
            throw new IllegalStateException("Cannot read " + file, e);
        }
    }

    /** Returns the text of the first element at this path, or an empty text. */
    String text(String... path) {
        return texts(path).stream().findFirst().orElse("");
    }

    boolean is(String text, String... path) {
        return text(path).equals(text);
    }

    /** Returns the texts of all elements at this path. */
    List<String> texts(String... path) {
        return elements(path).stream()
                .map(element -> element.getTextContent().strip())
                .toList();
    }

    /** Returns all elements at this path, where an asterisk matches any name. */
    List<Element> elements(String... path) {
        List<Element> elements = List.of(project);
        for (String name : path) {
            List<Element> children = new ArrayList<>();
            for (Element element : elements) {
                for (Node child = element.getFirstChild(); child != null; child = child.getNextSibling()) {
                    if (child instanceof Element found
                            && (name.equals("*") || found.getTagName().equals(name))) {
                        children.add(found);
                    }
                }
            }
            elements = children;
        }
        return elements;
    }

    @Override
    public String toString() {
        return file.toString();
    }
}
