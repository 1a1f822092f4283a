/* The configuration in force: s_config and s_consensus as the next block sees them. */
#include <stdio.h>
#include <stdlib.h>
#include "base/log.h"
#include "codec/archive.h"
#include "codec/hex.h"
#include "protocol/consensus_node.h"
#include "protocol/features.h"
#include "storage/ledger/ledger_int.h"

/* Value of a key when it is in force at `next`, else def. The view lives in the arena. */
static bc_err_t value_of(bc_ledger_t *l, const char *key, int64_t next, bc_bytes_t def,
                         bc_bytes_t *out, bc_arena_t *a)
{
    bc_bytes_t row, value;
    int64_t enable;
    *out = def;
    bc_err_t err = bc_ledger_row(l->kv, T_CONFIG, bc_cstr(key), &row, a);
    if (err == BC_E_NOT_FOUND)
        return BC_OK;
    if (err)
        return err;
    if (bc_archive_get_config(row, &value, &enable) != BC_OK) {
        BC_ERROR(BADGE, "row of s_config is malformed,key=%s", key);
        return BC_E_CORRUPT;
    }
    if (enable <= next)
        *out = value;
    else
        l->pending = true;
    return BC_OK;
}

static bc_err_t u64_of(bc_ledger_t *l, const char *key, int64_t next, uint64_t def, uint64_t *out,
                       bc_arena_t *a)
{
    bc_bytes_t text;
    bc_u256_t v;
    bc_err_t err = value_of(l, key, next, (bc_bytes_t){ 0 }, &text, a);
    *out = def;
    if (err || !text.n)
        return err;
    if (bc_u256_parse(text, &v) != BC_OK || v.w[1] || v.w[2] || v.w[3]) {
        BC_ERROR(BADGE, "value of s_config is not a number,key=%s,value=%.*s", key, (int)text.n,
                 (const char *)text.p);
        return BC_E_CORRUPT;
    }
    *out = v.w[0];
    return BC_OK;
}

static bc_err_t text_of(bc_ledger_t *l, const char *key, int64_t next, const char *def, char *out,
                        size_t size, bc_arena_t *a)
{
    bc_bytes_t text;
    bc_err_t err = value_of(l, key, next, bc_cstr(def), &text, a);
    if (!err && text.n >= size)
        err = BC_E_CORRUPT;
    if (!err)
        snprintf(out, size, "%.*s", (int)text.n, (const char *)text.p);
    return err;
}

/* Enable number of a value that is in force, else 0. */
static int64_t enable_of(bc_ledger_t *l, const char *key, int64_t next, bc_arena_t *a)
{
    bc_bytes_t row, value;
    int64_t enable;
    if (bc_ledger_row(l->kv, T_CONFIG, bc_cstr(key), &row, a) ||
        bc_archive_get_config(row, &value, &enable) || enable > next)
        return 0;
    return enable;
}

/* A flag is set by its row, whatever the value. */
static bc_err_t flag_of(bc_ledger_t *l, bc_feature_t flag, int64_t next, bool *out, bc_arena_t *a)
{
    bc_bytes_t text;
    bc_err_t err = value_of(l, bc_feature_name(flag), next, (bc_bytes_t){ 0 }, &text, a);
    *out = text.n > 0;
    return err;
}

