/* The record layer: SM4-CBC with an IV of its own in each record, and HMAC-SM3.
 *
 * Either the MAC covers what is encrypted (RFC 7366), or, as the standard has it, it is encrypted
 * with the text. The second way invites padding oracles, so nothing there may depend on the padding
 * but through masks, and the MAC takes as many compressions for one padding as for another (AlFardan
 * and Paterson, "Lucky Thirteen", 2013). */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include "access/tlcp/tlcp_impl.h"

enum { MAC_HEADER = 13, SM3_BLOCK = 64, PAD_MAX = 256 };

bool tlcp_half_start(const bc_tlcp_t *t, tlcp_half_t *h, bool client, bool encrypt)
{
    const uint8_t *mac_key = t->keys + (client ? 0 : SM3_SIZE);
    const uint8_t *key = t->keys + 2 * SM3_SIZE + (client ? 0 : SM4_BLOCK);
    static const uint8_t no_iv[SM4_BLOCK];
    OSSL_PARAM digest[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t) "SM3", 0),
        OSSL_PARAM_construct_end(),
    };
    h->seq = 0;
    h->encrypt_then_mac = t->encrypt_then_mac;
    h->mac = EVP_MAC_CTX_new(t->x->hmac);
    h->cipher = EVP_CIPHER_CTX_new();
    if (h->mac && h->cipher && EVP_MAC_init(h->mac, mac_key, SM3_SIZE, digest) == 1 &&
        EVP_CipherInit_ex2(h->cipher, t->x->sm4, key, no_iv, encrypt, NULL) == 1 &&
        EVP_CIPHER_CTX_set_padding(h->cipher, 0) == 1)
        return true;
    tlcp_half_end(h); /* an alert will still be sent */
    return false;
}

void tlcp_half_end(tlcp_half_t *h)
{
    EVP_CIPHER_CTX_free(h->cipher);
    EVP_MAC_CTX_free(h->mac);
    *h = (tlcp_half_t){ 0 };
}

static bool mac_of(tlcp_half_t *h, uint8_t type, bc_bytes_t data, uint8_t out[SM3_SIZE])
{
    uint8_t head[MAC_HEADER];
    bc_store_be64(head, h->seq);
    head[8] = type;
    head[9] = TLCP_VERSION >> 8;
    head[10] = TLCP_VERSION & 255;
    head[11] = (uint8_t)(data.n >> 8);
    head[12] = (uint8_t)data.n;
    size_t n;
    return EVP_MAC_init(h->mac, NULL, 0, NULL) == 1 && EVP_MAC_update(h->mac, head, sizeof head) == 1 &&
           EVP_MAC_update(h->mac, data.p, data.n) == 1 &&
           EVP_MAC_final(h->mac, out, &n, SM3_SIZE) == 1;
}

static bool cbc(tlcp_half_t *h, const uint8_t *iv, uint8_t *p, size_t n)
{
    int done;
    return EVP_CipherInit_ex2(h->cipher, NULL, NULL, iv, -1, NULL) == 1 &&
           EVP_CipherUpdate(h->cipher, p, &done, p, (int)n) == 1 && (size_t)done == n;
}

/* ---- sending ---- */

static void put_header(bc_wr_t *out, uint8_t type, size_t n)
{
    bc_wr_u8(out, type);
    bc_wr_be16(out, TLCP_VERSION);
    bc_wr_be16(out, (uint16_t)n);
}

