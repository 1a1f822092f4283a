/* Bad nodes: what byz.c (their frames on the way out, and their own doings), byz_forge.c (consensus
 * payloads), byz_names.c (others' words), byz_short.c (one vote too few), byz_certs.c (proofs with views), byz_hidden.c (a
 * quorum that nobody knows of), byz_lists.c (the moment when the sealer list
 * changes) and byz_sync.c (blocks and transactions) share. */
#ifndef BC_SIM_BYZ_H
#define BC_SIM_BYZ_H

#include "scheduling/front/front.h"
#include "scheduling/pbft/pbft_wire.h"
#include "sim_impl.h"

static inline bool byz_does(const sim_node_t *n, unsigned trick)
{
    return n->byz->tricks & trick;
}

/* What it has seen may be at the end of its range already. */
static inline int64_t byz_plus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* byz.c: a payload to one node, under the name of sender. */
void byz_post_frame(sim_node_t *n, const bc_nodeid_t *sender, int to, const bc_front_msg_t *fm);
void byz_post(sim_node_t *n, const bc_nodeid_t *sender, uint16_t module, int to,
              bc_bytes_t payload);
void byz_post_all(sim_node_t *n, const bc_nodeid_t *sender, uint16_t module, bc_bytes_t payload);
const sim_conf_t *byz_conf(const sim_node_t *n);
int64_t byz_index(const sim_node_t *n); /* own place in the list, 0 when there is none */
int64_t byz_view(const sim_node_t *n);
int64_t byz_extreme(sim_node_t *n); /* a number that no honest node sends */

/* byz_forge.c. New references, NULL: nothing to forge. */
/* What that receiver gets instead of the proposal: what, and who gets it, follow from its place. */
bc_buf_t *byz_twin(sim_node_t *n, const pbft_msg_t *pre, int to);
void byz_forge_proposal(sim_node_t *n, int to);
void byz_usurp(sim_node_t *n, int to);
void byz_raise_vote(sim_node_t *n, int to);
bc_buf_t *byz_sealed(sim_node_t *n, pbft_msg_t *m); /* signs and encodes */
/* b becomes an empty block of the fields of h, encoded into w. Its header: a reference. */
bc_hdr_t *byz_empty_block(bc_block_t *b, bc_header_t h, bc_wr_t *w);
void byz_votes(sim_node_t *n, const pbft_msg_t *m, int to);
bc_buf_t *byz_view_change(sim_node_t *n, const pbft_msg_t *vc);
/* A decided proposal of its own making. */
bc_buf_t *byz_committed(sim_node_t *n, pbft_msg_t *m);
/* Its proofs are true, and said to be of the newest view. */
bc_buf_t *byz_inflate(sim_node_t *n, pbft_msg_t *vc);
bc_buf_t *byz_new_view(sim_node_t *n, const pbft_msg_t *nv); /* nv NULL: out of what it has heard */
void byz_far(sim_node_t *n, int to);
/* The base of a message of its own; a vote has a proposal as well. */
void byz_base(sim_node_t *n, pbft_msg_t *m, int32_t type, int64_t index, const bc_h256_t *hash,
              int64_t view);
void byz_vote(sim_node_t *n, pbft_msg_t *m, int32_t type, int64_t index, const bc_h256_t *hash,
              int64_t view);
/* A proposal for the height after pre's, at once, when it leads that as well. */
void byz_ahead(sim_node_t *n, const pbft_msg_t *pre, int to);

/* byz_names.c: what others said, used again; the right moment. */
void byz_note_sig(sim_node_t *n, const bc_nodeid_t *from, const pbft_msg_t *m);
/* True votes under what was proposed, said again for view, in the names of those who gave them. */
void byz_raise_all(sim_node_t *n, int64_t view);
/* "We are all in a later view." */
void byz_lure(sim_node_t *n, int to);
void byz_pass_on(sim_node_t *n, bc_bytes_t payload);
/* Its checkpoint leaves right after another one: whoever lacks the block asks it then. */
bool byz_keeps_check(sim_node_t *n, bc_bytes_t payload, int64_t index);
void byz_second(sim_node_t *n, int64_t index);

/* byz_short.c: a hash that others prepared at index, and their signatures, with its own, of as many as
 * are no quorum. False: it has heard of none. The count of view changes that are no quorum, moved to
 * the front. */
bool byz_short_proof(sim_node_t *n, int64_t index, bc_h256_t *hash, int64_t *view,
                     pbft_sig_t sigs[SIM_NODES_MAX], size_t *cnt, uint8_t own[2][BC_SIG_MAX]);
size_t byz_short_vcs(const sim_node_t *n, pbft_msg_t *vcs, size_t cnt);
/* What it has heard of others who prepared hash, one signature of each. view -1: of any. */
size_t byz_sigs_for(const sim_node_t *n, int64_t index, const bc_h256_t *hash, int64_t view,
                    pbft_sig_t out[SIM_NODES_MAX]);
void byz_sort_sigs(pbft_sig_t *v, size_t cnt); /* by place */

/* byz_certs.c: its own part of a proof; own holds the signatures. */
pbft_sig_t byz_own_sig(const sim_node_t *n, int64_t index, const bc_h256_t *hash, int64_t view,
                       uint8_t own[2][BC_SIG_MAX]);
/* What a view change may report of index, true or not, as of view newest. False: it has heard of
 * nothing. */
bool byz_cert(sim_node_t *n, int64_t index, int64_t newest, pbft_msg_t *out,
              pbft_sig_t sigs[SIM_NODES_MAX + 1], uint8_t own[2][BC_SIG_MAX]);

/* That view change with something that is lost when it is written again. */
bc_buf_t *byz_odd_change(sim_node_t *n, bc_buf_t *plain);

/* byz_hidden.c. True: it has seen to the frame itself, its core does not get the question. */
bool byz_hides(sim_node_t *n, int to, const bc_front_msg_t *fm);
bool byz_gives_hidden(sim_node_t *n, int to, const bc_front_msg_t *fm);
/* A view change that tells of that block, or NULL. */
bc_buf_t *byz_tells_hidden(sim_node_t *n, const pbft_msg_t *vc);

/* byz_lists.c */
void byz_old_place(sim_node_t *n, const pbft_msg_t *m, int to);
void byz_old_checks(sim_node_t *n, int to);
void byz_early(sim_node_t *n, const pbft_msg_t *own, int to);
/* Of h's signatures a quorum by the list before the one that judges it, under their places there.
 * False: it is the same list, there are too few, or they would do by the right list as well. */
bool byz_sigs_of_old_list(sim_node_t *n, bc_header_t *h, bc_block_sig_t sigs[SIM_NODES_MAX]);
/* The first block of another list that `to` lacks together with the one before it; -1: none. */
int64_t byz_block_of_new_list(const sim_node_t *n, int to);

/* byz_sync.c */
/* The transaction that its proposals of that place name, and nobody else has. Borrowed. */
const bc_tx_t *byz_secret_tx(sim_node_t *n, int64_t index, int64_t view);
/* True: it was asked for that, and has answered. */
bool byz_gives_secret(sim_node_t *n, int to, const bc_front_msg_t *fm);
bc_buf_t *byz_sync_frame(sim_node_t *n, const bc_front_msg_t *fm);
void byz_sync_act(sim_node_t *n, int to);
void byz_txs_act(sim_node_t *n, int to);

#endif
