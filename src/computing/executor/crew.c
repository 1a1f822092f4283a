#include "computing/executor/crew.h"

#include <pthread.h>
#include <stdlib.h>

struct bc_crew {
    pthread_mutex_t lock;
    pthread_cond_t wake, quiet;
    bool taken, stop;
    bc_crew_fn fn; /* NULL: no job, or it is too late to join */
    void *arg;
    uint64_t job;   /* number of the job */
    size_t joined;  /* helpers that took part in it */
    size_t running; /* of them, not done yet */
    size_t cnt;
    pthread_t threads[];
};

static void *helper_main(void *arg)
{
    bc_crew_t *c = arg;
    uint64_t done = 0; /* the last job seen */
    pthread_mutex_lock(&c->lock);
    for (;;) {
        while (!c->stop && (!c->fn || c->job == done))
            pthread_cond_wait(&c->wake, &c->lock);
        if (c->stop)
            break;
        done = c->job;
        size_t no = ++c->joined;
        bc_crew_fn fn = c->fn;
        void *job = c->arg;
        c->running++;
        pthread_mutex_unlock(&c->lock);
        fn(job, no);
        pthread_mutex_lock(&c->lock);
        if (--c->running == 0)
            pthread_cond_signal(&c->quiet);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

bc_crew_t *bc_crew_new(size_t helpers)
{
    bc_crew_t *c = calloc(1, sizeof(*c) + helpers * sizeof(c->threads[0]));
    if (!c)
        return NULL;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->wake, NULL);
    pthread_cond_init(&c->quiet, NULL);
    bool ok = true;
    while (ok && c->cnt < helpers) {
        ok = pthread_create(&c->threads[c->cnt], NULL, helper_main, c) == 0;
        c->cnt += ok;
    }
    if (ok)
        return c;
    bc_crew_free(c);
    return NULL;
}

void bc_crew_free(bc_crew_t *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_broadcast(&c->wake);
    pthread_mutex_unlock(&c->lock);
    for (size_t i = 0; i < c->cnt; i++)
        pthread_join(c->threads[i], NULL);
    pthread_cond_destroy(&c->quiet);
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

bool bc_crew_take(bc_crew_t *c)
{
    pthread_mutex_lock(&c->lock);
    bool got = !c->taken;
    c->taken = true;
    pthread_mutex_unlock(&c->lock);
    return got;
}

void bc_crew_give(bc_crew_t *c)
{
    pthread_mutex_lock(&c->lock);
    c->taken = false;
    pthread_mutex_unlock(&c->lock);
}

size_t bc_crew_size(const bc_crew_t *c)
{
    return c->cnt + 1;
}

void bc_crew_run(bc_crew_t *c, bc_crew_fn fn, void *arg)
{
    pthread_mutex_lock(&c->lock);
    c->fn = fn;
    c->arg = arg;
    c->job++;
    c->joined = 0;
    pthread_cond_broadcast(&c->wake);
    pthread_mutex_unlock(&c->lock);
    fn(arg, 0);
    pthread_mutex_lock(&c->lock);
    c->fn = NULL;
    while (c->running)
        pthread_cond_wait(&c->quiet, &c->lock);
    pthread_mutex_unlock(&c->lock);
}
