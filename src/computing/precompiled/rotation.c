/* Rotation of working sealers on rPBFT chains (spec/30 §4): the leader's transaction carries a
 * VRF proof over the block number, or on chains of before 3.12 over the parent's hash; its value
 * picks who leaves and who comes. */
#include <stdlib.h>

#include "codec/hex.h"
#include "computing/precompiled/contracts.h"
#include "computing/precompiled/node_list.h"
#include "crypto/vrf.h"

enum { EPOCH_SEALERS_DEFAULT = 4 };


typedef struct {
    bc_pc_t *pc;
    bc_pc_nodes_t all;
    size_t *sealers, *candidates; /* positions in `all` */
    size_t sealer_cnt, candidate_cnt;
    bool rotated;     /* somebody changes with the next block already */
    bool notified;    /* the notify flag asked for this */
    uint32_t epoch_sealers; /* stays the default when an earlier test decides: official quirk */
    bc_h256_t random;
    bool changed;
} rotation_t;

static bc_pc_end_t gather(rotation_t *r)
{
    bc_pc_end_t end = bc_pc_nodes_load(r->pc, &r->all, true);
    if (end)
        return end;
    r->sealers = bc_arena_alloc(r->pc->arena, (r->all.cnt + 1) * sizeof(*r->sealers));
    r->candidates = bc_arena_alloc(r->pc->arena, (r->all.cnt + 1) * sizeof(*r->candidates));
    if (!r->sealers || !r->candidates)
        return BC_PC_INTERNAL;
    for (size_t i = 0; i < r->all.cnt; i++) {
        int64_t enable = 0;
        bool sealer = bc_bytes_eq(r->all.v[i].type, BC_PC_NODES_SEALER);
        bool candidate = bc_bytes_eq(r->all.v[i].type, BC_PC_NODES_CANDIDATE);
        if (bc_dec_i64(r->all.v[i].enable_number, &enable))
            return BC_PC_INTERNAL;
        if (enable > r->pc->config->number)
            r->rotated |= enable == r->pc->config->number + 1 && (sealer || candidate);
        else if (sealer)
            r->sealers[r->sealer_cnt++] = i;
        else if (candidate)
            r->candidates[r->candidate_cnt++] = i;
    }
    return BC_PC_OK;
}

/* Value and enable number of a configuration row, in force or not. */
static bool config_row(bc_pc_t *pc, const char *key, bc_bytes_t *value, int64_t *enable)
{
    bc_bytes_t row;
    return bc_pc_get(pc, BC_STR("s_config"), bc_cstr(key), &row) && !bc_archive_get_config(row, value, enable);
}

static bool due(rotation_t *r)
{
    bc_pc_t *pc = r->pc;
    bc_bytes_t value;
    int64_t enable = 0, n = 0, number = pc->config->number;
    if (config_row(pc, "feature_rpbft_notify_rotate", &value, &enable) && value.n && number >= enable &&
        bc_bytes_eq(value, BC_STR("1"))) {
        r->notified = true;
        return true;
    }
    if (config_row(pc, "feature_rpbft", &value, &enable) && enable == number)
        return true;
    if (config_row(pc, "feature_rpbft_epoch_sealer_num", &value, &enable) && !bc_dec_i64(value, &n)) {
        r->epoch_sealers = (uint32_t)n;
        if (enable == number)
            return true;
    }
    size_t total = r->sealer_cnt + r->candidate_cnt;
    if (r->sealer_cnt < BC_MIN((size_t)r->epoch_sealers, total))
        return true;
    if (!config_row(pc, "feature_rpbft_epoch_block_num", &value, &enable) || bc_dec_i64(value, &n) || n <= 0)
        return false;
    return (number - enable) % n == 0;
}

static void set_notify(bc_pc_t *pc, bc_bytes_t flag)
{
    bc_wr_t w = { 0 };
    bc_archive_put_config(&w, flag, pc->config->number + 1);
    bc_pc_put(pc, BC_STR("s_config"), BC_STR("feature_rpbft_notify_rotate"), bc_wr_view(&w));
    bc_wr_free(&w);
}

static bool node_address_is(const rotation_t *r, size_t node, const bc_addr_t *a)
{
    bc_nodeid_t id;
    bc_addr_t own;
    if (bc_hex_fixed(r->all.v[node].node_id, id.b, sizeof(id.b)))
        return false;
    bc_address(r->pc->config->suite, &id, &own);
    return memcmp(own.b, a->b, sizeof(own.b)) == 0;
}