static bc_err_t read_values(bc_ledger_t *l, bc_ledger_config_t *c, bc_arena_t *a)
{
    int64_t next = c->number + 1;
    uint64_t gas_limit = 0, auth = 0, transfer = 0, executor = 0;
    char version[32] = "", rpbft[8] = "", notify[8] = "";
    bc_err_t err = u64_of(l, "tx_count_limit", next, 0, &c->tx_count_limit, a);
    if (!err)
        err = u64_of(l, "consensus_leader_period", next, 1, &c->leader_period, a);
    if (!err)
        err = u64_of(l, "tx_gas_limit", next, 0, &gas_limit, a);
    if (!err)
        err = u64_of(l, "auth_check_status", next, 0, &auth, a);
    if (!err)
        err = u64_of(l, "balance_transfer", next, 0, &transfer, a);
    if (!err)
        err = u64_of(l, "executor_version", next, l->chain->executor_version, &executor, a);
    if (!err)
        err = u64_of(l, "feature_rpbft_epoch_sealer_num", next, 4, &c->epoch_sealer_num, a);
    if (!err)
        err = u64_of(l, "feature_rpbft_epoch_block_num", next, 1000, &c->epoch_block_num, a);
    if (!err)
        err = text_of(l, "tx_gas_price", next, "0x0", c->gas_price_text, sizeof c->gas_price_text,
                      a);
    if (!err)
        err = text_of(l, "web3_chain_id", next, "", c->web3_chain_id, sizeof c->web3_chain_id, a);
    if (!err)
        err = text_of(l, "compatibility_version", next, "", version, sizeof version, a);
    if (!err)
        err = text_of(l, "feature_rpbft", next, "0", rpbft, sizeof rpbft, a);
    if (!err)
        err = text_of(l, "feature_rpbft_notify_rotate", next, "0", notify, sizeof notify, a);
    if (!err)
        err = flag_of(l, BC_F_feature_rpbft_vrf_type_secp256k1, next, &c->vrf_secp256k1, a);
    if (!err)
        err = flag_of(l, BC_F_bugfix_rpbft_vrf_blocknumber_input, next, &c->vrf_number_input, a);
    if (err)
        return err;
    if (bc_u256_parse(bc_cstr(c->gas_price_text), &c->gas_price) != BC_OK ||
        bc_version_parse(bc_cstr(version), &c->version) != BC_OK)
        return BC_E_CORRUPT;
    c->gas_limit = (int64_t)BC_MIN(gas_limit, (uint64_t)INT64_MAX);
    c->auth_check = (uint32_t)auth;
    c->balance_transfer = transfer != 0;
    c->executor_version = (uint32_t)executor;
    c->rpbft = strcmp(rpbft, "1") == 0;
    c->rotate_notified = strcmp(notify, "1") == 0;
    c->epoch_sealer_enable = enable_of(l, "feature_rpbft_epoch_sealer_num", next, a);
    c->epoch_block_enable = enable_of(l, "feature_rpbft_epoch_block_num", next, a);
    return BC_OK;
}

static int node_cmp(const void *a, const void *b)
{
    return memcmp(((const bc_node_entry_t *)a)->id.b, ((const bc_node_entry_t *)b)->id.b, 64);
}

static bc_err_t read_node(bc_ledger_t *l, const bc_archive_node_t *n, bc_node_entry_t *out,
                          bc_arena_t *a)
{
    *out = (bc_node_entry_t){ .vote_weight = n->vote_weight.w[0] };
    if (bc_hex_fixed(n->node_id, out->id.b, 64) != BC_OK ||
        bc_dec_i64(n->enable_number, &out->enable_number) != BC_OK)
        return BC_E_CORRUPT;
    if (bc_bytes_eq(n->type, BC_STR("consensus_sealer")))
        out->kind = BC_NODE_SEALER;
    else if (bc_bytes_eq(n->type, BC_STR("consensus_observer")))
        out->kind = BC_NODE_OBSERVER_T;
    else if (bc_bytes_eq(n->type, BC_STR("consensus_candidate_sealer")))
        out->kind = BC_NODE_CANDIDATE;
    else
        return BC_E_CORRUPT;
    bc_bytes_t row;
    bc_consensus_node_t extra;
    bc_err_t err = bc_ledger_row(l->kv, T_NODES, BC_VIEW(out->id), &row, a);
    if (!err)
        err = bc_tars_decode(&bc_consensus_node_tars, row, &extra, a) ? BC_E_CORRUPT : BC_OK;
    if (!err)
        out->term_weight = (uint64_t)extra.term_weight;
    return err == BC_E_NOT_FOUND ? BC_OK : err;
}

