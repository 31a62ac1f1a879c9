// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.annotation.KeyedLock;
import io.reactivex.rxjava3.core.Flowable;
import io.reactivex.rxjava3.core.Single;
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
import reactor.core.publisher.ConnectableFlux;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Results that complete after the method has returned, in a way that the lock cannot track, are rejected. */
class LateResultTests {

    @ParameterizedTest
    @MethodSource("lateMethods")
    void lateResultIsRejected(String method) {
        assertThat(StartupFindings.LATE)
                .filteredOn(finding -> finding.method().equals(method + "()"))
                .singleElement()
                .satisfies(finding -> assertThat(finding.problem()).contains("its result finishes later ("))
                .satisfies(finding -> assertThat(finding.remedy()).contains("KeyedLocker.acquireAsync"));
    }

    @Test
    void resultThatIsCompleteOnReturnIsNotRejected() {
        assertThat(StartupFindings.LATE).noneMatch(finding -> finding.method().startsWith("plain"));
    }

    @Test
    void typeOfTheLateResultIsNamed() {
        assertThat(StartupFindings.LATE)
                .extracting(finding -> finding.method() + " " + finding.problem())
                .anyMatch(text -> text.startsWith("future() ") && text.contains("(Future)"))
                .anyMatch(text -> text.startsWith("futures() ") && text.contains("(List<CompletableFuture>)"))
                .anyMatch(text -> text.startsWith("monoInFuture() ") && text.contains("(CompletableFuture<Mono>)"))
                .anyMatch(text -> text.startsWith("fluxInMono() ") && text.contains("(Mono<ResponseEntity<Flux>>)"))
                .anyMatch(text -> text.startsWith("connectableFlux() ") && text.contains("(ConnectableFlux)"));
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

    /** Created once for all parameters. */
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
        Future<String> future();

        CompletedFuture<String> ownFuture();

        Callable<String> callable();

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

        ConnectableFlux<String> connectableFlux();

        CompletableFuture<Mono<String>> monoInFuture();

        Mono<ResponseEntity<Flux<String>>> fluxInMono();

        Flux<List<CompletableFuture<String>>> futuresInFlux();

        String plainString();

        void plainVoid();

        List<Callable<String>> plainTasks();

        Optional<List<String>> plainGeneric();

        ResponseEntity<String> plainEntity();

        <T extends Comparable<T>> T plainVariable();

        CompletableFuture<String> plainCompletableFuture();

        CompletionStage<Void> plainCompletionStage();

        Mono<ResponseEntity<String>> plainMono();

        Flux<String> plainFlux();

        Publisher<String> plainPublisher();

        Flow.Publisher<String> plainFlowPublisher();

        Flowable<String> plainFlowable();

        Single<List<String>> plainSingle();
    }

    static final class CompletedFuture<T> extends CompletableFuture<T> {}
}