/* The official node looks at no more of the input than it compares: at the first 8 bytes as the
 * number, or at the first 32 as the parent's hash, with zeros before them when they are fewer. The
 * proof covers all of it. */
static bool input_ok(bc_pc_t *pc, bc_bytes_t input)
{
    if (bc_pc_flag(pc, BC_F_bugfix_rpbft_vrf_blocknumber_input))
        return input.n >= 8 && (int64_t)bc_load_be64(input.p) == pc->config->number;
    bc_h256_t hash = { { 0 } };
    size_t n = BC_MIN(input.n, sizeof(hash.b));
    if (n)
        memcpy(hash.b + sizeof(hash.b) - n, input.p, n);
    return bc_h256_eq(&hash, &pc->config->parent_hash);
}

/* Is it the compressed key of some sealer? Its sign is not looked at, and a chain whose nodes have
 * SM2 keys has no such sealer: there every rotation fails, in official nodes too. Candidates do not
 * count, although one of them may be the sender. */
static bool key_of_sealer(const rotation_t *r, bc_bytes_t key)
{
    bc_nodeid_t id;
    for (size_t i = 0; i < r->sealer_cnt && key.n == 33; i++) {
        bc_bytes_t hex = r->all.v[r->sealers[i]].node_id;
        if (!bc_hex_fixed(hex, id.b, sizeof(id.b)) && !memcmp(id.b, key.p + 1, 32))
            return true;
    }
    return false;
}

static bc_pc_end_t check_proof(rotation_t *r, bc_bytes_t key, bc_bytes_t input, bc_bytes_t proof)
{
    bc_pc_t *pc = r->pc;
    const size_t *list = r->sealer_cnt ? r->sealers : r->candidates;
    size_t cnt = r->sealer_cnt ? r->sealer_cnt : r->candidate_cnt, i = 0;
    while (i < cnt && !node_address_is(r, list[i], &pc->origin))
        i++;
    if (i == cnt)
        return BC_PC_FAIL(pc, "ConsensusPrecompiled call undefined function!");
    if (!input_ok(pc, input))
        return BC_PC_FAIL(pc, "Invalid VRFInput, must be the parentHash!");
    bool secp = bc_pc_flag(pc, BC_F_feature_rpbft_vrf_type_secp256k1);
    bc_vrf_kind_t kind = secp ? BC_VRF_SECP256K1 : BC_VRF_RISTRETTO;
    if (!bc_vrf_key_ok(kind, key))
        return BC_PC_FAIL(pc, "Invalid VRF Public Key!");
    if (secp && !key_of_sealer(r, key))
        return BC_PC_FAIL(pc, "VRF public key permission check failed!");
    if (!bc_vrf_verify(kind, key, input, proof))
        return BC_PC_FAIL(pc, "Verify VRF proof failed!");
    bc_vrf_hash(kind, proof, &r->random);
    return BC_PC_OK;
}

/* big-endian value mod m */
static uint64_t modulo(const bc_h256_t *v, uint64_t m)
{
    unsigned __int128 rest = 0;
    for (int i = 0; i < 32; i++)
        rest = (rest << 8 | v->b[i]) % m;
    return (uint64_t)rest;
}

static _Thread_local const bc_pc_nodes_t *sort_list;

static int by_node(const void *a, const void *b)
{
    const bc_archive_node_t *x = &sort_list->v[*(const size_t *)a], *y = &sort_list->v[*(const size_t *)b];
    return bc_bytes_cmp(x->node_id, y->node_id); /* ids differ, so nothing else counts */
}

static void sort_nodes(const rotation_t *r, size_t *list, size_t cnt)
{
    sort_list = &r->all;
    qsort(list, cnt, sizeof(*list), by_node);
}

static void change(rotation_t *r, size_t node, bc_bytes_t type)
{
    r->all.v[node].type = type;
    r->all.v[node].enable_number = bc_cstr(bc_pc_printf(r->pc, "%lld", (long long)r->pc->config->number + 1));
}

/* Shuffles list by the random value; its first k become `type`. */
static void pick(rotation_t *r, size_t *list, size_t cnt, size_t k, bc_bytes_t type)
{
    bc_h256_t h = r->random;
    r->changed = k > 0 && cnt > 0;
    if (!cnt)
        return;
    sort_nodes(r, list, cnt);
    for (size_t i = cnt - 1; i > 0; i--) {
        uint64_t j = modulo(&h, i + 1);
        size_t t = list[i];
        list[i] = list[j];
        list[j] = t;
        const char *text = bc_pc_printf(r->pc, "%llu", (unsigned long long)j);
        bc_hash(r->pc->config->suite, bc_cstr(text), &h);
    }
    for (size_t i = 0; i < k && i < cnt; i++)
        change(r, list[i], type);
}

