/* Log queries: what a client wants to see, and whether a log is it (spec/20 §1.6, §3.3). */
#ifndef BC_ACCESS_RPC_FILTER_H
#define BC_ACCESS_RPC_FILTER_H

#include "codec/json.h"
#include "iface/ledger.h"

enum { BC_LOG_TOPICS = 4, BC_LOG_ITEMS_MAX = 1000 };

typedef struct {
    int64_t from, to;
    bool from_latest, to_latest;
    bool by_hash;
    bc_h256_t block_hash;
    /* An empty list matches anything unless `strict` says that items were given which can never
     * match (text that is no address or topic). */
    size_t address_cnt;
    char (*addresses)[40]; /* hex40 lower case */
    bool address_strict;
    size_t position_cnt; /* topic positions given: a log needs at least as many topics */
    struct {
        size_t cnt;
        bc_h256_t *v;
        bool strict;
    } topics[BC_LOG_TOPICS];
} bc_log_query_t;

/* Lists live in the arena. */
bc_err_t bc_log_query_address(bc_log_query_t *q, bc_bytes_t hex40, bc_arena_t *a) BC_WARN_UNUSED;
bc_err_t bc_log_query_topic(bc_log_query_t *q, size_t position, bc_bytes_t hex64,
                            bc_arena_t *a) BC_WARN_UNUSED;
bool bc_log_query_match(const bc_log_query_t *q, const bc_log_entry_t *log);
/* A deep copy into another arena. */
bc_err_t bc_log_query_copy(const bc_log_query_t *q, bc_log_query_t *out,
                           bc_arena_t *a) BC_WARN_UNUSED;

/* Where a block's logs come from: the store or the block just committed. */
typedef struct {
    int64_t number;
    const bc_h256_t *hash;
    size_t tx_cnt;
    const bc_h256_t *tx_hashes; /* or */
    bc_tx_t *const *txs;
    const bc_receipt_t *receipts;
} bc_log_source_t;
bc_log_source_t bc_log_source_stored(const bc_ledger_block_t *b);

typedef enum {
    BC_LOG_SDK,   /* getLogs: index in the receipt, failed receipts skipped */
    BC_LOG_EVENT, /* pushes: plain integers, receipts of any status */
    BC_LOG_WEB3,  /* block-wide index */
} bc_log_style_t;
/* Appends the matching logs as items to an open array. Returns how many. */
size_t bc_log_json_block(bc_jw_t *j, bc_log_style_t style, const bc_log_query_t *q,
                         const bc_log_source_t *src);
/* The same, each log as a JSON text of its own. */
typedef void (*bc_log_each_fn)(void *ctx, bc_bytes_t json);
size_t bc_log_json_each(bc_log_style_t style, const bc_log_query_t *q, const bc_log_source_t *src,
                        bc_log_each_fn each, void *ctx);

#endif
