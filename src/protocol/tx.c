/* Type-0 transactions and the common envelope. Source: bcos-tars-protocol/tars/Transaction.tars,
 * impl/TarsHashable.h, protocol/TransactionFactoryImpl.cpp. */
#include "protocol/tx.h"
#include <stdlib.h>
#include "codec/hex.h"
#include "protocol/tx_web3.h"

enum { TX_VERSION_MAX = 2 };

#define DATA(t, k, m) { .tag = t, .kind = BC_TARS_##k, .off = offsetof(bc_tx_data_t, m) }
static const bc_tars_field_t data_fields[] = {
    DATA(1, I32, version),
    DATA(2, STR, chain_id),
    DATA(3, STR, group_id),
    DATA(4, I64, block_limit),
    DATA(5, STR, nonce),
    DATA(6, STR, to),
    DATA(7, BYTES, input),
    DATA(8, STR, abi),
    DATA(9, STR, value),
    DATA(10, STR, gas_price),
    DATA(11, I64, gas_limit),
    DATA(12, STR, max_fee_per_gas),
    DATA(13, STR, max_priority_fee_per_gas),
    DATA(14, BYTES, extension),
};
const bc_tars_struct_t bc_tx_data_tars = { "TransactionData", sizeof(bc_tx_data_t),
                                           BC_ARRAY_LEN(data_fields), data_fields };

#define WIRE(t, k, m) { .tag = t, .kind = BC_TARS_##k, .off = offsetof(bc_tx_wire_t, m) }
static const bc_tars_field_t wire_fields[] = {
    { .tag = 1, .kind = BC_TARS_STRUCT, .off = offsetof(bc_tx_wire_t, data), .sub = &bc_tx_data_tars },
    WIRE(2, BYTES, data_hash),
    WIRE(3, BYTES, signature),
    WIRE(4, I64, import_time),
    WIRE(5, I32, attribute),
    WIRE(7, BYTES, sender),
    WIRE(8, STR, extra_data),
    WIRE(9, I8, type),
    WIRE(10, BYTES, extra_tx_bytes),
    WIRE(11, BYTES, extra_tx_hash),
};
const bc_tars_struct_t bc_tx_wire_tars = { "Transaction", sizeof(bc_tx_wire_t),
                                           BC_ARRAY_LEN(wire_fields), wire_fields };

/* --- preimage --- */

enum { PARTS_MAX = 16, PREIMAGE_STACK = 4096 };

typedef struct {
    bc_bytes_t part[PARTS_MAX];
    size_t cnt;
    uint8_t num[3][8];
} preimage_t;

static void preimage_of(const bc_tx_data_t *d, preimage_t *p)
{
    size_t n = 0;
    bc_store_be32(p->num[0], (uint32_t)d->version);
    bc_store_be64(p->num[1], (uint64_t)d->block_limit);
    bc_store_be64(p->num[2], (uint64_t)d->gas_limit);
    p->part[n++] = bc_bytes(p->num[0], 4);
    p->part[n++] = d->chain_id;
    p->part[n++] = d->group_id;
    p->part[n++] = bc_bytes(p->num[1], 8);
    p->part[n++] = d->nonce;
    p->part[n++] = d->to;
    p->part[n++] = d->input;
    p->part[n++] = d->abi;
    if ((uint32_t)d->version >= 1) {
        p->part[n++] = d->value;
        p->part[n++] = d->gas_price;
        p->part[n++] = bc_bytes(p->num[2], 8);
        p->part[n++] = d->max_fee_per_gas;
        p->part[n++] = d->max_priority_fee_per_gas;
    }
    if ((uint32_t)d->version >= 2)
        p->part[n++] = d->extension;
    p->cnt = n;
}

void bc_tx_data_hash(bc_suite_t suite, const bc_tx_data_t *d, bc_h256_t *out)
{
    preimage_t p;
    uint8_t flat[PREIMAGE_STACK];
    size_t total = 0;
    preimage_of(d, &p);
    for (size_t i = 0; i < p.cnt; i++)
        total += p.part[i].n;
    if (total <= sizeof flat) { /* nearly always; one pass over one piece of memory */
        size_t at = 0;
        for (size_t i = 0; i < p.cnt; i++) {
            if (p.part[i].n)
                memcpy(flat + at, p.part[i].p, p.part[i].n);
            at += p.part[i].n;
        }
        bc_hash(suite, bc_bytes(flat, total), out);
        return;
    }
    bc_hasher_t h;
    bc_hasher_init(&h, suite);
    for (size_t i = 0; i < p.cnt; i++)
        bc_hasher_put(&h, p.part[i]);
    bc_hasher_final(&h, out);
}

/* --- decoding --- */

static bool hex_text(bc_bytes_t v)
{
    if (v.n == 0)
        return true;
    if (v.n < 2 || v.p[0] != '0' || v.p[1] != 'x')
        return false;
    for (size_t i = 2; i < v.n; i++) {
        uint8_t c = v.p[i] | 0x20;
        if (!(v.p[i] >= '0' && v.p[i] <= '9') && !(c >= 'a' && c <= 'f'))
            return false;
    }
    return true;
}

