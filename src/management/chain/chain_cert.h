/* RSA certificates of links, in the forms that build_chain.sh makes (spec/20 §6). */
#ifndef BC_MANAGEMENT_CHAIN_CERT_H
#define BC_MANAGEMENT_CHAIN_CERT_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/err.h"
#include "base/types.h"

typedef struct {
    EVP_PKEY *key;
    X509 *cert;
} bc_chain_ca_t;

/* Makes a CA (X.509 v1, self-signed, sha256, 36500 days) in dir: ca.key, ca.crt, cert.cnf. */
bc_err_t bc_chain_ca_new(const char *dir, bc_chain_ca_t *ca) BC_WARN_UNUSED;
/* Loads dir/ca.key and dir/ca.crt. */
bc_err_t bc_chain_ca_load(const char *dir, bc_chain_ca_t *ca) BC_WARN_UNUSED;
void bc_chain_ca_free(bc_chain_ca_t *ca);
/* Makes dir/<type>.key (PKCS#8), <type>.crt signed by the CA, <type>.nodeid (the modulus in hex),
 * and copies of ca.crt and cert.cnf. type: "ssl" or "sdk". */
bc_err_t bc_chain_cert_new(const bc_chain_ca_t *ca, const char *dir, const char *type) BC_WARN_UNUSED;

#endif
