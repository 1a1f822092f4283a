/* What the files of this folder share. */
#ifndef BC_ACCESS_TLCP_IMPL_H
#define BC_ACCESS_TLCP_IMPL_H

#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/x509v3.h>
#include "access/tlcp/tlcp.h"
#include "crypto/suite.h"

enum {
    TLCP_VERSION = 0x0101,
    SUITE_ECDHE_SM4_CBC_SM3 = 0xe011,
    SUITE_ECC_SM4_CBC_SM3 = 0xe013,
    SCSV_RENEGOTIATION = 0x00ff,
    CURVE_SM2 = 249, /* TASSL's number; the standard's is 41, and nobody looks */

    RECORD_HEADER = 5,
    RECORD_PLAIN_MAX = 16384,
    RECORD_MAX = RECORD_PLAIN_MAX + 1024, /* encrypted */
    HANDSHAKE_MAX = 32768,
    CERTS_MAX = 10,
    WARNINGS_MAX = 8, /* alerts of no consequence, and empty records, in a row */

    SM4_BLOCK = 16,
    SM3_SIZE = 32,
    SM2_SIG_MAX = 80,
    RANDOM_SIZE = 32,
    PREMASTER_SIZE = 48,
    MASTER_SIZE = 48,
    VERIFY_SIZE = 12,
};

enum { REC_CCS = 20, REC_ALERT, REC_HANDSHAKE, REC_DATA };

enum {
    HS_HELLO_REQUEST = 0,
    HS_CLIENT_HELLO = 1,
    HS_SERVER_HELLO = 2,
    HS_CERTIFICATE = 11,
    HS_SERVER_KEY = 12,
    HS_CERTIFICATE_REQUEST = 13,
    HS_HELLO_DONE = 14,
    HS_CERTIFICATE_VERIFY = 15,
    HS_CLIENT_KEY = 16,
    HS_FINISHED = 20,
};

#define TLCP_USE_SIGN KU_DIGITAL_SIGNATURE
#define TLCP_USE_ENC  (KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT | KU_KEY_AGREEMENT)

enum { EXT_ENCRYPT_THEN_MAC = 22, EXT_EXTENDED_MASTER = 23, EXT_RENEGOTIATION = 0xff01 };

enum {
    ALERT_CLOSE = 0,
    ALERT_UNEXPECTED = 10,
    ALERT_BAD_MAC = 20,
    ALERT_OVERFLOW = 22,
    ALERT_HANDSHAKE = 40,
    ALERT_BAD_CERT = 42,
    ALERT_UNSUPPORTED_CERT = 43,
    ALERT_ILLEGAL = 47,
    ALERT_UNKNOWN_CA = 48,
    ALERT_ACCESS = 49,
    ALERT_DECODE = 50,
    ALERT_DECRYPT = 51,
    ALERT_VERSION = 70,
    ALERT_INTERNAL = 80,
    ALERT_NO_RENEGOTIATION = 100,
};

/* What comes next from the other side. */
typedef enum {
    /* server */
    WANT_CLIENT_HELLO,
    WANT_CLIENT_CERT,
    WANT_CLIENT_KEY,
    WANT_CERT_VERIFY,
    /* client */
    BEGIN_CLIENT, /* our hello is still to be sent */
    WANT_SERVER_HELLO,
    WANT_SERVER_CERT,
    WANT_SERVER_KEY,
    WANT_CERT_REQUEST, /* or HelloDone */
    WANT_HELLO_DONE,
    /* both */
    WANT_CCS,
    WANT_FINISHED,
    OPEN,
    CLOSED,
    FAILED,
} tlcp_state_t;

struct bc_tlcp_ctx {
    X509 *sign_cert, *enc_cert;
    EVP_PKEY *sign_key, *enc_key;
    bc_keypair_t enc_pair; /* enc_key */
    X509_STORE *roots;
    bool verify;
    bool (*accept)(void *ctx, X509 *leaf, void *app);
    void *accept_ctx;
    bc_wr_t chain;   /* body of our Certificate message */
    bc_wr_t enc_der; /* our encryption certificate with its three bytes of length */
    EVP_CIPHER *sm4;
    EVP_MD *sm3;
    EVP_MAC *hmac;
    EVP_KDF *prf;
};

/* One direction of the record layer. */
typedef struct {
    EVP_CIPHER_CTX *cipher; /* NULL: in the clear */
    EVP_MAC_CTX *mac;
    uint64_t seq;
    bool encrypt_then_mac;
} tlcp_half_t;

struct bc_tlcp {
    const bc_tlcp_ctx_t *x;
    void *app;
    bool server;
    tlcp_state_t state;
    tlcp_half_t in, out;
    bc_wr_t rx;      /* the record that is coming */
    bool rx_used;    /* it has been given out; the next one takes its place */
    bc_wr_t message; /* the handshake message that is coming */
    EVP_MD_CTX *transcript;
    uint8_t before[SM3_SIZE]; /* of all messages before the one being looked at */
    uint8_t randoms[2 * RANDOM_SIZE]; /* client's, server's */
    uint8_t master[MASTER_SIZE];
    uint8_t keys[2 * SM3_SIZE + 2 * SM4_BLOCK]; /* MAC and cipher keys, client's first each */
    const uint16_t *offers; /* client: suites, the favourite first */
    size_t offer_cnt;
    uint16_t suite;
    bool encrypt_then_mac, extended_master, renegotiation;
    bool cert_wanted; /* the server asked for ours */
    unsigned idle_records;
    X509 *peer_sign, *peer_enc;
    bc_keypair_t once;     /* ECDHE: made for this connection */
    bc_nodeid_t peer_once; /* and the other side's */
    bool close_sent;
    char reason[160];
};

