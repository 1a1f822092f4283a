/* Ethereum transactions: legacy, EIP-2930, EIP-1559, EIP-4844 without sidecar (spec/10 §2.3).
 *
 * RLP is read strictly, so the encoded fields are taken over as slices: unsigned and signed forms
 * share them byte for byte and differ only in what follows. */
#include "protocol/tx_web3.h"
#include <stdio.h>
#include "codec/hex.h"
#include "codec/rlp.h"

typedef struct {
    bc_web3_tx_t t;
    bc_bytes_t fields; /* encoded items that signed and unsigned form share */
    bc_u256_t v, r, s; /* signed form: v as written */
} parsed_t;

static bc_err_t u64_take(bc_rd_t *r, uint64_t *out)
{
    bc_rlp_t i;
    bc_err_t err = bc_rlp_next(r, &i);
    return err ? err : bc_rlp_u64(&i, out);
}

static bc_err_t u256_take(bc_rd_t *r, bc_u256_t *out)
{
    bc_rlp_t i;
    bc_err_t err = bc_rlp_next(r, &i);
    return err ? err : bc_rlp_u256(&i, out);
}

static bc_err_t bytes_take(bc_rd_t *r, bc_bytes_t *out)
{
    bc_rlp_t i;
    bc_err_t err = bc_rlp_next(r, &i);
    if (err)
        return err;
    *out = i.v;
    return i.list ? BC_E_FORMAT : BC_OK;
}

static bc_err_t list_take(bc_rd_t *r, bc_bytes_t *out)
{
    bc_rlp_t i;
    bc_err_t err = bc_rlp_next(r, &i);
    if (err)
        return err;
    *out = i.v;
    return i.list ? BC_OK : BC_E_FORMAT;
}

static bc_err_t hashes_check(bc_bytes_t list)
{
    bc_rd_t r = bc_rd(list);
    while (bc_rd_left(&r)) {
        bc_bytes_t h;
        bc_err_t err = bytes_take(&r, &h);
        if (err)
            return err;
        if (h.n != 32)
            return BC_E_FORMAT;
    }
    return BC_OK;
}

/* A list of [20-byte address, [32-byte keys...]]. */
static bc_err_t access_list_check(bc_bytes_t list)
{
    bc_rd_t r = bc_rd(list);
    while (bc_rd_left(&r)) {
        bc_bytes_t entry, addr, keys;
        bc_err_t err = list_take(&r, &entry);
        if (err)
            return err;
        bc_rd_t e = bc_rd(entry);
        if ((err = bytes_take(&e, &addr)) || (err = list_take(&e, &keys)) ||
            (err = hashes_check(keys)))
            return err;
        if (addr.n != 20 || bc_rd_left(&e))
            return BC_E_FORMAT;
    }
    return BC_OK;
}

/* The items shared by the signed and the unsigned form. */
static bc_err_t fields_take(bc_rd_t *r, parsed_t *p)
{
    bc_web3_tx_t *t = &p->t;
    const uint8_t *from = r->p;
    bc_err_t err = BC_OK;
    if (t->type) {
        t->has_chain_id = true;
        err = u64_take(r, &t->chain_id);
    }
    if (!err)
        err = u64_take(r, &t->nonce);
    if (!err && t->type >= 2)
        err = u256_take(r, &t->max_priority_fee);
    if (!err)
        err = u256_take(r, t->type >= 2 ? &t->max_fee : &t->gas_price);
    if (!err)
        err = u64_take(r, &t->gas_limit);
    if (!err)
        err = bytes_take(r, &t->to);
    if (!err)
        err = u256_take(r, &t->value);
    if (!err)
        err = bytes_take(r, &t->input);
    if (!err && t->type && !(err = list_take(r, &t->access_list)))
        err = access_list_check(t->access_list);
    if (!err && t->type == 3 && !(err = u256_take(r, &t->max_fee_per_blob_gas)) &&
        !(err = list_take(r, &t->blob_hashes)))
        err = hashes_check(t->blob_hashes);
    if (err)
        return err;
    if ((t->to.n != 0 && t->to.n != 20) || t->gas_limit > INT64_MAX)
        return BC_E_RANGE;
    p->fields = bc_bytes(from, (size_t)(r->p - from));
    return BC_OK;
}

