/* Consensus 1003: the node list (spec/40 §4.4, spec/10 §5.1). */
#include <ctype.h>
#include <stdio.h>

#include "codec/archive.h"
#include "codec/hex.h"
#include "codec/tars.h"
#include "computing/precompiled/contracts.h"
#include "computing/precompiled/node_list.h"

enum {
    CODE_INVALID_NODE_ID = -51100,
    CODE_LAST_SEALER = -51101,
    CODE_INVALID_WEIGHT = -51102,
    CODE_NODE_NOT_EXIST = -51103,
    CODE_NOT_OBSERVER = -51104,
    NODE_ID_HEX = 128,
    NODES_SLACK = 1,
};

/* Row of a node with a term weight: Tars ConsensusNode under its 64 raw bytes. */
typedef struct {
    bc_bytes_t node_id; /* 64 bytes */
    int64_t vote_weight, term_weight, enable_number;
    int32_t type;
} node_row_t;

static const bc_tars_field_t node_fields[] = {
    { 1, BC_TARS_BYTES, 0, false, offsetof(node_row_t, node_id), NULL, NULL },
    { 2, BC_TARS_I64, 0, false, offsetof(node_row_t, vote_weight), NULL, NULL },
    { 3, BC_TARS_I64, 0, false, offsetof(node_row_t, term_weight), NULL, NULL },
    { 4, BC_TARS_I32, 0, false, offsetof(node_row_t, type), NULL, NULL },
    { 5, BC_TARS_I64, 0, false, offsetof(node_row_t, enable_number), NULL, NULL },
};
static const bc_tars_struct_t node_tars = { "ConsensusNode", sizeof(node_row_t), BC_ARRAY_LEN(node_fields), node_fields };

static bc_bytes_t lower(bc_pc_t *pc, bc_bytes_t s)
{
    bc_bytes_t copy = bc_arena_copy(pc->arena, s, NULL);
    uint8_t *p = (uint8_t *)(uintptr_t)copy.p;
    for (size_t i = 0; i < copy.n; i++)
        p[i] = (uint8_t)tolower(p[i]);
    return copy;
}

static bool all_hex(bc_bytes_t s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!isxdigit(s.p[i]))
            return false;
    }
    return s.n == NODE_ID_HEX;
}

/* The list, with room for one more. */
bc_pc_end_t bc_pc_nodes_load(bc_pc_t *pc, bc_pc_nodes_t *n, bool with_terms)
{
    bc_bytes_t row;
    bc_archive_node_t *v = NULL;
    size_t cnt = 0;
    *n = (bc_pc_nodes_t){ 0 };
    if (bc_pc_get(pc, BC_STR("s_consensus"), BC_STR("key"), &row)) {
        bool ok = true;
        row = bc_arena_copy(pc->arena, row, &ok);
        if (!ok || bc_archive_get_nodes(row, &v, &cnt, pc->arena))
            return BC_PC_INTERNAL;
    }
    n->v = bc_arena_alloc(pc->arena, (cnt + NODES_SLACK) * sizeof(*n->v));
    n->term_weights = bc_arena_alloc(pc->arena, (cnt + NODES_SLACK) * sizeof(*n->term_weights));
    if (!n->v || !n->term_weights)
        return BC_PC_INTERNAL;
    n->cnt = cnt;
    for (size_t i = 0; i < cnt; i++) {
        uint8_t raw[64];
        node_row_t t;
        n->v[i] = v[i];
        if (with_terms && !bc_hex_fixed(v[i].node_id, raw, sizeof(raw)) &&
            bc_pc_get(pc, BC_STR("s_consensus"), bc_bytes(raw, sizeof(raw)), &row) &&
            !bc_tars_decode(&node_tars, row, &t, pc->arena))
            n->term_weights[i] = (uint64_t)t.term_weight;
    }
    return BC_PC_OK;
}

static int32_t type_number(bc_bytes_t type)
{
    return bc_bytes_eq(type, BC_PC_NODES_SEALER) ? 0 : bc_bytes_eq(type, BC_PC_NODES_OBSERVER) ? 1 : 2;
}

void bc_pc_nodes_store(bc_pc_t *pc, const bc_pc_nodes_t *n)
{
    bc_wr_t w = { 0 };
    bc_archive_put_nodes(&w, n->v, n->cnt);
    bc_pc_put(pc, BC_STR("s_consensus"), BC_STR("key"), bc_wr_view(&w));
    bc_wr_free(&w);
}