static bc_err_t read_nodes(bc_ledger_t *l, bc_ledger_config_t *c, bc_arena_t *a)
{
    bc_bytes_t row;
    bc_archive_node_t *nodes;
    size_t cnt;
    bc_err_t err = bc_ledger_row(l->kv, T_NODES, BC_STR("key"), &row, a);
    if (err == BC_E_NOT_FOUND || (!err && bc_archive_get_nodes(row, &nodes, &cnt, a) != BC_OK))
        return BC_E_CORRUPT;
    if (err)
        return err;
    bc_node_entry_t *all[3];
    size_t *cnts[3] = { &c->sealer_cnt, &c->observer_cnt, &c->candidate_cnt };
    for (size_t k = 0; k < 3; k++)
        if (!(all[k] = bc_arena_alloc(&c->arena, cnt * sizeof *all[k] + 1)))
            return BC_E_NOMEM;
    for (size_t i = 0; i < cnt; i++) {
        bc_node_entry_t e;
        err = read_node(l, &nodes[i], &e, a);
        if (err)
            return err;
        if (e.enable_number > c->number + 1) {
            l->pending = true;
            continue;
        }
        if (e.kind == BC_NODE_CANDIDATE && !c->rpbft)
            continue;
        all[e.kind][(*cnts[e.kind])++] = e;
    }
    c->sealers = all[BC_NODE_SEALER];
    c->observers = all[BC_NODE_OBSERVER_T];
    c->candidates = all[BC_NODE_CANDIDATE];
    qsort(c->sealers, c->sealer_cnt, sizeof *c->sealers, node_cmp);
    return BC_OK;
}

bc_err_t bc_ledger_config_load(bc_ledger_t *l, int64_t number, const bc_h256_t *hash,
                               int64_t timestamp, bc_ledger_config_t **out)
{
    bc_ledger_config_t *c = bc_xcalloc(1, sizeof *c);
    bc_arena_t a = { 0 };
    bc_bytes_t genesis;
    atomic_init(&c->refs, 1);
    c->number = number;
    c->hash = *hash;
    c->timestamp = timestamp;
    l->pending = false;
    bc_err_t err = bc_ledger_row(l->kv, T_N2HASH, BC_STR("0"), &genesis, &a);
    if (!err && genesis.n != 32)
        err = BC_E_CORRUPT;
    if (!err)
        memcpy(c->genesis_hash.b, genesis.p, 32);
    if (!err)
        err = read_values(l, c, &a);
    if (!err)
        err = read_nodes(l, c, &a);
    bc_arena_free(&a);
    if (err) {
        bc_ledger_config_unref(c);
        return err == BC_E_NOT_FOUND ? BC_E_CORRUPT : err;
    }
    *out = c;
    return BC_OK;
}

static bc_node_entry_t *copy_nodes(bc_arena_t *a, const bc_node_entry_t *v, size_t cnt)
{
    bc_node_entry_t *p = bc_arena_alloc(a, cnt * sizeof *v + 1);
    BC_MUST(p != NULL);
    if (cnt)
        memcpy(p, v, cnt * sizeof *v);
    return p;
}

bc_ledger_config_t *bc_ledger_config_next(const bc_ledger_config_t *old, int64_t number,
                                          const bc_h256_t *hash, int64_t timestamp)
{
    bc_ledger_config_t *c = bc_xcalloc(1, sizeof *c);
    memcpy(c, old, sizeof *c);
    atomic_init(&c->refs, 1);
    c->arena = (bc_arena_t){ 0 };
    c->number = number;
    c->hash = *hash;
    c->timestamp = timestamp;
    c->sealers = copy_nodes(&c->arena, old->sealers, old->sealer_cnt);
    c->observers = copy_nodes(&c->arena, old->observers, old->observer_cnt);
    c->candidates = copy_nodes(&c->arena, old->candidates, old->candidate_cnt);
    return c;
}

void bc_ledger_config_publish(bc_ledger_t *l, bc_ledger_config_t *c)
{
    pthread_mutex_lock(&l->lock);
    bc_ledger_config_t *old = l->config;
    l->config = c;
    pthread_mutex_unlock(&l->lock);
    bc_ledger_config_unref(old);
}