static bool prices_are_hex(const bc_tx_data_t *d)
{
    return (uint32_t)d->version < 1 ||
           (hex_text(d->value) && hex_text(d->gas_price) && hex_text(d->max_fee_per_gas) &&
            hex_text(d->max_priority_fee_per_gas));
}

/* The hash that Ethereum gives the signed transaction; a carried one must agree. */
static bc_err_t web3_hash(bc_tx_t *tx)
{
    bc_wr_t w = { 0 };
    bc_err_t err = bc_web3_signed(tx->w.extra_tx_bytes, tx->w.signature, &w);
    if (err == BC_OK) {
        bc_keccak256(bc_wr_view(&w), &tx->hash);
        if (tx->w.extra_tx_hash.n && !bc_bytes_eq(tx->w.extra_tx_hash, BC_VIEW(tx->hash)))
            err = BC_E_MISMATCH;
        tx->w.extra_tx_hash = BC_VIEW(tx->hash);
    }
    bc_wr_free(&w);
    return err;
}

/* Views in tx->w point into tx->raw only. Bytes that came as a list of int8 would need memory of
 * their own; such input is brought into the usual form first. */
static bc_err_t wire_decode(bc_tx_t *tx)
{
    bc_arena_t arena;
    bc_arena_init(&arena, 2 * BC_TX_RAW_MAX);
    bc_err_t err = bc_tars_decode(&bc_tx_wire_tars, bc_buf_view(tx->raw), &tx->w, &arena);
    if (err == BC_OK && arena.used) {
        bc_wr_t w = { .max = BC_TX_RAW_MAX };
        bc_tars_encode(&bc_tx_wire_tars, &tx->w, &w);
        bc_buf_t *raw = w.err ? NULL : bc_buf_copy(bc_wr_view(&w));
        err = w.err ? w.err : raw ? BC_OK : BC_E_NOMEM;
        if (raw) {
            bc_buf_unref(tx->raw);
            tx->raw = raw;
            err = bc_tars_decode(&bc_tx_wire_tars, bc_buf_view(raw), &tx->w, &arena);
        }
        bc_wr_free(&w);
    }
    bc_arena_free(&arena);
    return err;
}

/* A block with a version that nobody can execute would stop the chain; an amount that the hash does
 * not cover could be another one at each node. */
static bc_err_t version_check(const bc_tx_data_t *d)
{
    bc_u256_t value;
    if (d->version < 0 || d->version > TX_VERSION_MAX)
        return BC_E_UNSUPPORTED;
    bool pays = !bc_u256_parse(d->value, &value) &&
                (value.w[0] | value.w[1] | value.w[2] | value.w[3]) != 0;
    return d->version == 0 && pays ? BC_E_MISMATCH : BC_OK;
}

static bc_err_t tx_fill(bc_tx_t *tx, bool trusted)
{
    bc_err_t err = wire_decode(tx);
    if (err)
        return err;
    if (!prices_are_hex(&tx->w.data))
        return BC_E_FORMAT;
    if (tx->w.type == 0) {
        if (!trusted && (err = version_check(&tx->w.data)))
            return err;
        bc_tx_data_hash(tx->suite, &tx->w.data, &tx->hash);
        tx->w.data_hash = BC_VIEW(tx->hash);
    } else if (tx->w.type == 1) {
        if ((!trusted && (err = bc_web3_envelope_check(&tx->w))) || (err = web3_hash(tx)))
            return err;
    } else {
        return BC_E_UNSUPPORTED;
    }
    if (trusted && tx->w.sender.n == sizeof tx->sender.b) {
        memcpy(tx->sender.b, tx->w.sender.p, sizeof tx->sender.b);
        tx->sender_known = true;
        tx->w.sender = BC_VIEW(tx->sender);
    } else {
        tx->w.sender = (bc_bytes_t){ 0 };
    }
    tx->system = bc_is_system_to(tx->w.data.to);
    return BC_OK;
}

bc_err_t bc_tx_from_raw(bc_suite_t suite, bc_buf_t *raw, bool trusted, bc_tx_t **out)
{
    bc_tx_t *tx = raw ? calloc(1, sizeof *tx) : NULL;
    if (!tx) {
        bc_buf_unref(raw);
        return BC_E_NOMEM;
    }
    atomic_init(&tx->refs, 1);
    tx->suite = suite;
    tx->raw = raw;
    bc_err_t err = tx_fill(tx, trusted);
    if (err)
        bc_tx_unref(tx);
    else
        *out = tx;
    return err;
}

bc_err_t bc_tx_decode(bc_suite_t suite, bc_bytes_t raw, bc_tx_t **out)
{
    return raw.n > BC_TX_RAW_MAX ? BC_E_TOO_BIG
                                 : bc_tx_from_raw(suite, bc_buf_copy(raw), false, out);
}

bc_err_t bc_tx_decode_trusted(bc_suite_t suite, bc_bytes_t raw, bc_tx_t **out)
{
    return raw.n > BC_TX_RAW_MAX ? BC_E_TOO_BIG
                                 : bc_tx_from_raw(suite, bc_buf_copy(raw), true, out);
}

