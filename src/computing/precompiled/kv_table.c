/* KVTable 1009: the code behind key-value tables (spec/40 §4.3). */
#include "computing/precompiled/contracts.h"
#include "computing/precompiled/table_names.h"

static bc_bytes_t data_table(bc_pc_t *pc)
{
    return bc_pc_join(pc, BC_STR("u_"), pc->param, (bc_bytes_t){ 0 });
}

static bc_pc_end_t before(bc_pc_t *pc)
{
    pc->mem = pc->input.n; /* the re-encoded input, not the caller's */
    bc_bytes_t table = data_table(pc);
    if (!bc_pc_table_exists(pc, table))
        return bc_pc_fail(pc, table, BC_STR(" does not exist"), (bc_bytes_t){ 0 });
    return BC_PC_OK;
}

static bc_pc_end_t set(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string,string)");
    if (!a)
        return BC_PC_INTERNAL;
    if (!a[0].s.n && bc_pc_since(pc, 3))
        return BC_PC_FAIL(pc, "Table insert entry key is empty");
    bc_pc_end_t end = bc_table_check_length(pc, a[0].s, BC_TABLE_KEY_MAX, BC_PC_KEY_OVERFLOW);
    if (!end) /* the key's code for the value too: so the official node says */
        end = bc_table_check_length(pc, a[1].s, BC_TABLE_VALUE_MAX, BC_PC_KEY_OVERFLOW);
    if (end)
        return end;
    bc_pc_put(pc, data_table(pc), a[0].s, a[1].s);
    pc->mem = 1;
    pc->ops += BC_PC_GAS_INSERT;
    return bc_pc_ret_int(pc, 1);
}

static bc_pc_end_t get(bc_pc_t *pc)
{
    const bc_abi_val_t *a = bc_pc_args(pc, "(string)");
    if (!a)
        return BC_PC_INTERNAL;
    bc_bytes_t value = { 0 };
    bool found = bc_pc_get(pc, data_table(pc), a[0].s, &value);
    pc->ops += BC_PC_GAS_SELECT;
    if (found)
        pc->mem = BC_MAX(pc->mem, value.n);
    return bc_pc_ret(pc, "(bool,string)",
                     (bc_abi_val_t[]){ bc_abi_u64(found), bc_abi_bytes(value) }, 2);
}

static const bc_pc_function_t functions[] = {
    { "set(string,string)", set },
    { "get(string)", get },
};

const bc_pc_contract_t bc_pc_kv_table = {
    .number = BC_SYS_KV_TABLE,
    .name = "KVTablePrecompiled",
    .gate = BC_GATE_NONE,
    .priced = true,
    .dynamic = true,
    .functions = functions,
    .function_cnt = BC_ARRAY_LEN(functions),
    .before = before,
};