/* Type byte and the payload of the one list; nothing may follow it. */
static bc_err_t open(bc_bytes_t in, parsed_t *p, bc_rd_t *r)
{
    bc_rlp_t list;
    *p = (parsed_t){ 0 };
    if (in.n == 0)
        return BC_E_TRUNCATED;
    if (in.p[0] < 0x80) {
        if (in.p[0] < 1 || in.p[0] > 3)
            return BC_E_UNSUPPORTED;
        p->t.type = in.p[0];
        in = bc_bytes(in.p + 1, in.n - 1);
    }
    bc_err_t err = bc_rlp_single(in, &list);
    if (err)
        return err;
    if (!list.list)
        return BC_E_FORMAT;
    *r = bc_rd(list.v);
    return BC_OK;
}

static bc_err_t unsigned_parse(bc_bytes_t in, parsed_t *p)
{
    bc_rd_t r;
    bc_err_t err = open(in, p, &r);
    if (err || (err = fields_take(&r, p)))
        return err;
    if (p->t.type == 0 && bc_rd_left(&r)) { /* EIP-155 */
        bc_bytes_t zero1, zero2;
        if ((err = u64_take(&r, &p->t.chain_id)) || (err = bytes_take(&r, &zero1)) ||
            (err = bytes_take(&r, &zero2)))
            return err;
        if (zero1.n || zero2.n)
            return BC_E_FORMAT;
        p->t.has_chain_id = true;
    }
    return bc_rd_left(&r) ? BC_E_FORMAT : BC_OK;
}

bc_err_t bc_web3_tx_parse_unsigned(bc_bytes_t extra_tx_bytes, bc_web3_tx_t *out)
{
    parsed_t p;
    bc_err_t err = unsigned_parse(extra_tx_bytes, &p);
    *out = p.t;
    return err;
}

/* Legacy v: 27, 28 or 0, 1 without chain id, else 35 + 2 * chain id + parity (EIP-155). */
static bool legacy_v(parsed_t *p, uint8_t *y)
{
    uint64_t v = p->v.w[0];
    if (p->v.w[1] | p->v.w[2] | p->v.w[3])
        return false;
    if (v <= 1 || v == 27 || v == 28) {
        *y = (uint8_t)(v <= 1 ? v : v - 27);
        return true;
    }
    if (v < 35)
        return false;
    *y = (uint8_t)((v - 35) & 1);
    p->t.chain_id = (v - 35) >> 1;
    p->t.has_chain_id = true;
    return true;
}

static bc_err_t signed_parse(bc_bytes_t in, parsed_t *p, uint8_t sig[65], const char **why)
{
    bc_rd_t r;
    bc_err_t err = open(in, p, &r);
    if (err == BC_E_UNSUPPORTED)
        *why = "Unsupported transaction type";
    if (err || (err = fields_take(&r, p)) || (err = u256_take(&r, &p->v)) ||
        (err = u256_take(&r, &p->r)) || (err = u256_take(&r, &p->s)))
        return err;
    if (bc_rd_left(&r)) {
        *why = "Unexpected list elements";
        return BC_E_FORMAT;
    }
    bool ok = p->t.type ? p->v.w[0] <= 1 && !(p->v.w[1] | p->v.w[2] | p->v.w[3])
                        : legacy_v(p, &sig[64]);
    if (!ok) {
        *why = "Invalid V in signature";
        return BC_E_SIGNATURE;
    }
    if (p->t.type)
        sig[64] = (uint8_t)p->v.w[0];
    bc_u256_to_be(&p->r, sig);
    bc_u256_to_be(&p->s, sig + 32);
    return BC_OK;
}

static void unsigned_put(const parsed_t *p, bc_wr_t *w)
{
    if (p->t.type)
        bc_wr_u8(w, p->t.type);
    size_t from = w->n;
    bc_wr_put(w, p->fields);
    if (p->t.type == 0 && p->t.has_chain_id) {
        bc_rlp_put_u64(w, p->t.chain_id);
        bc_rlp_put_u64(w, 0);
        bc_rlp_put_u64(w, 0);
    }
    bc_rlp_wrap_list(w, from);
}