static void rotate_plain(rotation_t *r)
{
    size_t total = r->sealer_cnt + r->candidate_cnt, epoch = BC_MIN((size_t)r->epoch_sealers, total);
    size_t in = 0, out = 0;
    if (r->sealer_cnt > epoch)
        out = r->sealer_cnt - epoch;
    else if (r->sealer_cnt < epoch)
        in = epoch - r->sealer_cnt;
    else if (total != r->sealer_cnt)
        in = out = 1;
    if (out)
        pick(r, r->sealers, r->sealer_cnt, out, BC_PC_NODES_CANDIDATE);
    if (in)
        pick(r, r->candidates, r->candidate_cnt, in, BC_PC_NODES_SEALER);
}

/* Candidates, then sealers, drawn by term weight; the drawn ones seal, the others wait. */
static bc_pc_end_t rotate_by_weight(rotation_t *r)
{
    size_t cnt = r->candidate_cnt + r->sealer_cnt, left = 0;
    size_t *pool = bc_arena_alloc(r->pc->arena, (cnt + 1) * sizeof(*pool));
    bool *drawn = bc_arena_alloc(r->pc->arena, r->all.cnt + 1);
    uint64_t total = 0;
    if (!pool || !drawn)
        return BC_PC_INTERNAL;
    for (size_t i = 0; i < cnt; i++) {
        size_t node = i < r->candidate_cnt ? r->candidates[i] : r->sealers[i - r->candidate_cnt];
        if (!r->all.term_weights[node])
            continue;
        pool[left++] = node;
        total += r->all.term_weights[node];
    }
    for (size_t k = BC_MIN((size_t)r->epoch_sealers, left); k > 0 && total; k--) {
        uint64_t at = modulo(&r->random, total), offset = 0;
        size_t i = 0;
        while (i + 1 < left && (offset += r->all.term_weights[pool[i]]) < at)
            i++;
        drawn[pool[i]] = true;
        total -= r->all.term_weights[pool[i]];
        memmove(pool + i, pool + i + 1, (--left - i) * sizeof(*pool));
    }
    for (size_t i = 0; i < cnt; i++) {
        size_t node = i < r->candidate_cnt ? r->candidates[i] : r->sealers[i - r->candidate_cnt];
        bc_bytes_t type = drawn[node] ? BC_PC_NODES_SEALER : BC_PC_NODES_CANDIDATE;
        if (!bc_bytes_eq(r->all.v[node].type, type)) {
            change(r, node, type);
            r->changed = true;
        }
    }
    return BC_PC_OK;
}

static bool by_weight(const rotation_t *r)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < r->all.cnt; i++)
        sum += r->all.term_weights[i];
    return sum > 0 && bc_pc_flag(r->pc, BC_F_feature_rpbft_term_weight);
}

bc_pc_end_t bc_pc_nodes_rotate(bc_pc_t *pc)
{
    rotation_t r = { .pc = pc, .epoch_sealers = EPOCH_SEALERS_DEFAULT };
    if (!bc_pc_flag(pc, BC_F_feature_rpbft))
        return BC_PC_FAIL(pc, "ConsensusPrecompiled call undefined function!");
    const bc_abi_val_t *a = bc_pc_args(pc, "(bytes,bytes,bytes)");
    bc_pc_end_t end = a ? gather(&r) : BC_PC_INTERNAL;
    if (end)
        return BC_PC_FAIL(pc, "RotateWorkingSealer exception occurred.");
    if (r.rotated || !due(&r))
        return bc_pc_ret_int(pc, 0);
    end = check_proof(&r, a[0].s, a[1].s, a[2].s);
    if (end == BC_PC_ERROR)
        set_notify(pc, BC_STR("1")); /* undone with the message that fails now */
    if (end)
        return end;
    if (r.notified)
        set_notify(pc, BC_STR("0"));
    size_t total = r.sealer_cnt + r.candidate_cnt;
    if (total <= 1 || (r.epoch_sealers == total && !r.candidate_cnt))
        return bc_pc_ret_int(pc, 0);
    if (by_weight(&r))
        end = rotate_by_weight(&r);
    else
        rotate_plain(&r);
    if (end)
        return BC_PC_FAIL(pc, "RotateWorkingSealer exception occurred.");
    if (r.changed) {
        bc_pc_nodes_store(pc, &r.all);
        bc_pc_nodes_store_terms(pc, &r.all, false);
    }
    return bc_pc_ret_int(pc, 0);
}
