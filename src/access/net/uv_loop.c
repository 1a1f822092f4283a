#include "access/net/net_impl.h"
#include "base/log.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void on_wake(uv_async_t *a)
{
    bc_uv_loop_t *l = a->data;
    if (atomic_load_explicit(&l->stop, memory_order_acquire))
        uv_stop(&l->uv);
    bc_loop_step(&l->mail);
}

static void on_prepare(uv_prepare_t *p)
{
    bc_net_flush(p->data);
}

static void mail_wake(bc_loop_t *mail)
{
    bc_uv_loop_t *l = BC_OWNER(mail, bc_uv_loop_t, mail);
    uv_async_send(&l->wake);
}

bc_uv_loop_t *bc_uv_loop_new(const char *name)
{
    signal(SIGPIPE, SIG_IGN); /* libuv writes without MSG_NOSIGNAL */
    bc_uv_loop_t *l = bc_xcalloc(1, sizeof *l);
    snprintf(l->name, sizeof l->name, "%s", name);
    BC_MUST(uv_loop_init(&l->uv) == 0);
    BC_MUST(uv_async_init(&l->uv, &l->wake, on_wake) == 0);
    BC_MUST(uv_prepare_init(&l->uv, &l->prepare) == 0);
    BC_MUST(uv_timer_init(&l->uv, &l->poll_timer) == 0);
    l->wake.data = l->prepare.data = l;
    uv_prepare_start(&l->prepare, on_prepare);
    uv_unref((uv_handle_t *)&l->prepare);
    l->mail.wake = mail_wake;
    l->mail.host = l;
    return l;
}

void bc_uv_loop_run(bc_uv_loop_t *l)
{
    while (!atomic_load_explicit(&l->stop, memory_order_acquire))
        uv_run(&l->uv, UV_RUN_DEFAULT);
}

static void *loop_main(void *arg)
{
    bc_uv_loop_t *l = arg;
    pthread_setname_np(pthread_self(), l->name);
    bc_uv_loop_run(l);
    return NULL;
}

bc_err_t bc_uv_loop_start(bc_uv_loop_t *l)
{
    if (pthread_create(&l->thread, NULL, loop_main, l))
        return BC_E_IO;
    l->threaded = true;
    return BC_OK;
}

static void on_poll_timer(uv_timer_t *t)
{
    (void)t;
}

void bc_uv_loop_poll(bc_uv_loop_t *l, uint64_t ms)
{
    if (!ms) {
        uv_run(&l->uv, UV_RUN_NOWAIT);
        return;
    }
    uv_update_time(&l->uv);
    /* repeating: one that fires before the loop sleeps must still wake it */
    uv_timer_start(&l->poll_timer, on_poll_timer, ms, ms);
    uv_run(&l->uv, UV_RUN_ONCE);
    uv_timer_stop(&l->poll_timer);
}

void bc_uv_loop_stop(bc_uv_loop_t *l)
{
    atomic_store_explicit(&l->stop, true, memory_order_release);
    uv_async_send(&l->wake);
}

void bc_uv_loop_join(bc_uv_loop_t *l)
{
    if (l->threaded)
        pthread_join(l->thread, NULL);
    l->threaded = false;
}

void bc_uv_loop_free(bc_uv_loop_t *l)
{
    if (!l)
        return;
    bc_uv_loop_join(l);
    while (bc_loop_step(&l->mail))
        ;
    /* uv_run returns at once after uv_stop; the handles that modules closed need a turn or two,
     * a name look-up under way may need longer */
    for (int i = 0; i < 20; i++) {
        uv_unref((uv_handle_t *)&l->wake);
        if (!uv_loop_alive(&l->uv))
            break;
        bc_uv_loop_poll(l, 50);
        while (bc_loop_step(&l->mail))
            ;
    }
    uv_close((uv_handle_t *)&l->wake, NULL);
    uv_close((uv_handle_t *)&l->prepare, NULL);
    uv_close((uv_handle_t *)&l->poll_timer, NULL);
    uv_run(&l->uv, UV_RUN_NOWAIT);
    uv_run(&l->uv, UV_RUN_NOWAIT);
    if (uv_loop_close(&l->uv)) { /* a module was not freed: its handles point into the loop */
        BC_ERROR("[NET]", "loop freed while in use,loop=%s", l->name);
        return;
    }
    free(l);
}

bc_loop_t *bc_uv_loop_mail(bc_uv_loop_t *l)
{
    return &l->mail;
}

struct uv_loop_s *bc_uv_loop_uv(bc_uv_loop_t *l)
{
    return &l->uv;
}

int64_t bc_uv_loop_now(const bc_uv_loop_t *l)
{
    return (int64_t)uv_now(&l->uv);
}

/* ---- timers ---- */

struct bc_timer {
    uv_timer_t uv;
    void (*fire)(void *ctx);
    void *ctx;
};

static void on_timer(uv_timer_t *u)
{
    bc_timer_t *t = BC_OWNER(u, bc_timer_t, uv);
    t->fire(t->ctx);
}

bc_timer_t *bc_timer_new(bc_uv_loop_t *l, void (*fire)(void *ctx), void *ctx)
{
    bc_timer_t *t = bc_xcalloc(1, sizeof *t);
    BC_MUST(uv_timer_init(&l->uv, &t->uv) == 0);
    t->fire = fire;
    t->ctx = ctx;
    return t;
}

void bc_timer_set(bc_timer_t *t, uint64_t ms, uint64_t repeat_ms)
{
    uv_timer_start(&t->uv, on_timer, ms, repeat_ms);
}

void bc_timer_cancel(bc_timer_t *t)
{
    uv_timer_stop(&t->uv);
}

bool bc_timer_active(const bc_timer_t *t)
{
    return uv_is_active((const uv_handle_t *)&t->uv);
}

static void on_timer_closed(uv_handle_t *h)
{
    free(BC_OWNER(h, bc_timer_t, uv));
}

void bc_timer_free(bc_timer_t *t)
{
    if (t)
        uv_close((uv_handle_t *)&t->uv, on_timer_closed);
}
