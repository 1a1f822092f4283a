/* The file system of compatibility version 3.0 (executor version 0 only): a directory is a table
 * whose row `sub` is SCALE map<string,string> of its children's names and types. */
#ifndef BC_COMPUTING_PRECOMPILED_BFS_V30_H
#define BC_COMPUTING_PRECOMPILED_BFS_V30_H

#include "computing/precompiled/contract.h"

typedef struct {
    bc_bytes_t name, type;
} bc_bfs30_child_t;

/* Children in name order, in pc->arena. False: no such row, or not such a map. */
bool bc_bfs30_children(bc_pc_t *pc, bc_bytes_t dir, bc_bfs30_child_t **out, size_t *cnt);
/* Adds a child; one that is there keeps its type. False as above. */
bool bc_bfs30_add(bc_pc_t *pc, bc_bytes_t dir, bc_bytes_t name, bc_bytes_t type);
/* The directory parts[0..cnt) below "/", with all that is missing. BC_PC_ERROR: something on the
 * way is no directory. */
bc_pc_end_t bc_bfs30_build(bc_pc_t *pc, const bc_bytes_t *parts, size_t cnt);
/* To the layout of 3.1, as the upgrade of a chain does it. *links: the entries of /sys are to be
 * made, too. */
bc_pc_end_t bc_bfs30_convert(bc_pc_t *pc, bool *links);

#endif
