/* Threads that help one caller at a time: made once, asleep between jobs. */
#ifndef BC_COMPUTING_EXECUTOR_CREW_H
#define BC_COMPUTING_EXECUTOR_CREW_H

#include "base/types.h"

typedef struct bc_crew bc_crew_t;
typedef void (*bc_crew_fn)(void *arg, size_t no);

/* NULL: no memory or no threads. */
bc_crew_t *bc_crew_new(size_t helpers) BC_WARN_UNUSED;
void bc_crew_free(bc_crew_t *c); /* nobody may have it; NULL is fine */
/* False at once when somebody else has it. */
bool bc_crew_take(bc_crew_t *c) BC_WARN_UNUSED;
void bc_crew_give(bc_crew_t *c);
size_t bc_crew_size(const bc_crew_t *c); /* helpers and the caller */
/* fn(arg, 0) on the caller and fn(arg, 1..) on each helper that wakes up before that returns; comes
 * back when all of them have. The work must not need any helper. Only between take and give. */
void bc_crew_run(bc_crew_t *c, bc_crew_fn fn, void *arg);

#endif
