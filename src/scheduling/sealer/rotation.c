#include "rotation.h"
#include <stdio.h>
#include "base/log.h"
#include "codec/abi.h"
#include "crypto/vrf.h"

#define BADGES "[SEALER][VRF]"

/* Hashed literally so: not the ABI's own spelling (spec/30 §4). */
#define SIGNATURE "rotateWorkingSealer(std::string,std::string,std::string)"
#define CONSENSUS "0000000000000000000000000000000000001003"

enum { BLOCK_LIMIT_AHEAD = 600 };

void rotation_init(rotation_t *r, const bc_keypair_t *key, const char *chain_id,
                   const char *group_id)
{
    r->key = *key;
    snprintf(r->chain_id, sizeof r->chain_id, "%s", chain_id);
    snprintf(r->group_id, sizeof r->group_id, "%s", group_id);
}

/* The VRF's input is the block number, so nobody can try several; before 3.12 it was the parent's
 * hash, which its leader could choose. */
static bc_err_t input_of(const rotation_t *r, bc_suite_t suite, const bc_ledger_config_t *cfg,
                         bc_wr_t *out)
{
    uint8_t number[8];
    bc_vrf_proof_t p;
    bc_store_be64(number, (uint64_t)cfg->number + 1);
    bc_bytes_t vrf_input = cfg->vrf_number_input ? bc_bytes(number, 8) : BC_VIEW(cfg->hash);
    bc_err_t err = bc_vrf_prove(cfg->vrf_secp256k1 ? BC_VRF_SECP256K1 : BC_VRF_RISTRETTO,
                                bc_bytes(r->key.secret, 32), vrf_input, &p);
    if (err)
        return err;
    bc_abi_val_t items[] = { bc_abi_bytes(bc_bytes(p.key, p.key_n)), bc_abi_bytes(vrf_input),
                             bc_abi_bytes(bc_bytes(p.proof, p.proof_n)) };
    bc_abi_val_t args = bc_abi_tuple(items, 3);
    bc_h256_t selector;
    bc_hash(suite, BC_STR(SIGNATURE), &selector);
    bc_wr_mem(out, selector.b, 4);
    err = bc_abi_encode("(bytes,bytes,bytes)", &args, out);
    return err ? err : out->err;
}

bc_tx_t *rotation_tx(const rotation_t *r, bc_suite_t suite, const bc_ledger_config_t *cfg,
                     int64_t utc_ms)
{
    char nonce[48];
    int64_t number = cfg->number + 1;
    bc_wr_t input = { 0 };
    bc_tx_t *tx = NULL;
    bc_err_t err = input_of(r, suite, cfg, &input);
    snprintf(nonce, sizeof nonce, "%ld%013ld", (long)number, (long)utc_ms);
    bc_tx_data_t d = { .chain_id = bc_cstr(r->chain_id),
                       .group_id = bc_cstr(r->group_id),
                       .block_limit = number - 1 + BLOCK_LIMIT_AHEAD,
                       .nonce = bc_cstr(nonce),
                       .to = BC_STR(CONSENSUS),
                       .input = bc_wr_view(&input) };
    if (!err)
        err = bc_tx_make(suite, &d, 0, (bc_bytes_t){ 0 }, &r->key, &tx);
    if (!err && !tx->sender_known)
        err = bc_tx_recover(tx);
    bc_wr_free(&input);
    if (err) {
        BC_ERROR(BADGES, "rotation transaction failed,number=%ld,error=%s", (long)number,
                 bc_err_name(err));
        bc_tx_unref(tx);
        return NULL;
    }
    return tx;
}
