/* Sharding 1010: which shard a contract belongs to (spec/40 §4.7). A file system of its own below
 * /shards/: its touch, mkdir and link messages come back to this address. */
#include "codec/hex.h"
#include "computing/precompiled/contracts.h"

static const bc_bytes_t none = { 0 };

#define SHARD BC_STR("shard:")
#define INHERENT BC_STR("inherent:")

static bool from_self(const bc_pc_t *pc)
{
    return bc_addr_is(&pc->sender, BC_SYS_SHARDING) || pc->is_static;
}

static bc_pc_end_t before(bc_pc_t *pc)
{
    bool direct = memcmp(pc->origin.b, pc->sender.b, 20) == 0;
    if (!direct && !from_self(pc))
        return BC_PC_FAIL(pc, "ShardPrecompiled call: request should only call from SDK");
    if (!pc->config->auth_check || from_self(pc))
        return BC_PC_OK;
    const bc_abi_val_t *list = NULL;
    size_t cnt = 0;
    bc_pc_end_t end = bc_pc_governors(pc, &list, &cnt);
    if (end)
        return end;
    return bc_pc_is_governor(list, cnt, &pc->sender) ? BC_PC_OK
                                                     : BC_PC_FAIL(pc, "ShardPrecompiled call: Permission denied.");
}

static bool has_slash(bc_bytes_t s)
{
    return s.n && memchr(s.p, '/', s.n) != NULL;
}

static int64_t result_code(const bc_pc_t *pc)
{
    return pc->out.n < 32 ? 0 : (int32_t)bc_load_be32(pc->out.p + 28);
}

static bc_pc_end_t make_shard(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string)");
    if (!a)
        return BC_PC_INTERNAL;
    if (has_slash(a[0].s))
        return BC_PC_FAIL(pc, "makeShard: Shard name should not be a path, please check");
    bc_pc_end_t end = bc_bfs_mkdir(pc, BC_SYS_SHARDING, bc_pc_join(pc, BC_STR("/shards/"), a[0].s, none));
    int64_t code = result_code(pc);
    if (end || !code)
        return end;
    if (code == -53002)
        return bc_pc_fail(pc, BC_STR("ShardPrecompiled BFS makeDir error: shard '"), a[0].s, BC_STR("' has already exists"));
    return bc_pc_fail(pc, BC_STR("ShardPrecompiled BFS makeDir error: errorCode: "),
                      bc_cstr(bc_pc_printf(pc, "%lld", (long long)code)), none);
}

static bc_bytes_t trim_0x(bc_bytes_t s)
{
    return s.n >= 2 && s.p[0] == '0' && (s.p[1] == 'x' || s.p[1] == 'X') ? bc_bytes(s.p + 2, s.n - 2) : s;
}

static bool address_ok(const bc_pc_t *pc, bc_bytes_t hex)
{
    uint8_t raw[20];
    return !bc_hex_fixed(hex, raw, sizeof(raw)) && bc_bfs_path_ok(pc, hex);
}

static bc_bytes_t apps_table(bc_pc_t *pc, bc_bytes_t hex)
{
    return bc_pc_join(pc, BC_STR("/apps/"), hex.n && hex.p[0] == '/' ? bc_bytes(hex.p + 1, hex.n - 1) : hex, none);
}

/* The name of the shard of an account table, through tables that inherit; empty: none. */
static bc_bytes_t shard_of(bc_pc_t *pc, bc_bytes_t table)
{
    enum { HOPS_MAX = 1024 };
    bc_bytes_t row = none;
    for (int i = 0; i < HOPS_MAX; i++) {
        if (!bc_pc_table_exists(pc, table) || !bc_pc_get(pc, table, BC_STR("shard"), &row))
            return none;
        if (row.n < INHERENT.n || memcmp(row.p, INHERENT.p, INHERENT.n))
            break;
        table = bc_bytes(row.p + INHERENT.n, row.n - INHERENT.n);
    }
    return row.n > SHARD.n ? bc_bytes(row.p + SHARD.n, row.n - SHARD.n) : none;
}

