/* Proofs that show a view, or seem to: what releases others from what they precommitted, so the way to
 * a fork if they believed too much (docs/notes/0017). Made of true signatures wherever there are any. */
#include <stdlib.h>
#include "byz.h"

pbft_sig_t byz_own_sig(const sim_node_t *n, int64_t index, const bc_h256_t *hash, int64_t view,
                       uint8_t own[2][BC_SIG_MAX])
{
    pbft_msg_t m;
    bc_h256_t digest;
    byz_vote((sim_node_t *)(uintptr_t)n, &m, PBFT_PREPARE, index, hash, view);
    pbft_digest(BC_SUITE_STANDARD, &m, &digest);
    return (pbft_sig_t){ .node = byz_index(n),
                         .sig = bc_bytes(own[0], bc_sign(&n->key, hash, own[0])),
                         .time = m.base.timestamp,
                         .vote = bc_bytes(own[1], bc_sign(&n->key, &digest, own[1])) };
}

enum { CERT_TRUE, CERT_LIFTED, CERT_MIXED, CERT_OWN, CERT_BORROWED, CERT_PART, CERT_KINDS };

/* The vote signatures of another block, by the same nodes as far as they gave any. */
static void borrow(sim_node_t *n, int64_t index, const bc_h256_t *hash, pbft_sig_t *sigs, size_t cnt)
{
    size_t known = BC_MIN(n->byz->sig_cnt, (size_t)BYZ_SIGS);
    for (size_t i = 0; i < known; i++) {
        const sim_sig_t *other = &n->byz->sigs[i];
        for (size_t k = 0; k < cnt; k++)
            if (other->index == index && !bc_h256_eq(&other->hash, hash) &&
                sim_conf_index(byz_conf(n), other->node) == sigs[k].node) {
                sigs[k].time = other->time;
                sigs[k].vote = bc_bytes(other->vote, other->vote_len);
            }
    }
}

bool byz_cert(sim_node_t *n, int64_t index, int64_t newest, pbft_msg_t *out,
              pbft_sig_t sigs[SIM_NODES_MAX + 1], uint8_t own[2][BC_SIG_MAX])
{
    size_t known = BC_MIN(n->byz->sig_cnt, (size_t)BYZ_SIGS), start = sim_random(n->world, known + 1);
    const sim_sig_t *of = NULL;
    for (size_t i = 0; i < known && !of; i++)
        if (n->byz->sigs[(start + i) % known].index == index)
            of = &n->byz->sigs[(start + i) % known];
    if (!of)
        return false;
    int kind = (int)sim_random(n->world, CERT_KINDS);
    int64_t view = kind == CERT_TRUE || kind == CERT_BORROWED ? of->view : newest;
    size_t cnt = byz_sigs_for(n, index, &of->hash, kind == CERT_MIXED ? -1 : of->view, sigs);
    sigs[cnt++] = byz_own_sig(n, index, &of->hash, view, own);
    for (size_t i = 0; i < cnt && kind == CERT_OWN; i++) {
        sigs[i].time = sigs[cnt - 1].time;
        sigs[i].vote = sigs[cnt - 1].vote;
    }
    if (kind == CERT_BORROWED)
        borrow(n, index, &of->hash, sigs, cnt);
    if (kind == CERT_PART) /* what nobody can write again as it is */
        sigs[sim_random(n->world, cnt)].vote.n = 0;
    byz_sort_sigs(sigs, cnt);
    byz_vote(n, out, PBFT_COMMIT, index, &of->hash, view);
    out->proposal.proof = sigs;
    out->proposal.proof_cnt = cnt;
    return true;
}

/* ---- what cannot be written again as it was ---- */

static size_t varint(uint8_t *to, uint64_t v)
{
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        to[n++] = (uint8_t)(v | 0x80);
    to[n++] = (uint8_t)v;
    return n;
}

static size_t field(uint8_t *to, uint8_t tag, bc_bytes_t v)
{
    size_t n = 1;
    to[0] = tag;
    n += varint(to + n, v.n);
    memcpy(to + n, v.p, v.n);
    return n + v.n;
}

/* A signed view change as encoded: type, signature, payload. A field that nobody knows goes to the end
 * of the payload, and the signature is over that. */
bc_buf_t *byz_odd_change(sim_node_t *n, bc_buf_t *plain)
{
    static const uint8_t unknown[] = { 0xf8, 0x07, 0x01 };
    size_t at = 2; /* behind the type */
    for (int i = 0; i < 2; i++) { /* the last field is the payload */
        size_t len = 0, shift = 0;
        do
            len |= (size_t)(plain->p[++at] & 0x7f) << shift, shift += 7;
        while (plain->p[at] & 0x80);
        at += 1 + (i ? 0 : len);
    }
    size_t len = plain->n - at;
    uint8_t *payload = bc_xcalloc(1, len + sizeof unknown), *out = bc_xcalloc(1, plain->n + 200);
    uint8_t sig[BC_SIG_MAX];
    bc_h256_t digest;
    memcpy(payload, plain->p + at, len);
    memcpy(payload + len, unknown, sizeof unknown);
    bc_hash(BC_SUITE_STANDARD, bc_bytes(payload, len + sizeof unknown), &digest);
    size_t cnt = 2;
    memcpy(out, plain->p, cnt);
    cnt += field(out + cnt, 0x1a, bc_bytes(sig, bc_sign(&n->key, &digest, sig)));
    cnt += field(out + cnt, 0x22, bc_bytes(payload, len + sizeof unknown));
    bc_buf_t *b = bc_buf_copy(bc_bytes(out, cnt));
    free(payload);
    free(out);
    return b;
}
