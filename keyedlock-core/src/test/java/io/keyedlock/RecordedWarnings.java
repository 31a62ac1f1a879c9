// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** Records the warnings of the engine until closed. */
final class RecordedWarnings extends Handler implements AutoCloseable {

    private static final Logger LOGGER = Logger.getLogger(KeyedLocker.class.getName());

    private final List<String> messages = new CopyOnWriteArrayList<>();

    static RecordedWarnings start() {
        RecordedWarnings warnings = new RecordedWarnings();
        LOGGER.addHandler(warnings);
        LOGGER.setUseParentHandlers(false);
        return warnings;
    }

    List<String> messages() {
        return messages;
    }

    @Override
    public void publish(LogRecord record) {
        messages.add(record.getMessage());
    }

    @Override
    public void flush() {}

    @Override
    public void close() {
        LOGGER.removeHandler(this);
        LOGGER.setUseParentHandlers(true);
    }
}
