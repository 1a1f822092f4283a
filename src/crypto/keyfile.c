/* conf/node.pem (spec/10 §1). Only the scalar counts: on SM chains the official builder writes
 * files that name secp256k1 and carry that curve's public key, so the DER is read by hand here
 * instead of through a key object that would insist on a consistent pair. */
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <stdio.h>
#include <unistd.h>
#include "base/buf.h"
#include "crypto/suite.h"

#define PEM_SIZE_MAX 16384

static const uint8_t oid_ec_public_key[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01 };
static const uint8_t oid_secp256k1[] = { 0x2b, 0x81, 0x04, 0x00, 0x0a };
static const uint8_t oid_sm2[] = { 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d };

enum { DER_INTEGER = 0x02, DER_OCTETS = 0x04, DER_OID = 0x06, DER_SEQUENCE = 0x30 };

/* One DER element with the wanted tag; the reader fails otherwise. Lengths below 64 KiB. */
static bc_bytes_t der_take(bc_rd_t *r, uint8_t tag)
{
    if (bc_rd_u8(r) != tag && !r->err)
        r->err = BC_E_FORMAT;
    size_t n = bc_rd_u8(r);
    if (n == 0x81)
        n = bc_rd_u8(r);
    else if (n == 0x82)
        n = bc_rd_be16(r);
    else if (n > 0x7f && !r->err)
        r->err = BC_E_FORMAT;
    return bc_rd_take(r, n);
}

static bool curve_known(bc_bytes_t oid)
{
    return bc_bytes_eq(oid, bc_bytes(oid_secp256k1, sizeof oid_secp256k1)) ||
           bc_bytes_eq(oid, bc_bytes(oid_sm2, sizeof oid_sm2));
}

/* ECPrivateKey { 1, OCTET STRING scalar, [0] curve OPTIONAL, [1] public OPTIONAL } */
static bool sec1_scalar(bc_bytes_t der, bool curve_inside, uint8_t out[32])
{
    bc_rd_t top = bc_rd(der);
    bc_rd_t r = bc_rd(der_take(&top, DER_SEQUENCE));
    bc_bytes_t version = der_take(&r, DER_INTEGER), d = der_take(&r, DER_OCTETS);
    if (top.err || r.err || version.n != 1 || version.p[0] != 1)
        return false;
    if (curve_inside) {
        bc_rd_t params = bc_rd(der_take(&r, 0xa0));
        if (r.err || !curve_known(der_take(&params, DER_OID)) || params.err)
            return false;
    }
    while (d.n > 32 && d.p[0] == 0) {
        d.p++;
        d.n--;
    }
    if (d.n == 0 || d.n > 32)
        return false;
    memset(out, 0, 32);
    memcpy(out + 32 - d.n, d.p, d.n);
    return true;
}

/* PrivateKeyInfo { 0, { id-ecPublicKey, curve }, OCTET STRING ECPrivateKey, ... } */
static bool pkcs8_scalar(bc_bytes_t der, uint8_t out[32])
{
    bc_rd_t top = bc_rd(der);
    bc_rd_t r = bc_rd(der_take(&top, DER_SEQUENCE));
    bc_bytes_t version = der_take(&r, DER_INTEGER);
    bc_rd_t alg = bc_rd(der_take(&r, DER_SEQUENCE));
    bc_bytes_t type = der_take(&alg, DER_OID), curve = der_take(&alg, DER_OID);
    bc_bytes_t key = der_take(&r, DER_OCTETS);
    if (top.err || r.err || alg.err || version.n != 1 || version.p[0] > 1)
        return false;
    if (!bc_bytes_eq(type, bc_bytes(oid_ec_public_key, sizeof oid_ec_public_key)) ||
        !curve_known(curve))
        return false;
    return sec1_scalar(key, false, out);
}

