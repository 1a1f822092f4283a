/* Boost binary archives without header, as stored rows carry them (spec/10 §4): little-endian,
 * five zero bytes the first time a class type occurs. Pure; any thread. */
#ifndef BC_CODEC_ARCHIVE_H
#define BC_CODEC_ARCHIVE_H

#include "base/arena.h"
#include "base/buf.h"

/* s_config row: tuple(value text, enable number). */
void bc_archive_put_config(bc_wr_t *w, bc_bytes_t value, int64_t enable_number);
bc_err_t bc_archive_get_config(bc_bytes_t in, bc_bytes_t *value, int64_t *enable_number) BC_WARN_UNUSED;

/* vector<string>: table rows, BFS rows. */
void bc_archive_put_strings(bc_wr_t *w, const bc_bytes_t *v, size_t n);
bc_err_t bc_archive_get_strings(bc_bytes_t in, bc_bytes_t **v, size_t *n, bc_arena_t *a) BC_WARN_UNUSED;

/* s_consensus `key` row. */
typedef struct {
    bc_bytes_t node_id; /* 128 hex */
    bc_u256_t vote_weight;
    bc_bytes_t type; /* consensus_sealer, consensus_observer, consensus_candidate_sealer */
    bc_bytes_t enable_number; /* decimal */
} bc_archive_node_t;
void bc_archive_put_nodes(bc_wr_t *w, const bc_archive_node_t *v, size_t n);
bc_err_t bc_archive_get_nodes(bc_bytes_t in, bc_archive_node_t **v, size_t *n,
                              bc_arena_t *a) BC_WARN_UNUSED;

#endif
