/* ECDHE: the key exchange of SM2 between the encryption keys and keys made for the connection. The
 * server, which shows its own first, is the one that begins. */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include "access/tlcp/tlcp_impl.h"

enum { NAMED_CURVE = 3, POINT_SIZE = 65 };

/* False: not a point of SM2. */
static bool point_of(const EVP_PKEY *key, bc_nodeid_t *pub)
{
    uint8_t raw[POINT_SIZE];
    size_t n;
    if (!tlcp_is_sm2(key) ||
        EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, raw, sizeof raw, &n) != 1 ||
        n != sizeof raw || raw[0] != 4)
        return false;
    memcpy(pub->b, raw + 1, 64);
    return true;
}

bool tlcp_pair_of(const EVP_PKEY *key, bc_keypair_t *out)
{
    BIGNUM *d = NULL;
    uint8_t secret[32];
    bool ok = tlcp_is_sm2(key) && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &d) == 1 &&
              BN_bn2binpad(d, secret, sizeof secret) == sizeof secret &&
              bc_keypair_from_secret(BC_SUITE_SM, secret, out) == BC_OK;
    OPENSSL_cleanse(secret, sizeof secret);
    BN_clear_free(d);
    return ok;
}

void tlcp_put_point(bc_wr_t *w, uint16_t curve, const bc_nodeid_t *pub)
{
    bc_wr_u8(w, NAMED_CURVE);
    bc_wr_be16(w, curve);
    bc_wr_u8(w, POINT_SIZE);
    bc_wr_u8(w, 4);
    bc_wr_put(w, BC_VIEW(*pub));
}

/* Whatever number the curve is given: 41 in the standard, 249 and 0 by TASSL. There is no other. */
void tlcp_read_point(bc_rd_t *r, bc_nodeid_t *pub)
{
    uint8_t kind = bc_rd_u8(r);
    (void)bc_rd_be16(r);
    bc_bytes_t p = bc_rd_take(r, bc_rd_u8(r));
    if (!r->err && (kind != NAMED_CURVE || p.n != POINT_SIZE || p.p[0] != 4))
        r->err = BC_E_FORMAT;
    if (!r->err)
        memcpy(pub->b, p.p + 1, 64);
}

bool tlcp_agree(const bc_tlcp_t *t, uint8_t premaster[PREMASTER_SIZE])
{
    bc_nodeid_t peer;
    return point_of(X509_get0_pubkey(t->peer_enc), &peer) &&
           bc_sm2_agree(t->server, &t->x->enc_pair, &t->once, &peer, &t->peer_once, premaster,
                        PREMASTER_SIZE) == BC_OK;
}
