// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** A backend that the test controls. Answers requests only if set to grant or queue all. */
final class ScriptedBackend implements KeyedLockerBackend {

    final List<Asked> asked = new CopyOnWriteArrayList<>();

    private final AtomicLong tokens = new AtomicLong();

    /** Grants each request on the requesting thread. */
    volatile boolean generous;

    /** Queues each request on the requesting thread. */
    volatile boolean busy;

    volatile boolean mayHandOff = true;

    /** Thrown by {@link #acquire} if set. */
    volatile RuntimeException broken;

    volatile boolean closed;

    @Override
    public String name() {
        return "script";
    }

    @Override
    public String keyName(Object key) {
        if (key.getClass() == Object.class) {
            throw new IllegalArgumentException("use a String");
        }
        // Reversed, so that names are ordered neither like keys nor like hash codes.
        return new StringBuilder(key.toString()).reverse().toString();
    }

    @Override
    public Request acquire(String keyName, int limit, boolean waits, Receiver receiver) {
        if (broken != null) {
            throw broken;
        }
        Asked request = new Asked(keyName, limit, waits, receiver);
        asked.add(request);
        if (busy) {
            request.queue();
        }
        if (generous) {
            request.grant();
        }
        return request;
    }

    @Override
    public boolean isAvailable() {
        return broken == null;
    }

    @Override
    public void close() {
        closed = true;
    }

    /** Returns the only pending request. */
    Asked open() {
        List<Asked> open =
                asked.stream().filter(a -> !a.answered && !a.cancelled).toList();
        if (open.size() != 1) {
            throw new AssertionError(open.size() + " requests are open");
        }
        return open.get(0);
    }

    boolean isQuiet() {
        return asked.stream().allMatch(a -> a.answered || a.cancelled)
                && asked.stream().allMatch(a -> a.leases.get() == a.releases.get());
    }

    final class Asked implements Request {

        final String keyName;
        final int limit;
        final boolean waits;
        private final Receiver receiver;
        volatile boolean answered;
        volatile boolean cancelled;
        final AtomicInteger leases = new AtomicInteger();
        final AtomicInteger releases = new AtomicInteger();

        Asked(String keyName, int limit, boolean waits, Receiver receiver) {
            this.keyName = keyName;
            this.limit = limit;
            this.waits = waits;
            this.receiver = receiver;
        }

        @Override
        public void cancel() {
            cancelled = true;
        }

        void grant() {
            answered = true;
            leases.incrementAndGet();
            long token = tokens.incrementAndGet();
            AtomicBoolean released = new AtomicBoolean();
            receiver.granted(new Lease() {
                @Override
                public OptionalLong fencingToken() {
                    return OptionalLong.of(token);
                }

                @Override
                public boolean mayHandOff() {
                    return mayHandOff;
                }

                @Override
                public void release() {
                    if (!released.compareAndSet(false, true)) {
                        throw new AssertionError("released twice");
                    }
                    releases.incrementAndGet();
                }
            });
        }

        void queue() {
            receiver.queued();
        }

        void reject() {
            answered = true;
            receiver.rejected();
        }

        void fail(Throwable cause) {
            answered = true;
            receiver.failed(cause);
        }

        void lose() {
            receiver.lost();
        }
    }
}