/* The first private key block of the text; EC PARAMETERS blocks before it are passed over. */
static bool pem_scalar(BIO *bio, uint8_t secret[32])
{
    bool ok = false, found = false;
    while (!found) {
        char *name = NULL, *header = NULL;
        uint8_t *der = NULL;
        long n = 0;
        if (PEM_read_bio(bio, &name, &header, &der, &n) != 1)
            break;
        bc_bytes_t v = bc_bytes(der, (size_t)n);
        if (header[0] == 0 && strcmp(name, "PRIVATE KEY") == 0) {
            found = true;
            ok = pkcs8_scalar(v, secret);
        } else if (header[0] == 0 && strcmp(name, "EC PRIVATE KEY") == 0) {
            found = true;
            ok = sec1_scalar(v, true, secret);
        }
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(der, (size_t)n);
    }
    return ok;
}

bc_err_t bc_keypair_parse_pem(bc_suite_t suite, bc_bytes_t pem, bc_keypair_t *out)
{
    uint8_t secret[32];
    if (pem.n == 0 || pem.n > PEM_SIZE_MAX)
        return BC_E_KEY;
    BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
    if (!bio)
        return BC_E_NOMEM;
    bc_err_t err = pem_scalar(bio, secret) ? bc_keypair_from_secret(suite, secret, out) : BC_E_KEY;
    BIO_free(bio);
    OPENSSL_cleanse(secret, sizeof secret);
    return err;
}

bc_err_t bc_keypair_load(bc_suite_t suite, const char *path, bc_keypair_t *out)
{
    uint8_t text[PEM_SIZE_MAX + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return BC_E_IO;
    size_t n = 0;
    ssize_t got = 0;
    while (n < sizeof text) {
        got = read(fd, text + n, sizeof text - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    close(fd);
    bc_err_t err = got < 0 ? BC_E_IO : bc_keypair_parse_pem(suite, bc_bytes(text, n), out);
    OPENSSL_cleanse(text, sizeof text);
    return err;
}

/* PKCS#8 with the public key inside, as `openssl genpkey` writes it. Returns the length. */
static size_t pkcs8_make(const bc_keypair_t *k, uint8_t out[160])
{
    const bool sm = k->suite == BC_SUITE_SM;
    const uint8_t *oid = sm ? oid_sm2 : oid_secp256k1;
    const uint8_t oid_n = sm ? sizeof oid_sm2 : sizeof oid_secp256k1;
    const uint8_t alg_n = (uint8_t)(2 + sizeof oid_ec_public_key + 2 + oid_n);
    const uint8_t body_n = (uint8_t)(3 + 2 + alg_n + 2 + 109);
    const uint8_t head[] = { DER_SEQUENCE, 0x81, body_n, DER_INTEGER, 1, 0, DER_SEQUENCE, alg_n,
                             DER_OID, sizeof oid_ec_public_key };
    const uint8_t key_head[] = { DER_OCTETS, 109, DER_SEQUENCE, 107, DER_INTEGER, 1, 1,
                                 DER_OCTETS, 32 };
    const uint8_t pub_head[] = { 0xa1, 68, 0x03, 66, 0x00, 0x04 };
    uint8_t *p = mempcpy(out, head, sizeof head);
    p = mempcpy(p, oid_ec_public_key, sizeof oid_ec_public_key);
    *p++ = DER_OID;
    *p++ = oid_n;
    p = mempcpy(p, oid, oid_n);
    p = mempcpy(p, key_head, sizeof key_head);
    p = mempcpy(p, k->secret, 32);
    p = mempcpy(p, pub_head, sizeof pub_head);
    p = mempcpy(p, k->pub.b, 64);
    return (size_t)(p - out);
}

bc_err_t bc_keypair_save(const bc_keypair_t *k, const char *path)
{
    uint8_t der[160];
    size_t n = pkcs8_make(k, der);
    bc_err_t err = BC_E_IO;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *f = NULL;
    /* the mode given to open does not change a file that was there */
    if (fd >= 0 && fchmod(fd, 0600) == 0 && (f = fdopen(fd, "w"))) {
        fd = -1;
        setvbuf(f, NULL, _IONBF, 0); /* no copy of the key in a stdio buffer */
        if (PEM_write(f, "PRIVATE KEY", "", der, (long)n) > 0 && fsync(fileno(f)) == 0)
            err = BC_OK;
        if (fclose(f) != 0)
            err = BC_E_IO;
    }
    if (fd >= 0)
        close(fd);
    OPENSSL_cleanse(der, sizeof der);
    return err;
}