/* --- making, signing --- */

bc_err_t bc_tx_make(bc_suite_t suite, const bc_tx_data_t *data, int32_t attribute,
                    bc_bytes_t extra_data, const bc_keypair_t *key, bc_tx_t **out)
{
    bc_h256_t hash;
    uint8_t sig[BC_SIG_MAX];
    bc_tx_data_hash(suite, data, &hash);
    bc_tx_wire_t w = {
        .data = *data,
        .data_hash = BC_VIEW(hash),
        .attribute = attribute,
        .extra_data = extra_data,
    };
    if (key) {
        size_t n = key->suite == suite ? bc_sign_tx(key, &hash, sig) : 0;
        if (n == 0)
            return BC_E_KEY;
        w.signature = bc_bytes(sig, n);
    }
    bc_wr_t wr = { .max = BC_TX_RAW_MAX };
    bc_tars_encode(&bc_tx_wire_tars, &w, &wr);
    bc_err_t err = wr.err ? wr.err : bc_tx_from_raw(suite, bc_buf_copy(bc_wr_view(&wr)), false, out);
    if (!err && key) {
        bc_address(suite, &key->pub, &(*out)->sender);
        (*out)->sender_known = true;
    }
    bc_wr_free(&wr);
    return err;
}

void bc_tx_signing_hash(const bc_tx_t *tx, bc_h256_t *out)
{
    if (tx->w.type == 0)
        *out = tx->hash;
    else
        bc_keccak256(tx->w.extra_tx_bytes, out);
}

bc_err_t bc_tx_recover(bc_tx_t *tx)
{
    bc_h256_t digest;
    bc_nodeid_t pub;
    const bc_suite_t suite = tx->w.type == 0 ? tx->suite : BC_SUITE_STANDARD;
    bc_tx_signing_hash(tx, &digest);
    bc_err_t err = bc_recover(suite, &digest, tx->w.signature, &pub);
    if (err)
        return err;
    bc_address(suite, &pub, &tx->sender);
    tx->sender_known = true;
    return BC_OK;
}

bc_tx_t *bc_tx_ref(bc_tx_t *tx)
{
    atomic_fetch_add_explicit(&tx->refs, 1, memory_order_relaxed);
    return tx;
}

void bc_tx_unref(bc_tx_t *tx)
{
    if (tx && atomic_fetch_sub_explicit(&tx->refs, 1, memory_order_acq_rel) == 1) {
        bc_buf_unref(tx->raw);
        free(tx);
    }
}

void bc_tx_encode_stored(const bc_tx_t *tx, bc_wr_t *w)
{
    bc_tx_wire_t wire = tx->w;
    if (tx->sender_known)
        wire.sender = BC_VIEW(tx->sender);
    bc_tars_encode(&bc_tx_wire_tars, &wire, w);
}

void bc_tx_bounds(const bc_tx_t *tx, uint8_t out[BC_TX_BOUNDS])
{
    const bc_tx_data_t *d = &tx->w.data;
    const size_t n[] = { d->nonce.n,     d->to.n,
                         d->input.n,     d->abi.n,
                         d->value.n,     d->gas_price.n,
                         d->max_fee_per_gas.n, d->max_priority_fee_per_gas.n,
                         d->extension.n };
    size_t covered = tx->w.type != 0 ? 0 : d->version < 1 ? 4 : d->version < 2 ? 8 : 9;
    for (size_t i = 0; i < BC_ARRAY_LEN(n); i++)
        bc_store_be32(out + 4 * i, i < covered ? (uint32_t)n[i] : 0);
}

bool bc_tx_account_nonce(const bc_tx_t *tx, uint64_t *out)
{
    bc_u256_t v;
    if (bc_u256_parse(tx->w.data.nonce, &v) || v.w[1] || v.w[2] || v.w[3] || v.w[0] > INT64_MAX)
        return false;
    *out = v.w[0];
    return true;
}

bool bc_is_system_to(bc_bytes_t to)
{
    static const char *const numbers[] = { "1000", "1003",  "1005",  "100b",
                                           "1010", "10001", "10003", "10004" };
    static const char *const names[] = { "/sys/status", "/sys/consensus", "/sys/account_manager" };
    static const char zeros[] = "00000000000000000000000000000000000"; /* 35 */
    if (to.n == 40 && memcmp(to.p, zeros, sizeof zeros - 1) == 0) {
        bc_bytes_t tail = bc_bytes(to.p + 36, 4);
        if (to.p[35] == '1')
            tail = bc_bytes(to.p + 35, 5);
        else if (to.p[35] != '0')
            return false;
        for (size_t i = 0; i < BC_ARRAY_LEN(numbers); i++)
            if (bc_bytes_eq(tail, bc_cstr(numbers[i])))
                return true;
        return false;
    }
    for (size_t i = 0; i < BC_ARRAY_LEN(names); i++)
        if (bc_bytes_eq(to, bc_cstr(names[i])))
            return true;
    return false;
}