static bc_pc_end_t link_shard(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string,string)");
    bc_pc_reply_t r;
    if (!a)
        return BC_PC_INTERNAL;
    bc_bytes_t shard = a[0].s, hex = trim_0x(a[1].s);
    if (has_slash(shard))
        return BC_PC_FAIL(pc, "linkShard: Shard name should not be a path, please check");
    if (!address_ok(pc, hex))
        return bc_pc_fail(pc, BC_STR("linkShard: invalid contract address: "), hex, none);
    bc_bytes_t had = shard_of(pc, apps_table(pc, hex));
    if (had.n)
        return bc_pc_fail(pc, BC_STR("linkShard: contract has already belongs to a shard: "), had, none);
    bc_addr_t self = bc_addr_of(BC_SYS_SHARDING), contract = bc_addr_parse(hex);
    bc_bytes_t input = bc_pc_encode(pc, "setShardInternal(string,string)", "(string,string)",
                                    (bc_abi_val_t[]){ bc_abi_bytes(hex), bc_abi_bytes(shard) }, 2);
    bc_pc_call_at(pc, &self, &contract, BC_SYS_SHARDING, input, pc->is_static, &r);
    bc_pc_end_t end = bc_pc_forward(pc, &r);
    if (end)
        return end;
    bc_wr_reset(&pc->out);
    bc_bytes_t path = bc_pc_join(pc, BC_STR("/shards/"), shard, BC_STR("/"));
    end = bc_bfs_link(pc, BC_SYS_SHARDING, bc_pc_join(pc, path, hex, none), hex, none);
    if (end)
        return end;
    return result_code(pc) ? BC_PC_FAIL(pc, "ShardPrecompiled BFS link error") : BC_PC_OK;
}

static bc_pc_end_t get_contract_shard(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string)");
    bc_pc_reply_t r;
    if (!a)
        return BC_PC_INTERNAL;
    bc_bytes_t hex = trim_0x(a[0].s);
    if (!address_ok(pc, hex))
        return bc_pc_fail(pc, BC_STR("getContractShard: invalid contract address: "), hex, none);
    bc_addr_t self = bc_addr_of(BC_SYS_SHARDING), contract = bc_addr_parse(hex);
    bc_abi_val_t arg = bc_abi_bytes(hex);
    bc_pc_call_at(pc, &self, &contract, BC_SYS_SHARDING,
                  bc_pc_encode(pc, "getShardInternal(string)", "(string)", &arg, 1), pc->is_static, &r);
    return bc_pc_forward(pc, &r);
}

static bc_pc_end_t get_shard_internal(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string)");
    if (!a)
        return BC_PC_INTERNAL;
    bc_bytes_t shard = shard_of(pc, apps_table(pc, trim_0x(a[0].s)));
    return bc_pc_ret(pc, "(int256,string)", (bc_abi_val_t[]){ bc_abi_i64(0), bc_abi_bytes(shard) }, 2);
}

static bc_pc_end_t set_shard_internal(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string,string)");
    if (!a)
        return BC_PC_INTERNAL;
    bc_bytes_t table = apps_table(pc, trim_0x(a[0].s));
    if (!bc_pc_table_exists(pc, table))
        return BC_PC_INTERNAL;
    bc_pc_put(pc, table, BC_STR("shard"), bc_pc_join(pc, SHARD, a[1].s, none));
    return BC_PC_OK;
}

static bc_pc_end_t touch(bc_pc_t *pc)
{
    if (!from_self(pc))
        return BC_PC_FAIL(pc, "ShardPrecompiled call: BFS request should only call from ShardPrecompiled");
    return bc_bfs_touch_here(pc, true);
}

static bc_pc_end_t unknown(bc_pc_t *pc)
{
    if (!from_self(pc))
        return BC_PC_FAIL(pc, "ShardPrecompiled call: BFS request should only call from ShardPrecompiled");
    return BC_PC_FAIL(pc, "BFSPrecompiled call undefined function!");
}

static const bc_pc_function_t functions[] = {
    { "makeShard(string)", make_shard },
    { "linkShard(string,string)", link_shard },
    { "getContractShard(string)", get_contract_shard },
    { "getShardInternal(string)", get_shard_internal },
    { "setShardInternal(string,string)", set_shard_internal },
    { "touch(string,string)", touch },
};

const bc_pc_contract_t bc_pc_sharding = {
    .number = BC_SYS_SHARDING,
    .name = "BFSPrecompiled",
    .gate = BC_F_feature_sharding,
    .functions = functions,
    .function_cnt = BC_ARRAY_LEN(functions),
    .before = before,
    .unknown = unknown,
};
