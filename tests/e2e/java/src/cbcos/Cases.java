package cbcos;

import java.util.Objects;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Counts cases; one line each. */
final class Cases {
    interface Body {
        void run() throws Exception;
    }

    private int passed;
    private int failed;
    private final ExecutorService runner = Executors.newCachedThreadPool(r -> {
        Thread t = new Thread(r);
        t.setDaemon(true);
        return t;
    });

    /** Returns whether it passed. */
    boolean test(String name, Body body) {
        Future<?> f = runner.submit(() -> {
            body.run();
            return null;
        });
        try {
            f.get(60, TimeUnit.SECONDS);
            passed++;
            System.out.println("ok " + name);
            return true;
        } catch (TimeoutException e) {
            f.cancel(true);
            fail(name, "not done within 60 s");
        } catch (Exception e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            String why = String.valueOf(cause.getMessage());
            fail(name, cause.getClass().getSimpleName() + ": " + why.split("\n")[0]);
            if (System.getenv("VERBOSE") != null) {
                cause.printStackTrace(System.out);
            }
        }
        return false;
    }

    private void fail(String name, String why) {
        failed++;
        System.out.println("FAIL " + name + " " + (why.length() > 300 ? why.substring(0, 300) : why));
    }

    int finish() {
        System.out.println(passed + " passed, " + failed + " failed");
        return failed == 0 && passed > 0 ? 0 : 1;
    }

    static void check(boolean ok, String what) {
        if (!ok) {
            throw new AssertionError(what);
        }
    }

    static void equal(Object want, Object got) {
        if (!Objects.equals(want, got)) {
            throw new AssertionError("wanted " + want + ", got " + got);
        }
    }
}