static bool put_sealed(tlcp_half_t *h, bc_wr_t *out, uint8_t type, bc_bytes_t data)
{
    size_t inner = data.n + (h->encrypt_then_mac ? 0 : SM3_SIZE);
    size_t padded = (inner / SM4_BLOCK + 1) * SM4_BLOCK;
    size_t n = SM4_BLOCK + padded + (h->encrypt_then_mac ? SM3_SIZE : 0);
    put_header(out, type, n);
    uint8_t *p = bc_wr_reserve(out, n);
    if (!p || RAND_bytes(p, SM4_BLOCK) != 1)
        return false;
    uint8_t *text = p + SM4_BLOCK;
    if (data.n)
        memcpy(text, data.p, data.n);
    if (!h->encrypt_then_mac && !mac_of(h, type, data, text + data.n))
        return false;
    memset(text + inner, (int)(padded - inner - 1), padded - inner);
    if (!cbc(h, p, text, padded))
        return false;
    if (h->encrypt_then_mac && !mac_of(h, type, bc_bytes(p, SM4_BLOCK + padded), text + padded))
        return false;
    h->seq++;
    return true;
}

bool tlcp_record_put(bc_tlcp_t *t, bc_wr_t *out, uint8_t type, bc_bytes_t data)
{
    BC_MUST(data.n <= RECORD_PLAIN_MAX);
    if (t->out.cipher)
        return put_sealed(&t->out, out, type, data) && !out->err;
    put_header(out, type, data.n);
    bc_wr_put(out, data);
    return !out->err;
}

/* ---- receiving ---- */

/* All ones or zero, without a branch; for values far below the sign bit. */
static size_t mask_ge(size_t a, size_t b)
{
    return ((a - b) >> (8 * sizeof a - 1)) - 1;
}

static size_t mask_eq(size_t a, size_t b)
{
    return mask_ge(a, b) & mask_ge(b, a);
}

/* Compressions of the inner hash for n bytes of text. */
static size_t mac_blocks(size_t n)
{
    return (MAC_HEADER + n + 8) / SM3_BLOCK + 1;
}

/* text | MAC | padding, decrypted; n is a multiple of the block and has room for all three. Returns
 * the length of the text, or SIZE_MAX. */
static size_t open_mac_inside(const bc_tlcp_ctx_t *x, tlcp_half_t *h, uint8_t type, const uint8_t *p,
                              size_t n)
{
    size_t pad = p[n - 1], good = mask_ge(n, pad + 1 + SM3_SIZE), wrong = 0;
    for (size_t i = 1; i < BC_MIN(n, (size_t)PAD_MAX); i++)
        wrong |= mask_ge(pad, i) & (p[n - 1 - i] ^ pad);
    good &= mask_eq(wrong, 0);
    pad &= good;
    size_t most = n - SM3_SIZE - 1, len = most - pad;

    uint8_t want[SM3_SIZE], got[SM3_SIZE] = { 0 };
    if (!mac_of(h, type, bc_bytes(p, len), want))
        return SIZE_MAX;
    static const uint8_t filler[PAD_MAX + SM3_BLOCK];
    uint8_t unused[SM3_SIZE];
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool even = md && EVP_DigestInit_ex2(md, x->sm3, NULL) == 1 &&
                EVP_DigestUpdate(md, filler, (mac_blocks(most) - mac_blocks(len)) * SM3_BLOCK) == 1 &&
                EVP_DigestFinal_ex(md, unused, NULL) == 1;
    EVP_MD_CTX_free(md);
    if (!even)
        return SIZE_MAX;
    for (size_t i = n > PAD_MAX + SM3_SIZE ? n - PAD_MAX - SM3_SIZE : 0; i < n; i++)
        for (size_t k = 0; k < SM3_SIZE; k++)
            got[k] |= (uint8_t)(p[i] & mask_eq(i, len + k));
    good &= mask_eq((size_t)CRYPTO_memcmp(want, got, SM3_SIZE), 0);
    return len | ~good;
}

