// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The figures of one program, as in a file of {@code results} and in a section of {@code docs/figures.md}.
 *
 * @param title the heading of the section
 * @param command the command that measures; null if the figures were published by others
 * @param source where others published the figures; null if they were measured here
 * @param date the date of the measurement
 * @param machine the machine and the JDK
 * @param peers the versions of what is compared with
 * @param notes how it was measured, a sentence or two each
 * @param figures the figures, in the order of the table
 */
public record ResultFile(
        String title,
        @Nullable String command,
        @Nullable String source,
        String date,
        Map<String, String> machine,
        Map<String, String> peers,
        List<String> notes,
        List<Figure> figures) {

    private static final Gson JSON =
            new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();

    /** Returns figures that were measured today. */
    public static ResultFile measured(
            String title,
            String command,
            Map<String, String> machine,
            Map<String, String> peers,
            List<String> notes,
            List<Figure> figures) {
        String today = LocalDate.now(ZoneOffset.UTC).toString();
        return new ResultFile(title, command, null, today, machine, peers, notes, figures);
    }

    /** Reads a file. */
    static ResultFile read(Path file) throws IOException {
        return JSON.fromJson(Files.readString(file), ResultFile.class);
    }

    /** Writes a file into the folder that the argument {@code --out} names, by default {@code target}, and prints the section. */
    public void write(Arguments arguments, String name) throws IOException {
        Path folder = Path.of(arguments.value("out").orElse("target"));
        Files.createDirectories(folder);
        // One line for each figure, so that changes are easy to review.
        String json = JSON.toJson(this)
                .replaceAll("\\{\n {6}", "{")
                .replaceAll("\n {6}", " ")
                .replaceAll("\n {4}\\}", "}");
        Files.writeString(folder.resolve(name + ".json"), json + "\n");
        System.out.println();
        System.out.print(markdown());
    }

    /** Returns the section as Markdown. */
    String markdown() {
        StringBuilder text = new StringBuilder("## ").append(title).append("\n\n");
        if (source != null) {
            text.append("**Published by others, not measured here**: <");
            text.append(source).append(">.\n\n");
        }
        if (command != null) {
            item(text, "command", "`" + command + "`");
        }
        item(text, "date", date);
        machine.forEach((name, value) -> item(text, name, value));
        if (!peers.isEmpty()) {
            List<String> versions = peers.entrySet().stream()
                    .map(peer -> peer.getKey() + " " + peer.getValue())
                    .toList();
            item(text, "peers", String.join(", ", versions));
        }
        notes.forEach(note -> text.append("- ").append(note).append('\n'));
        text.append('\n');
        table(text);
        return text.toString();
    }

    /** Returns the figures that miss their limits, or were not measured. */
    List<Figure> missed() {
        return figures.stream()
                .filter(figure ->
                        figure.verdict().equals("missed") || figure.verdict().equals("not measured"))
                .toList();
    }

    private static void item(StringBuilder text, String name, String value) {
        text.append("- ").append(name).append(": ").append(value).append('\n');
    }

    private void table(StringBuilder text) {
        boolean repeated = figures.stream().anyMatch(figure -> figure.runs() != null);
        boolean limited = figures.stream().anyMatch(figure -> figure.must() != null);
        text.append("| figure | of | ")
                .append(source == null ? "median" : "value")
                .append(" |");
        text.append(repeated ? " range | runs |" : "");
        text.append(limited ? " must | aim | |" : "").append('\n');
        text.append("|---|---|---|").append("---|".repeat((repeated ? 2 : 0) + (limited ? 3 : 0)));
        text.append('\n');
        for (Figure figure : figures) {
            cells(text, figure.what(), figure.who(), figure.valueText());
            if (repeated) {
                cells(text, figure.rangeText(), figure.runs() == null ? "" : Integer.toString(figure.runs()));
            }
            if (limited) {
                cells(text, figure.limitText(figure.must()), figure.limitText(figure.aim()), figure.verdict());
            }
            text.append("|\n");
        }
    }

    private static void cells(StringBuilder text, String... values) {
        for (String value : values) {
            text.append("| ").append(value).append(value.isEmpty() ? "" : " ");
        }
    }
}
