/* PBFT messages as values, and their bytes (spec/30 §3.1, §3.2). Private to the room. */
#ifndef BC_PBFT_WIRE_H
#define BC_PBFT_WIRE_H

#include "base/arena.h"
#include "base/buf.h"
#include "crypto/suite.h"

enum {
    PBFT_PRE_PREPARE = 0,
    PBFT_PREPARE = 1,
    PBFT_COMMIT = 2,
    PBFT_VIEW_CHANGE = 3,
    PBFT_NEW_VIEW = 4,
    PBFT_COMMITTED_REQUEST = 5,
    PBFT_COMMITTED_RESPONSE = 6,
    PBFT_PREPARED_REQUEST = 7,
    PBFT_PREPARED_RESPONSE = 8,
    PBFT_CHECKPOINT = 9,
    PBFT_RECOVER_REQUEST = 10,
    PBFT_RECOVER_RESPONSE = 11,
};

/* What a peer may make us hold: larger messages are dropped before decoding. */
#define PBFT_MSG_MAX ((size_t)64 << 20)

typedef struct {
    int32_t version;
    bool has_hash; /* the hash field is there and 32 bytes long */
    int64_t index, view, timestamp, from;
    bc_h256_t hash;
    bc_bytes_t sig_hash, sig; /* only on view changes inside a NewView */
} pbft_base_t;

/* One of a proof: the signature over the proposal's hash, which knows no view, and from nodes of ours
 * also the signature over the base of the Prepare message, which has this timestamp (else empty). */
typedef struct {
    int64_t node;
    bc_bytes_t sig;
    int64_t time;
    bc_bytes_t vote;
} pbft_sig_t;

typedef struct {
    bool has_raw;  /* field 1 (RawProposal) is there */
    bool has_hash;
    bool system;
    int64_t index, sealer;
    bc_h256_t hash;
    bc_bytes_t data, sig, extra;
    size_t proof_cnt;
    pbft_sig_t *proof;
} pbft_proposal_t;

typedef struct pbft_msg pbft_msg_t;
struct pbft_msg {
    int32_t version; /* of the envelope */
    int32_t type;
    bool has_base;      /* types 3, 4, 5, 7, 8: field 1 is there */
    bool has_proposal;  /* consensusProposal (votes), committedProposal (type 3) */
    pbft_base_t base;
    pbft_proposal_t proposal;
    size_t proposal_cnt;         /* type 6 */
    pbft_proposal_t *proposals;
    size_t vote_cnt;             /* type 3, 8: preparedProposals; type 4: prePrepareList */
    pbft_msg_t *votes;
    size_t vc_cnt;               /* type 4 */
    pbft_msg_t *vcs;
    int64_t size;                /* type 5 */
    bc_bytes_t sig;              /* by base.from over digest; empty when the kind has none */
    bc_h256_t digest;
};

/* Decodes a front payload; views and lists live in the arena, whose use is bounded by a small
 * multiple of the input. For view changes inside a NewView sig is the carried one and digest is
 * recomputed from the fields, never believed.
 * BC_E_TOO_BIG, BC_E_FORMAT (also an unknown type), BC_E_NOMEM. */
bc_err_t pbft_decode(bc_suite_t suite, bc_bytes_t in, pbft_msg_t *out, bc_arena_t *arena) BC_WARN_UNUSED;

/* The digest that m's signature covers, by kind: fields must be complete. Kinds without a
 * signature get zero. */
void pbft_digest(bc_suite_t suite, const pbft_msg_t *m, bc_h256_t *out);

/* What the signature of a Prepare with these fields covers. */
void pbft_vote_digest(bc_suite_t suite, const pbft_base_t *base, bc_h256_t *out);

/* Front payload of m with m->sig; NULL only when memory is gone. */
bc_buf_t *pbft_encode(const pbft_msg_t *m) BC_WARN_UNUSED;

/* PBFTRawProposal alone, as stored in pbftCommitDB (spec/30 §3.11). */
bc_buf_t *pbft_proposal_encode(const pbft_proposal_t *p) BC_WARN_UNUSED;
bc_err_t pbft_proposal_decode(bc_bytes_t in, pbft_proposal_t *out, bc_arena_t *arena) BC_WARN_UNUSED;

#endif