static size_t open_mac_outside(tlcp_half_t *h, uint8_t type, uint8_t *p, size_t n)
{
    uint8_t want[SM3_SIZE];
    size_t sealed = n - SM3_SIZE;
    if (!mac_of(h, type, bc_bytes(p, sealed), want) || CRYPTO_memcmp(want, p + sealed, SM3_SIZE) != 0)
        return SIZE_MAX;
    if (!cbc(h, p, p + SM4_BLOCK, sealed - SM4_BLOCK))
        return SIZE_MAX;
    size_t pad = p[sealed - 1];
    if (pad + 1 > sealed - SM4_BLOCK)
        return SIZE_MAX;
    for (size_t i = 1; i <= pad; i++) /* what the MAC vouches for may be looked at */
        if (p[sealed - 1 - i] != pad)
            return SIZE_MAX;
    return sealed - SM4_BLOCK - pad - 1;
}

/* In place; false: forged, or made otherwise than agreed. */
static bool open_record(bc_tlcp_t *t, uint8_t type, uint8_t *p, size_t n, bc_bytes_t *data)
{
    tlcp_half_t *h = &t->in;
    size_t len, inside = h->encrypt_then_mac ? n - SM3_SIZE : n;
    size_t least = SM4_BLOCK + (h->encrypt_then_mac ? SM4_BLOCK + SM3_SIZE : 3 * SM4_BLOCK);
    if (n < least || inside % SM4_BLOCK)
        return false;
    if (h->encrypt_then_mac)
        len = open_mac_outside(h, type, p, n);
    else if (cbc(h, p, p + SM4_BLOCK, n - SM4_BLOCK))
        len = open_mac_inside(t->x, h, type, p + SM4_BLOCK, n - SM4_BLOCK);
    else
        return false;
    h->seq++;
    *data = bc_bytes(p + SM4_BLOCK, len);
    return len != SIZE_MAX;
}

static bool fill(bc_tlcp_t *t, bc_bytes_t *in, size_t want)
{
    if (t->rx.n < want && in->n) {
        size_t k = BC_MIN(want - t->rx.n, in->n);
        bc_wr_mem(&t->rx, in->p, k);
        in->p += k;
        in->n -= k;
    }
    return t->rx.n >= want;
}

bc_tlcp_result_t tlcp_record_get(bc_tlcp_t *t, bc_bytes_t *in, bc_wr_t *out, uint8_t *type,
                                 bc_bytes_t *data)
{
    if (t->rx_used) {
        if (in->n)
            bc_wr_reset(&t->rx);
        else
            bc_wr_free(&t->rx); /* a silent connection shall not hold a record's room */
        t->rx_used = false;
    }
    if (!fill(t, in, RECORD_HEADER))
        return t->rx.err ? tlcp_fail(t, out, ALERT_INTERNAL, "out of memory") : BC_TLCP_WANT;
    const uint8_t *head = t->rx.p;
    /* No MAC covers what the header says here. A first hello may say less than it can. */
    if (head[1] != TLCP_VERSION >> 8 ||
        (head[2] != (TLCP_VERSION & 255) && t->state != WANT_CLIENT_HELLO))
        return tlcp_fail(t, out, ALERT_VERSION, "the other side does not speak TLCP (version %u.%u)",
                         head[1], head[2]);
    size_t n = (size_t)head[3] << 8 | head[4];
    if (n > (t->in.cipher ? RECORD_MAX : RECORD_PLAIN_MAX))
        return tlcp_fail(t, out, ALERT_OVERFLOW, "a record of %zu bytes", n);
    if (!fill(t, in, RECORD_HEADER + n))
        return t->rx.err ? tlcp_fail(t, out, ALERT_INTERNAL, "out of memory") : BC_TLCP_WANT;
    *type = t->rx.p[0];
    t->rx_used = true;
    uint8_t *body = t->rx.p + RECORD_HEADER;
    *data = bc_bytes(body, n);
    if (t->in.cipher && !open_record(t, *type, body, n, data))
        return tlcp_fail(t, out, ALERT_BAD_MAC, "a record that does not decrypt");
    if (data->n > RECORD_PLAIN_MAX)
        return tlcp_fail(t, out, ALERT_OVERFLOW, "a record of %zu bytes of text", data->n);
    return BC_TLCP_OK;
}