/* Rows of nodes with a term weight; all of them when forced. */
void bc_pc_nodes_store_terms(bc_pc_t *pc, const bc_pc_nodes_t *n, bool force)
{
    for (size_t i = 0; i < n->cnt; i++) {
        uint8_t raw[64];
        bc_wr_t w = { 0 };
        int64_t enable = 0;
        if ((!force && !n->term_weights[i]) || bc_hex_fixed(n->v[i].node_id, raw, sizeof(raw)) ||
            bc_dec_i64(n->v[i].enable_number, &enable))
            continue;
        node_row_t t = { .node_id = bc_bytes(raw, sizeof(raw)),
                         .type = type_number(n->v[i].type),
                         .vote_weight = (int64_t)n->v[i].vote_weight.w[0],
                         .term_weight = (int64_t)n->term_weights[i],
                         .enable_number = enable };
        bc_tars_encode(&node_tars, &t, &w);
        bc_pc_put(pc, BC_STR("s_consensus"), bc_bytes(raw, sizeof(raw)), bc_wr_view(&w));
        bc_wr_free(&w);
    }
}

static size_t find(const bc_pc_nodes_t *n, bc_bytes_t id)
{
    size_t i = 0;
    while (i < n->cnt && !bc_bytes_eq(n->v[i].node_id, id))
        i++;
    return i;
}

static size_t sealer_cnt(const bc_pc_nodes_t *n)
{
    size_t k = 0;
    for (size_t i = 0; i < n->cnt; i++)
        k += bc_bytes_eq(n->v[i].type, BC_PC_NODES_SEALER);
    return k;
}

static bc_bytes_t next_number(bc_pc_t *pc)
{
    return bc_cstr(bc_pc_printf(pc, "%lld", (long long)pc->config->number + 1));
}

static bc_pc_end_t add(bc_pc_t *pc, bc_bytes_t id, bool sealer, uint64_t weight, uint64_t term_weight)
{
    bc_pc_nodes_t n;
    id = lower(pc, id);
    if (!all_hex(id))
        return bc_pc_ret_int(pc, CODE_INVALID_NODE_ID);
    bc_pc_end_t end = bc_pc_nodes_load(pc, &n, true);
    if (end)
        return end;
    size_t at = find(&n, id);
    if (sealer) {
        if (!weight)
            return bc_pc_ret_int(pc, CODE_INVALID_WEIGHT);
        if (at == n.cnt && bc_pc_since(pc, 1))
            return bc_pc_ret_int(pc, CODE_NOT_OBSERVER);
        if (at == n.cnt) /* 3.0 took anybody */
            n.v[n.cnt++] = (bc_archive_node_t){ .node_id = id };
        n.v[at].type = bc_pc_flag(pc, BC_F_feature_rpbft) ? BC_PC_NODES_CANDIDATE : BC_PC_NODES_SEALER;
    } else if (at < n.cnt) {
        if (sealer_cnt(&n) == 1)
            return bc_pc_ret_int(pc, CODE_LAST_SEALER);
        n.v[at].type = BC_PC_NODES_OBSERVER;
    } else {
        n.cnt++;
        n.v[at] = (bc_archive_node_t){ .node_id = id, .type = BC_PC_NODES_OBSERVER };
    }
    n.v[at].vote_weight = (bc_u256_t){ { weight } };
    n.v[at].enable_number = next_number(pc);
    n.term_weights[at] = term_weight;
    bc_pc_nodes_store(pc, &n);
    bc_pc_nodes_store_terms(pc, &n, false);
    return bc_pc_ret_int(pc, 0);
}

static bc_pc_end_t add_sealer(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string,uint256)");
    return a ? add(pc, a[0].s, true, a[1].n.w[0], 0) : BC_PC_INTERNAL;
}

static bc_pc_end_t add_sealer_term(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string,uint256,uint256)");
    return a ? add(pc, a[0].s, true, a[1].n.w[0], a[2].n.w[0]) : BC_PC_INTERNAL;
}

static bc_pc_end_t add_observer(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string)");
    return a ? add(pc, a[0].s, false, 0, 0) : BC_PC_INTERNAL;
}