bc_err_t bc_web3_signed(bc_bytes_t unsigned_bytes, bc_bytes_t sig, bc_wr_t *w)
{
    parsed_t p;
    bc_err_t err = unsigned_parse(unsigned_bytes, &p);
    if (err)
        return err;
    if (sig.n != 65 || sig.p[64] > 1)
        return BC_E_SIGNATURE;
    bc_u256_t v = { { sig.p[64] } };
    const bc_u256_t r = bc_u256_from_be(bc_bytes(sig.p, 32));
    const bc_u256_t s = bc_u256_from_be(bc_bytes(sig.p + 32, 32));
    if (p.t.type) {
        bc_wr_u8(w, p.t.type);
    } else if (p.t.has_chain_id) { /* may pass 64 bits by a little */
        unsigned __int128 wide = (unsigned __int128)p.t.chain_id * 2 + 35 + sig.p[64];
        v = (bc_u256_t){ { (uint64_t)wide, (uint64_t)(wide >> 64) } };
    } else {
        v.w[0] += 27;
    }
    size_t from = w->n;
    bc_wr_put(w, p.fields);
    bc_rlp_put_u256(w, &v);
    bc_rlp_put_u256(w, &r);
    bc_rlp_put_u256(w, &s);
    bc_rlp_wrap_list(w, from);
    return w->err;
}

bc_err_t bc_web3_sign(const bc_web3_tx_t *t, const bc_keypair_t *key, bc_wr_t *rlp)
{
    bc_wr_t plain = { 0 };
    bc_rlp_put_u64(&plain, t->nonce);
    bc_rlp_put_u256(&plain, &t->gas_price);
    bc_rlp_put_u64(&plain, t->gas_limit);
    bc_rlp_put_bytes(&plain, t->to);
    bc_rlp_put_u256(&plain, &t->value);
    bc_rlp_put_bytes(&plain, t->input);
    bc_rlp_put_u64(&plain, t->chain_id);
    bc_rlp_put_u64(&plain, 0);
    bc_rlp_put_u64(&plain, 0);
    bc_rlp_wrap_list(&plain, 0);
    bc_h256_t digest;
    uint8_t sig[BC_SIG_MAX];
    bc_keccak256(bc_wr_view(&plain), &digest);
    bc_err_t err = plain.err ? plain.err : bc_sign(key, &digest, sig) == 65 ? BC_OK : BC_E_KEY;
    if (!err)
        err = bc_web3_signed(bc_wr_view(&plain), bc_bytes(sig, 65), rlp);
    bc_wr_free(&plain);
    return err;
}

bool bc_tx_low_s(const bc_tx_t *tx)
{
    static const uint8_t half[32] = { 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d,
                                      0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0 };
    bc_bytes_t sig = tx->w.signature;
    return sig.n == 65 && memcmp(sig.p + 32, half, sizeof half) <= 0;
}

bc_err_t bc_tx_to_web3(const bc_tx_t *tx, bc_wr_t *rlp)
{
    if (tx->w.type == 0)
        return BC_E_ARG;
    return bc_web3_signed(tx->w.extra_tx_bytes, tx->w.signature, rlp);
}

/* The Tars envelope of a parsed transaction. Texts live in the caller's frame. */
typedef struct {
    char chain_id[24], nonce[24], to[44], value[68], price[68], tip[68];
} texts_t;

static void envelope_fill(const parsed_t *p, texts_t *x, bc_tx_wire_t *w)
{
    const bc_web3_tx_t *t = &p->t;
    bc_tx_data_t *d = &w->data;
    snprintf(x->chain_id, sizeof x->chain_id, "%llu", (unsigned long long)t->chain_id);
    snprintf(x->nonce, sizeof x->nonce, "0x%llx", (unsigned long long)t->nonce);
    bc_u256_quantity(&t->value, x->value);
    d->chain_id = bc_cstr(x->chain_id);
    d->nonce = bc_cstr(x->nonce);
    d->value = bc_cstr(x->value);
    d->input = t->input;
    d->gas_limit = (int64_t)t->gas_limit;
    if (t->to.n) {
        memcpy(x->to, "0x", 2);
        bc_hex_put(t->to, x->to + 2);
        d->to = bc_bytes(x->to, 42);
    }
    if (t->type >= 2) {
        bc_u256_quantity(&t->max_fee, x->price);
        bc_u256_quantity(&t->max_priority_fee, x->tip);
        d->max_fee_per_gas = bc_cstr(x->price);
        d->max_priority_fee_per_gas = bc_cstr(x->tip);
    } else {
        bc_u256_quantity(&t->gas_price, x->price);
        d->gas_price = bc_cstr(x->price);
    }
    w->type = 1;
}

