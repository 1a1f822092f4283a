/* Calls of system contracts with arbitrary input, in a chain that has a file system and tables.
 * First byte: which contract; the rest: its input, or with the high bit a signature's index and
 * the arguments. The consensus contract is called by the only sealer, whose secret is 1, and always
 * owes a rotation; the input's last byte chooses the VRF (bit 0: secp256k1) and what is proved (bit
 * 1: the number). The chain does not move, so runs are independent. */
#include "computing/executor/fixture.h"
#include "computing/precompiled/node_list.h"

static fx_t *chain;
static bc_addr_t sealer;

static const uint32_t numbers[] = { 0x1000, 0x1001, 0x1002, 0x1003, 0x1005, 0x1009, 0x100a, 0x100c, 0x100e,
                                    0x100f, 0x1010, 0x1011, 0x5003, 0x5004, 0x5005, 0x5100, 0x10002, 0x10003,
                                    0x10004, 1,      2,      3,      4,      5,      6,      7,       8, 9 };
static const char *const signatures[] = {
    "setValueByKey(string,string)", "getValueByKey(string)", "createTable(string,(string,string[]))",
    "createTable(string,(uint8,string,string[]))", "createKVTable(string,string,string)",
    "appendColumns(string,string[])", "openTable(string)", "desc(string)", "descWithKeyOrder(string)",
    "select(string)", "insert((string,string[]))", "update(string,(string,string)[])", "remove(string)",
    "select((uint8,string,string)[],(uint32,uint32))", "count((uint8,string,string)[])",
    "update((uint8,string,string)[],(uint32,uint32),(string,string)[])",
    "remove((uint8,string,string)[],(uint32,uint32))", "select((uint8,string)[],(uint32,uint32))",
    "rotateWorkingSealer(std::string,std::string,std::string)", "curve25519VRFVerify(bytes,bytes,bytes)",
    "addSealer(string,uint256)", "addObserver(string)", "setWeight(string,uint256)", "list(string)",
    "list(string,uint256,uint256)", "mkdir(string)", "link(string,string,string)",
    "link(string,string,string,string)", "readlink(string)", "touch(string,string)",
    "setMethodAuthType(address,bytes4,uint8)", "openMethodAuth(address,bytes4,address)",
    "getMethodAuth(address,bytes4)", "setAccountStatus(address,uint8)", "sm2Verify(bytes32,bytes,bytes32,bytes32)",
    "stringToS256(string)", "s256ToString(int256)", "userTransfer(string,string,uint256)",
    "makeShard(string)", "linkShard(string,string)", "addBalance(address,uint256)", "set(string,string)",
};

static void sealer_add(void)
{
    static const uint8_t secret[32] = { [31] = 1 };
    char id[128];
    bc_keypair_t k;
    bc_wr_t w = { 0 };
    BC_MUST(bc_keypair_from_secret(BC_SUITE_STANDARD, secret, &k) == BC_OK);
    bc_address(BC_SUITE_STANDARD, &k.pub, &sealer);
    bc_hex_put(BC_VIEW(k.pub), id);
    bc_archive_node_t node = { .node_id = bc_bytes(id, sizeof(id)),
                               .vote_weight = { { 1 } },
                               .type = BC_PC_NODES_SEALER,
                               .enable_number = BC_STR("0") };
    bc_archive_put_nodes(&w, &node, 1);
    bc_bytes_t v = bc_wr_view(&w);
    fx_set(chain, BC_STR("s_consensus"), BC_STR("key"), &v);
    bc_wr_free(&w);
    fx_config(chain, "feature_rpbft_epoch_block_num", "1");
}

static void flag(const char *key, bool on)
{
    if (on)
        fx_config(chain, key, "1");
    else
        fx_set(chain, BC_STR("s_config"), bc_cstr(key), NULL);
}

static void prepare(void)
{
    chain = fx_new(BC_SUITE_STANDARD);
    bc_addr_t bfs = bc_addr_of(BC_SYS_BFS), manager = bc_addr_of(BC_SYS_TABLE_MANAGER), from = fx_addr(1);
    fx_config(chain, "compatibility_version", "3.16.0"); /* without it a call finds no function */
    fx_config(chain, "feature_sharding", "1");
    fx_config(chain, "feature_rpbft", "1");
    sealer_add();
    fx_config(chain, "feature_balance_precompiled", "1");
    fx_input_t in = fx_input(chain, "initBfs()");
    fx_tx(chain, &from, &bfs, bc_bytes(in.b, in.n));
    bc_wr_t w = { 0 };
    bc_abi_val_t v[] = { bc_abi_bytes(BC_STR("t_a")), bc_abi_bytes(BC_STR("id")), bc_abi_bytes(BC_STR("val")) };
    bc_abi_val_t t = bc_abi_tuple(v, 3);
    in = fx_input(chain, "createKVTable(string,string,string)");
    bc_wr_mem(&w, in.b, 4);
    BC_MUST(bc_abi_encode("(string,string,string)", &t, &w) == BC_OK);
    fx_tx(chain, &from, &manager, bc_wr_view(&w));
    BC_MUST(fx_run(chain) == BC_OK);
    bc_wr_free(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!chain)
        prepare();
    if (size < 2 || size > 1 << 16)
        return 0;
    uint32_t number = numbers[data[0] % BC_ARRAY_LEN(numbers)];
    bc_addr_t to = bc_addr_of(number);
    if (number == BC_SYS_CONSENSUS) {
        flag("feature_rpbft_vrf_type_secp256k1", data[size - 1] & 1);
        flag("bugfix_rpbft_vrf_blocknumber_input", data[size - 1] & 2);
    }
    bc_addr_text_t hex = bc_addr_text(&to);
    bc_wr_t w = { 0 };
    bool signature = data[0] & 0x80;
    if (signature) {
        fx_input_t in = fx_input(chain, signatures[data[1] % BC_ARRAY_LEN(signatures)]);
        bc_wr_mem(&w, in.b, 4);
    }
    bc_wr_mem(&w, data + 1 + signature, size - 1 - signature);
    bc_arena_t arena = { 0 };
    bc_exec_call_result_t out;
    bc_exec_call_t c = { .state = { &fx_ops, chain },
                         .number = chain->number,
                         .from = number == BC_SYS_CONSENSUS ? sealer : fx_addr(1),
                         .to = bc_bytes(hex.s, 40),
                         .input = bc_wr_view(&w),
                         .gas_limit = 10000000 };
    BC_MUST(chain->exec.ops->call(chain->exec.self, &c, &out, &arena) == BC_OK);
    bc_arena_free(&arena);
    bc_wr_free(&w);
    return 0;
}
