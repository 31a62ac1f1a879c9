// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.annotation.KeyedLock;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.reactivestreams.Publisher;
import org.springframework.http.ResponseEntity;
import org.springframework.web.context.request.async.DeferredResult;
import org.springframework.web.context.request.async.WebAsyncTask;
import org.springframework.web.servlet.mvc.method.annotation.ResponseBodyEmitter;
import org.springframework.web.servlet.mvc.method.annotation.SseEmitter;
import org.springframework.web.servlet.mvc.method.annotation.StreamingResponseBody;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Results that finish after the method has returned are refused: a lock that is given back on return protects nothing. */
class LateResultTests {

    @ParameterizedTest
    @MethodSource("lateMethods")
    void lateResultIsRefused(String method) {
        assertThat(StartupFindings.LATE)
                .filteredOn(finding -> finding.method().equals(method + "()"))
                .singleElement()
                .satisfies(finding -> assertThat(finding.problem()).contains("its result finishes later ("))
                .satisfies(finding -> assertThat(finding.remedy()).contains("KeyedLocker.acquireAsync"));
    }

    @Test
    void resultThatIsThereOnReturnIsNot() {
        assertThat(StartupFindings.LATE).noneMatch(finding -> finding.method().startsWith("plain"));
    }

    @Test
    void lateResultBehindABroadTypeFailsTheCall() {
        Contexts.runner(Hidden.class).run(context -> {
            Hidden hidden = context.getBean(Hidden.class);
            assertThat(hidden.any("plain")).isEqualTo("plain");
            assertThat(hidden.any(null)).isNull();
            for (Object late : List.of(new CompletableFuture<>(), Mono.just(1), CompletableFuture.completedFuture(1))) {
                assertThatThrownBy(() -> hidden.any(late))
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("Hidden.any(Object)")
                        .hasMessageContaining(late.getClass().getName());
            }
            KeyedLockAdviceTests.assertIdle(context.getBean(KeyedLockerRegistry.class));
        });
    }

    static List<String> lateMethods() {
        return Arrays.stream(Late.class.getDeclaredMethods())
                .map(Method::getName)
                .filter(name -> !name.startsWith("plain"))
                .toList();
    }

    /** Made once for all parameters. */
    private static final class StartupFindings {
        static final List<Finding> LATE = new ArrayList<>();

        static {
            Contexts.runner()
                    .withBean("late", Late.class, () -> null, definition -> definition.setLazyInit(true))
                    .run(context -> LATE.addAll(StartupValidationTests.find(context.getStartupFailure())
                            .findings()));
        }
    }

    static class Hidden {

        @KeyedLock
        public Object any(Object value) {
            return value;
        }
    }

    @KeyedLock
    interface Late {
        CompletableFuture<String> completableFuture();

        CompletionStage<Void> completionStage();

        Future<String> future();

        Callable<String> callable();

        Mono<String> mono();

        Flux<String> flux();

        Publisher<String> publisher();

        Flow.Publisher<String> flowPublisher();

        DeferredResult<String> deferredResult();

        WebAsyncTask<String> webAsyncTask();

        StreamingResponseBody streamingResponseBody();

        ResponseBodyEmitter responseBodyEmitter();

        SseEmitter sseEmitter();

        ResponseEntity<StreamingResponseBody> streamingEntity();

        ResponseEntity<Mono<String>> reactiveEntity();

        List<CompletableFuture<String>> futures();

        Map<String, ? extends Collection<Future<?>>> nestedFutures();

        Future<?>[] futureArray();

        String plainString();

        void plainVoid();

        List<Callable<String>> plainTasks();

        Optional<List<String>> plainGeneric();

        ResponseEntity<String> plainEntity();

        <T extends Comparable<T>> T plainVariable();
    }
}