static bool data_eq(const bc_tx_data_t *a, const bc_tx_data_t *b)
{
    return a->version == b->version && a->block_limit == b->block_limit &&
           a->gas_limit == b->gas_limit && bc_bytes_eq(a->chain_id, b->chain_id) &&
           bc_bytes_eq(a->group_id, b->group_id) && bc_bytes_eq(a->nonce, b->nonce) &&
           bc_bytes_eq(a->to, b->to) && bc_bytes_eq(a->input, b->input) &&
           bc_bytes_eq(a->abi, b->abi) && bc_bytes_eq(a->value, b->value) &&
           bc_bytes_eq(a->gas_price, b->gas_price) &&
           bc_bytes_eq(a->max_fee_per_gas, b->max_fee_per_gas) &&
           bc_bytes_eq(a->max_priority_fee_per_gas, b->max_priority_fee_per_gas) &&
           bc_bytes_eq(a->extension, b->extension);
}

bc_err_t bc_web3_envelope_check(const bc_tx_wire_t *w)
{
    parsed_t p;
    texts_t texts;
    bc_h256_t digest;
    bc_tx_wire_t expected = { 0 };
    bc_err_t err = unsigned_parse(w->extra_tx_bytes, &p);
    if (err)
        return err;
    envelope_fill(&p, &texts, &expected);
    if (!data_eq(&w->data, &expected.data))
        return BC_E_MISMATCH;
    bc_keccak256(w->extra_tx_bytes, &digest);
    return w->data_hash.n && !bc_bytes_eq(w->data_hash, BC_VIEW(digest)) ? BC_E_MISMATCH : BC_OK;
}

bc_err_t bc_tx_from_web3(bc_suite_t suite, bc_bytes_t rlp, bc_tx_t **out, const char **why)
{
    const char *text = "Invalid transaction encoding";
    parsed_t p;
    texts_t texts;
    uint8_t sig[65];
    bc_h256_t digest, hash;
    bc_nodeid_t pub;
    bc_addr_t sender;
    bc_tx_wire_t w = { 0 };
    bc_wr_t plain = { 0 }, signed_form = { 0 }, tars = { .max = BC_TX_RAW_MAX };
    bc_err_t err = rlp.n > BC_TX_RAW_MAX ? BC_E_TOO_BIG : signed_parse(rlp, &p, sig, &text);
    if (err == BC_E_TRUNCATED)
        text = "Input too short";
    if (err)
        goto out;
    unsigned_put(&p, &plain);
    if ((err = plain.err) ||
        (err = bc_web3_signed(bc_wr_view(&plain), bc_bytes(sig, 65), &signed_form)))
        goto out;
    bc_keccak256(bc_wr_view(&plain), &digest);
    bc_keccak256(bc_wr_view(&signed_form), &hash);
    if ((err = bc_recover(BC_SUITE_STANDARD, &digest, bc_bytes(sig, 65), &pub))) {
        text = "InvalidSignature";
        goto out;
    }
    bc_address(BC_SUITE_STANDARD, &pub, &sender);
    envelope_fill(&p, &texts, &w);
    w.data_hash = BC_VIEW(digest);
    w.signature = bc_bytes(sig, 65);
    w.sender = BC_VIEW(sender);
    w.extra_tx_bytes = bc_wr_view(&plain);
    w.extra_tx_hash = BC_VIEW(hash);
    bc_tars_encode(&bc_tx_wire_tars, &w, &tars);
    err = tars.err ? tars.err : bc_tx_from_raw(suite, bc_buf_copy(bc_wr_view(&tars)), true, out);
out:
    bc_wr_free(&plain);
    bc_wr_free(&signed_form);
    bc_wr_free(&tars);
    if (err && why)
        *why = text;
    return err;
}
