/* Certificates of links, in the forms that build_chain.sh makes (spec/20 §6).
 *
 * A chain's links are of one of two kinds. Ordinary TLS takes RSA certificates, one a node.
 * National-crypto TLS (GM/T 0024, "sm_ssl" in config.ini) takes certificates of SM2 keys signed
 * with SM3, two a node: one whose key signs, and one, with "en" in its name, whose key the other
 * side encrypts to. A CA makes certificates of its own kind only. Its files:
 *
 *             in the CA's directory                          beside a node (ssl) or client (sdk)
 *   ordinary  ca.crt ca.key cert.cnf                         ca.crt cert.cnf ssl.{crt,key,nodeid}
 *   SM        sm_ca.crt sm_ca.key sm_cert.cnf sm_sm2.param   sm_ca.crt sm_ssl.{crt,key,nodeid}
 *                                                            sm_enssl.{crt,key}
 *
 * Keys are PKCS#8, not encrypted, mode 0600. An SM2 key is named as an EC key on the curve
 * 1.2.156.10197.1.301, which both OpenSSL 3 and the fork of 1.1.1 in official nodes and SDKs read.
 * Whoever verifies an SM signature must set the signer's id, BC_SM2_ID, on each X509.
 *
 * All functions print what failed. Source: tools/BcosAirBuilder/build_chain.sh: gen_chain_cert,
 * gen_rsa_node_cert, gen_sm_chain_cert, gen_sm_node_cert. */
#ifndef BC_MANAGEMENT_CHAIN_CERT_H
#define BC_MANAGEMENT_CHAIN_CERT_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/err.h"
#include "base/types.h"


typedef enum { BC_CHAIN_LINK_TLS, BC_CHAIN_LINK_SM } bc_chain_link_t;

/* All zero is fine for bc_chain_ca_free. */
typedef struct {
    bc_chain_link_t link;
    EVP_PKEY *key;
    X509 *cert;
} bc_chain_ca_t;

/* Makes a CA for 36500 days and its files in dir, which is made too. *ca is the caller's to free,
 * and empty after an error. */
bc_err_t bc_chain_ca_new(bc_chain_link_t link, const char *dir, bc_chain_ca_t *ca) BC_WARN_UNUSED;
/* Loads key and certificate from dir. BC_E_IO when they are not there, do not fit together or are
 * of another kind. *ca as for bc_chain_ca_new. */
bc_err_t bc_chain_ca_load(bc_chain_link_t link, const char *dir, bc_chain_ca_t *ca) BC_WARN_UNUSED;
/* Copies a CA's files to another directory, which is made. */
bc_err_t bc_chain_ca_copy(bc_chain_link_t link, const char *from, const char *to) BC_WARN_UNUSED;
void bc_chain_ca_free(bc_chain_ca_t *ca);

/* Makes the files of one node (type "ssl") or of a host's clients ("sdk") in dir, which is made.
 * ssl.nodeid is the id that peers and the lists of config.ini know: the modulus, 512 hex digits,
 * or X || Y of the signing key, 128. */
bc_err_t bc_chain_cert_new(const bc_chain_ca_t *ca, const char *dir,
                           const char *type) BC_WARN_UNUSED;

#endif