/* tlcp.c */
/* Ends the connection with an alert; always BC_TLCP_FAILED. */
bc_tlcp_result_t tlcp_fail(bc_tlcp_t *t, bc_wr_t *out, uint8_t alert, const char *fmt, ...)
    BC_PRINTF(4, 5);
/* Sends one handshake message; it enters the transcript. */
bool tlcp_send(bc_tlcp_t *t, bc_wr_t *out, uint8_t type, bc_bytes_t body);
/* The extensions of a hello. False: malformed, or one that a client did not offer. */
bool tlcp_read_extensions(bc_tlcp_t *t, bc_rd_t *r);

/* What a message does in a state; any other message there ends the connection. */
typedef struct {
    tlcp_state_t state;
    uint8_t type;
    bc_tlcp_result_t (*take)(bc_tlcp_t *t, bc_bytes_t body, bc_wr_t *out);
} tlcp_step_t;
bc_tlcp_result_t tlcp_step(bc_tlcp_t *t, const tlcp_step_t *steps, size_t cnt, uint8_t type,
                           bc_bytes_t body, bc_wr_t *out);
void tlcp_hash_now(const bc_tlcp_t *t, uint8_t hash[SM3_SIZE]);
/* ChangeCipherSpec and Finished; our direction is encrypted from there on. */
bool tlcp_send_finished(bc_tlcp_t *t, bc_wr_t *out);

/* tlcp_record.c */
bool tlcp_half_start(const bc_tlcp_t *t, tlcp_half_t *h, bool client, bool encrypt);
void tlcp_half_end(tlcp_half_t *h);
/* data: at most RECORD_PLAIN_MAX bytes */
bool tlcp_record_put(bc_tlcp_t *t, bc_wr_t *out, uint8_t type, bc_bytes_t data);
/* BC_TLCP_OK: type and its content, in t->rx until the next call. */
bc_tlcp_result_t tlcp_record_get(bc_tlcp_t *t, bc_bytes_t *in, bc_wr_t *out, uint8_t *type,
                                 bc_bytes_t *data);

/* tlcp_keys.c */
bool tlcp_prf(const bc_tlcp_ctx_t *x, bc_bytes_t secret, const char *label, bc_bytes_t seed1,
              bc_bytes_t seed2, uint8_t *out, size_t n);
/* master and keys of the connection; the premaster secret is wiped. */
bool tlcp_derive(bc_tlcp_t *t, uint8_t premaster[PREMASTER_SIZE]);
/* SM2 over SM3 of the parts one after the other, in DER; ours, as messages carry it, behind two bytes
 * of length. The parts may lie in out. */
bool tlcp_put_signature(const bc_tlcp_ctx_t *x, const bc_bytes_t *parts, size_t cnt, bc_wr_t *out);
bool tlcp_verify(const bc_tlcp_ctx_t *x, EVP_PKEY *key, const bc_bytes_t *parts, size_t cnt,
                 bc_bytes_t sig);
bool tlcp_encrypt(EVP_PKEY *key, bc_bytes_t in, bc_wr_t *out);
/* False: not 48 bytes encrypted to this key. */
bool tlcp_decrypt(EVP_PKEY *key, bc_bytes_t in, uint8_t out[PREMASTER_SIZE]);
bool tlcp_is_sm2(const EVP_PKEY *key);

/* tlcp_agree.c: ECDHE. False: no SM2 key. */
bool tlcp_pair_of(const EVP_PKEY *key, bc_keypair_t *out);
/* The form of a point of the named curve. */
void tlcp_put_point(bc_wr_t *w, uint16_t curve, const bc_nodeid_t *pub);
/* A malformed one sets r->err. */
void tlcp_read_point(bc_rd_t *r, bc_nodeid_t *pub);
/* From the once keys and the encryption keys of both; false: the peer's are unusable. */
bool tlcp_agree(const bc_tlcp_t *t, uint8_t premaster[PREMASTER_SIZE]);

/* tlcp_cert.c */
void tlcp_be24(bc_wr_t *w, size_t v);
bool tlcp_put_cert(bc_wr_t *w, X509 *x);
/* The peer's Certificate message: reads, checks and keeps; next is what is wanted then. BC_TLCP_OK or
 * BC_TLCP_FAILED. */
bc_tlcp_result_t tlcp_take_certs(bc_tlcp_t *t, bc_bytes_t body, tlcp_state_t next, bc_wr_t *out);

/* tlcp_client.c, tlcp_server.c: one handshake message of the other side */
bc_tlcp_result_t tlcp_client_begin(bc_tlcp_t *t, bc_wr_t *out);
bc_tlcp_result_t tlcp_client_take(bc_tlcp_t *t, uint8_t type, bc_bytes_t body, bc_wr_t *out);
bc_tlcp_result_t tlcp_server_take(bc_tlcp_t *t, uint8_t type, bc_bytes_t body, bc_wr_t *out);

#endif
