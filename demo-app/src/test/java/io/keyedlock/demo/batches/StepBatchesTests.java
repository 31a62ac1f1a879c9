// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.batches;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.actuate.LockerHistory;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.beans.factory.support.StaticListableBeanFactory;
import org.springframework.jdbc.datasource.embedded.EmbeddedDatabase;
import org.springframework.jdbc.datasource.embedded.EmbeddedDatabaseBuilder;
import org.springframework.jdbc.datasource.embedded.EmbeddedDatabaseType;

@Timeout(300)
class StepBatchesTests {

    private static final String RUN = "run";

    private final BatchProperties properties = new BatchProperties(600, 20, 500, 8, Duration.ZERO);

    private EmbeddedDatabase database;
    private Ledger ledger;
    private StepBatches batches;

    /** Runs an action before a step is recorded. */
    private static final class Ledger extends StepLedger {

        private volatile Consumer<Step> before = step -> {};

        Ledger(EmbeddedDatabase database) {
            super(database);
        }

        @Override
        void deliver(Step step, long batch, long startedAt) {
            before.accept(step);
            super.deliver(step, batch, startedAt);
        }
    }

    @BeforeEach
    void openDatabase() {
        database = new EmbeddedDatabaseBuilder()
                .generateUniqueName(true)
                .setType(EmbeddedDatabaseType.H2)
                .build();
        ledger = new Ledger(database);
        batches = batches(properties);
    }

    private StepBatches batches(BatchProperties of) {
        return new StepBatches(ledger, of, new StaticListableBeanFactory().getBeanProvider(LockerHistory.class));
    }

    @AfterEach
    void closeDatabase() {
        batches.destroy();
        database.shutdown();
    }

    @Test
    void messagesOvertakeEachOtherWithoutTheLockInEveryRun() throws Exception {
        BatchProperties shortWork = new BatchProperties(200, 8, 100, 6, Duration.ofMillis(10));
        StepBatches work = batches(shortWork);
        ledger.beginRun(RUN, 200);
        try {
            for (int from = 0; from < 200; from += 100) {
                work.handle(shortWork.steps(RUN, 200).subList(from, from + 100), BatchWay.UNORDERED);
            }
        } finally {
            work.destroy();
        }
        StepCheck check = ledger.check(RUN);
        assertThat(check.outOfOrder()).isPositive();
        assertThat(check.lost()).isZero();
    }

    @ParameterizedTest
    @EnumSource(BatchWay.class)
    void allStepsAreDoneWhenTheBatchHasBeenProcessed(BatchWay way) throws Exception {
        ledger.beginRun(RUN, 600);

        batches.handle(properties.steps(RUN, 600), way);

        StepCheck check = ledger.check(RUN);
        assertThat(check.lost()).isZero();
        assertThat(check.repeated()).isZero();
        assertThat(check.brokenOff()).isZero();
        assertThat(check.good() || !way.keepsOrder()).isTrue();
        batches.last().ifPresent(locker -> assertThat(locker.activeKeyCount()).isZero());
        assertThat(batches.last().isPresent()).isEqualTo(way == BatchWay.IN_ORDER);
    }

    @Test
    void ordersAreProcessedConcurrently() throws Exception {
        CyclicBarrier two = new CyclicBarrier(2);
        ledger.before = step -> meet(two);
        ledger.beginRun(RUN, 2);

        batches.handle(List.of(new Step(RUN, "a", 1), new Step(RUN, "b", 1)), BatchWay.IN_ORDER);

        assertThat(ledger.check(RUN).good()).isTrue();
    }

    @Test
    void stepOfAnOrderStartsAfterThePreviousStepHasEnded() throws Exception {
        CountDownLatch secondBegun = new CountDownLatch(1);
        AtomicBoolean tooEarly = new AtomicBoolean();
        ledger.before = step -> {
            if (step.number() == 1) {
                tooEarly.set(comes(secondBegun));
            } else {
                secondBegun.countDown();
            }
        };
        ledger.beginRun(RUN, 2);

        batches.handle(List.of(new Step(RUN, "a", 1), new Step(RUN, "a", 2)), BatchWay.IN_ORDER);

        assertThat(tooEarly).isFalse();
        assertThat(ledger.check(RUN).good()).isTrue();
    }

    @Test
    void failedMessageStopsTheLaterOnesAndTheBatchCanBeResubmitted() throws Exception {
        List<Step> batch = properties.steps(RUN, 600);
        ledger.beginRun(RUN, 600);
        ledger.before = step -> {
            if (step.order().equals("order-7") && step.number() == 3) {
                throw new IllegalStateException("out of paper");
            }
        };

        assertThatThrownBy(() -> batches.handle(batch, BatchWay.IN_ORDER)).isInstanceOf(CompletionException.class);

        assertThat(ledger.check(RUN).lost()).isPositive();
        assertThat(ledger.check(RUN).outOfOrder()).isZero();
        assertThat(ledger.check(RUN).brokenOff()).isEqualTo(1);
        ledger.before = step -> {};
        batches.handle(batch, BatchWay.IN_ORDER);
        StepCheck check = ledger.check(RUN);
        assertThat(check.good()).isTrue();
        assertThat(check.repeated()).isPositive();
    }

    @Test
    void checkFindsOvertakenMissingAndInterleavedSteps() {
        ledger.beginRun(RUN, 100);
        long first = ledger.beginBatch(3);
        long second = ledger.beginBatch(3);
        deliver("good", first, 1, 2);
        deliver("good", second, 2, 3);
        assertThat(ledger.check(RUN).outOfOrder()).isZero();
        deliver("overtaken", first, 1, 3, 2);
        assertThat(ledger.check(RUN).outOfOrder()).isEqualTo(2);
        deliver("begins-late", first, 2);
        assertThat(ledger.check(RUN).outOfOrder()).isEqualTo(3);
        deliver("left-out", first, 1);
        deliver("left-out", second, 3);
        assertThat(ledger.check(RUN).outOfOrder()).isEqualTo(4);
        deliver("mixed", second, 1);
        deliver("mixed", first, 2);
        assertThat(ledger.check(RUN).outOfOrder()).isEqualTo(5);
        assertThat(ledger.check(RUN).repeated()).isEqualTo(1);
    }

    @Test
    void stepIsDeserializedAsItWasSent() {
        Step step = new Step("a/b", "order-1", 12);

        assertThat(Step.of(step.order(), step.text())).isEqualTo(step);
        assertThatThrownBy(() -> Step.of("order-1", "12")).hasMessageContaining("send run/number");
    }

    private void deliver(String order, long batch, int... numbers) {
        for (int number : numbers) {
            ledger.deliver(new Step(RUN, order, number), batch, 0);
        }
    }

    private static boolean comes(CountDownLatch latch) {
        try {
            return latch.await(300, TimeUnit.MILLISECONDS);
        } catch (InterruptedException stopped) {
            throw new IllegalStateException(stopped);
        }
    }

    private static void meet(CyclicBarrier barrier) {
        try {
            barrier.await();
        } catch (InterruptedException | BrokenBarrierException failure) {
            throw new IllegalStateException(failure);
        }
    }
}
