// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.lang.reflect.Method;
import java.util.concurrent.ThreadFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The scenes on virtual threads, also as a program for a JVM without a test engine. */
final class VirtualThreads extends DeadlockScenes {

    @Override
    ThreadFactory threads() {
        return factory();
    }

    /** Creates unstarted virtual threads by reflection, as this is compiled for an older JDK. */
    static ThreadFactory factory() {
        try {
            Object builder = Thread.class.getMethod("ofVirtual").invoke(null);
            return (ThreadFactory) Class.forName("java.lang.Thread$Builder")
                    .getMethod("factory")
                    .invoke(builder);
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("this JVM has no virtual threads", e);
        }
    }

    public static void main(String[] args) throws ReflectiveOperationException {
        int played = 0;
        for (Method scene : DeadlockScenes.class.getDeclaredMethods()) {
            if (scene.isAnnotationPresent(Test.class)) {
                VirtualThreads scenes = new VirtualThreads();
                System.out.println(scene.getName());
                scene.setAccessible(true);
                scene.invoke(scenes);
                scenes.endTheScene();
                played++;
            }
        }
        System.out.println(played + " scenes played");
    }

    @AfterEach
    @Override
    void endTheScene() {
        super.endTheScene();
    }
}
