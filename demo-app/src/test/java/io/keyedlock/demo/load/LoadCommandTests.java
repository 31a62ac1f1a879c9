// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.load;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.demo.DemoApplication;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

@ExtendWith(OutputCaptureExtension.class)
class LoadCommandTests {

    @Test
    void printsProgressAndATableOfBothWays(CapturedOutput output) {
        int exitCode = LoadCommand.run(
                DemoApplication.class,
                LoadCommand.ARGUMENT,
                "--demo.load.events=200",
                "--demo.load.addresses=10",
                "--demo.load.threads=16");

        assertThat(exitCode).isZero();
        assertThat(output)
                .contains("200 concurrent events over 10 addresses by 16 threads, in H2")
                .containsPattern("without the lock +100 of 200 events")
                .containsPattern("with the lock +200 of 200 events")
                .containsPattern("with the lock +[\\d,]+ ms +0 +0 +0 +0 ")
                .contains("As it must be");
    }

    @Test
    void lostUpdateOrConflictUnderTheLockFailsTheRun() {
        assertThat(result(false, 7, 0, 0).asExpected()).isTrue();
        assertThat(result(true, 0, 0, 0).asExpected()).isTrue();
        assertThat(result(true, 1, 0, 0).asExpected()).isFalse();
        assertThat(result(true, 0, 1, 0).asExpected()).isFalse();
        assertThat(result(false, 7, 1, 0).asExpected()).isFalse();
        assertThat(result(false, 7, 0, 1).asExpected()).isFalse();
    }

    private static LoadResult result(boolean lock, long conflicts, long lost, long givenUp) {
        Duration time = Duration.ofSeconds(1);
        return new LoadResult("READ COMMITTED", lock, 10, time, conflicts, conflicts, lost, givenUp, time, time);
    }
}