static bc_pc_end_t remove_node(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string)");
    bc_pc_nodes_t n;
    if (!a)
        return BC_PC_INTERNAL;
    bc_bytes_t id = lower(pc, a[0].s);
    if (id.n != NODE_ID_HEX)
        return bc_pc_ret_int(pc, CODE_INVALID_NODE_ID);
    bc_pc_end_t end = bc_pc_nodes_load(pc, &n, false);
    if (end)
        return end;
    size_t at = find(&n, id);
    if (at == n.cnt)
        return bc_pc_ret_int(pc, CODE_NODE_NOT_EXIST);
    n.cnt--;
    memmove(n.v + at, n.v + at + 1, (n.cnt - at) * sizeof(*n.v));
    if (!sealer_cnt(&n))
        return bc_pc_ret_int(pc, CODE_LAST_SEALER);
    bc_pc_nodes_store(pc, &n);
    return bc_pc_ret_int(pc, 0);
}

static bc_pc_end_t weigh(bc_pc_t *pc, bool term)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string,uint256)");
    static const bc_u256_t zero;
    bc_pc_nodes_t n;
    if (!a)
        return BC_PC_INTERNAL;
    bc_bytes_t id = lower(pc, a[0].s);
    if (id.n != NODE_ID_HEX)
        return bc_pc_ret_int(pc, CODE_INVALID_NODE_ID);
    if (!term && memcmp(&a[1].n, &zero, sizeof(zero)) == 0)
        return bc_pc_ret_int(pc, CODE_INVALID_WEIGHT);
    bc_pc_end_t end = bc_pc_nodes_load(pc, &n, true);
    if (end)
        return end;
    size_t at = find(&n, id);
    if (at == n.cnt)
        return bc_pc_ret_int(pc, CODE_NODE_NOT_EXIST);
    if (bc_bytes_eq(n.v[at].type, BC_PC_NODES_OBSERVER))
        return BC_PC_FAIL(pc, "Cannot set weight to observer.");
    if (term)
        n.term_weights[at] = a[1].n.w[0];
    else
        n.v[at].vote_weight = (bc_u256_t){ { a[1].n.w[0] } };
    n.v[at].enable_number = next_number(pc);
    bc_pc_nodes_store(pc, &n);
    bc_pc_nodes_store_terms(pc, &n, term);
    return bc_pc_ret_int(pc, 0);
}

static bc_pc_end_t set_weight(bc_pc_t *pc)
{
    return weigh(pc, false);
}

static bc_pc_end_t set_term_weight(bc_pc_t *pc)
{
    return weigh(pc, true);
}

#define ROTATE "rotateWorkingSealer(std::string,std::string,std::string)"

static uint32_t selector_of(const bc_pc_t *pc, const char *signature)
{
    bc_h256_t h;
    bc_hash(pc->config->suite, bc_cstr(signature), &h);
    return bc_load_be32(h.b);
}

/* With authority on only the committee may change the list; rotation is free when rPBFT is on,
 * and governors may set term weights themselves. */
static bc_pc_end_t before(bc_pc_t *pc)
{
    if (!pc->config->auth_check || bc_addr_is(&pc->sender, BC_SYS_COMMITTEE))
        return BC_PC_OK;
    uint32_t selector = bc_load_be32(pc->input.p);
    if (selector == selector_of(pc, ROTATE) && bc_pc_flag(pc, BC_F_feature_rpbft))
        return BC_PC_OK;
    if (selector == selector_of(pc, "setTermWeight(string,uint256)")) {
        const bc_abi_val_t *list = NULL;
        size_t cnt = 0;
        bc_pc_end_t end = bc_pc_governors(pc, &list, &cnt);
        if (end)
            return end;
        if (bc_pc_is_governor(list, cnt, &pc->origin))
            return BC_PC_OK;
    }
    pc->done = true;
    return bc_pc_ret_int(pc, BC_PC_NO_AUTHORIZED);
}

static const bc_pc_function_t functions[] = {
    { "addSealer(string,uint256)", add_sealer },
    { "addSealer(string,uint256,uint256)", add_sealer_term },
    { "addObserver(string)", add_observer },
    { "remove(string)", remove_node },
    { "setWeight(string,uint256)", set_weight },
    { "setTermWeight(string,uint256)", set_term_weight },
    { ROTATE, bc_pc_nodes_rotate },
};

const bc_pc_contract_t bc_pc_consensus = {
    .number = BC_SYS_CONSENSUS,
    .name = "ConsensusPrecompiled",
    .gate = BC_GATE_NONE,
    .functions = functions,
    .function_cnt = BC_ARRAY_LEN(functions),
    .before = before,
};
