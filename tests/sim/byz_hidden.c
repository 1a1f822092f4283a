/* A quorum that nobody knows of. Where it leads, a bad node shows a block to just as many as make a
 * quorum with itself, and does not say that it prepared it: none of them precommits it, the others
 * go on with another one, and it holds a true proof. Who asks it for a block of that height, to take
 * it for decided or for prepared, gets this one, and now and then who asks for another height; a view
 * change tells of it now and then. */
#include "byz.h"

/* Honest ones, the light ones first, from another one on at each height. */
static uint32_t just_enough(const sim_node_t *n)
{
    const sim_t *s = n->world;
    const sim_conf_t *c = byz_conf(n);
    uint64_t sum = c->w[n->i], quorum = sim_conf_quorum(c, NULL);
    uint32_t who = 0;
    while (sum && sum < quorum) {
        int best = -1;
        for (int k = 0; k < s->cnt; k++) {
            int i = (int)((n->disk.height + k) % s->cnt);
            if (c->w[i] && i != n->i && !s->nodes[i].bad && !(who >> i & 1) &&
                (best < 0 || c->w[i] < c->w[best]))
                best = i;
        }
        if (best < 0)
            return 0;
        who |= 1u << best;
        sum += c->w[best];
    }
    return sum ? who : 0;
}

/* Not at each turn, and once at a height. */
static bool takes_turn(const sim_node_t *n, const pbft_msg_t *pre)
{
    int64_t place[] = { (int64_t)n->world->o.seed, pre->base.index, pre->base.view, n->i, 7 };
    bc_h256_t draw;
    bc_keccak256(bc_bytes((const uint8_t *)place, sizeof place), &draw);
    return draw.b[0] % 3 == 0 && pre->base.index == n->disk.height + 1 &&
           pre->base.index != n->byz->hidden.index;
}

static bool make(sim_node_t *n, const pbft_msg_t *pre)
{
    bc_arena_t arena = { 0 };
    bc_block_t b;
    uint32_t who = just_enough(n);
    bool ok = who && bc_tars_decode(&bc_block_tars, pre->proposal.data, &b, &arena) == BC_OK;
    if (ok) {
        bc_header_t h = b.header;
        bc_wr_t w = { 0 };
        h.data.timestamp = byz_plus(h.data.timestamp, 29);
        bc_hdr_t *hdr = byz_empty_block(&b, h, &w);
        bc_buf_unref(n->byz->hidden.data);
        n->byz->hidden.data = bc_buf_copy(bc_wr_view(&w));
        n->byz->hidden.index = pre->base.index;
        n->byz->hidden.view = pre->base.view;
        n->byz->hidden.sealer = pre->proposal.sealer;
        n->byz->hidden.hash = hdr->hash;
        n->byz->hidden.told = who;
        sim_trace(n->world, "node %d shows a block of height %ld view %ld to %x only", n->i,
                  (long)pre->base.index, (long)pre->base.view, who);
        bc_wr_free(&w);
        bc_hdr_unref(hdr);
    }
    bc_arena_free(&arena);
    return ok;
}

bool byz_hides(sim_node_t *n, int to, const bc_front_msg_t *fm)
{
    int kind = sim_pbft_type(fm->payload);
    pbft_msg_t m, out;
    bc_arena_t arena = { 0 };
    bool here = false;
    if (!byz_does(n, SIM_TRICK_PROOFS) || fm->module != BC_MODULE_PBFT ||
        fm->ext & BC_FRONT_EXT_RESPONSE ||
        (kind != PBFT_PRE_PREPARE && kind != PBFT_PREPARE && kind != PBFT_COMMIT))
        return false;
    if (pbft_decode(BC_SUITE_STANDARD, fm->payload, &m, &arena) == BC_OK) {
        here = n->byz->hidden.data && m.base.index == n->byz->hidden.index &&
               m.base.view == n->byz->hidden.view;
        if (!here && kind == PBFT_PRE_PREPARE && takes_turn(n, &m))
            here = make(n, &m);
        if (here && kind == PBFT_PRE_PREPARE && n->byz->hidden.told >> to & 1) {
            byz_vote(n, &out, PBFT_PRE_PREPARE, m.base.index, &n->byz->hidden.hash, m.base.view);
            out.proposal.sealer = n->byz->hidden.sealer;
            out.proposal.data = bc_buf_view(n->byz->hidden.data);
            bc_buf_t *b = byz_sealed(n, &out);
            byz_post(n, &n->key.pub, BC_MODULE_PBFT, to, bc_buf_view(b));
            bc_buf_unref(b);
        }
    }
    bc_arena_free(&arena);
    return here;
}

/* The block as prepared, with its proof. False: there is none yet. */
static bool prepared(sim_node_t *n, pbft_msg_t *vote, pbft_sig_t sigs[SIM_NODES_MAX + 1],
                     uint8_t own[2][BC_SIG_MAX])
{
    const sim_conf_t *c = byz_conf(n);
    int list[SIM_NODES_MAX];
    uint64_t sum = c->w[n->i];
    if (!n->byz->hidden.data || !sum)
        return false;
    sim_conf_list(c, list);
    const bc_h256_t *hash = &n->byz->hidden.hash;
    size_t cnt = byz_sigs_for(n, n->byz->hidden.index, hash, n->byz->hidden.view, sigs);
    for (size_t i = 0; i < cnt; i++)
        sum += c->w[list[sigs[i].node]];
    sigs[cnt++] = byz_own_sig(n, n->byz->hidden.index, hash, n->byz->hidden.view, own);
    byz_sort_sigs(sigs, cnt);
    byz_vote(n, vote, PBFT_COMMIT, n->byz->hidden.index, hash, n->byz->hidden.view);
    vote->proposal.sealer = n->byz->hidden.sealer;
    vote->proposal.proof = sigs;
    vote->proposal.proof_cnt = cnt;
    return sum >= sim_conf_quorum(c, NULL);
}

/* And that it was executed: with its result, which nobody else will sign. */
static void say_result(sim_node_t *n, int to)
{
    bc_arena_t arena = { 0 };
    bc_block_t b;
    bc_h256_t hash;
    uint8_t sig[BC_SIG_MAX];
    pbft_msg_t m;
    if (bc_tars_decode(&bc_block_tars, bc_buf_view(n->byz->hidden.data), &b, &arena) == BC_OK &&
        host_empty_result(n, &b.header, &hash)) {
        byz_vote(n, &m, PBFT_CHECKPOINT, n->byz->hidden.index, &hash, byz_view(n));
        m.proposal.sig = bc_bytes(sig, bc_sign(&n->key, &hash, sig));
        bc_buf_t *out = byz_sealed(n, &m);
        n->byz->hurry = true;
        byz_post(n, &n->key.pub, BC_MODULE_PBFT, to, bc_buf_view(out));
        n->byz->hurry = false;
        bc_buf_unref(out);
    }
    bc_arena_free(&arena);
}

bool byz_gives_hidden(sim_node_t *n, int to, const bc_front_msg_t *fm)
{
    int kind = sim_pbft_type(fm->payload);
    pbft_msg_t m, vote, out = { .type = PBFT_COMMITTED_RESPONSE, .has_base = true };
    pbft_sig_t sigs[SIM_NODES_MAX + 1];
    uint8_t own[2][BC_SIG_MAX];
    bc_arena_t arena = { 0 };
    bool does = byz_does(n, SIM_TRICK_PROOFS) && to >= 0 && n->byz->hidden.data &&
                !(fm->ext & BC_FRONT_EXT_RESPONSE) &&
                (kind == PBFT_COMMITTED_REQUEST || kind == PBFT_PREPARED_REQUEST) &&
                pbft_decode(BC_SUITE_STANDARD, fm->payload, &m, &arena) == BC_OK &&
                (m.base.index == n->byz->hidden.index || sim_random(n->world, 4) == 0) &&
                sim_random(n->world, 3) &&
                prepared(n, &vote, sigs, own);
    if (does) {
        vote.proposal.data = bc_buf_view(n->byz->hidden.data);
        if (kind == PBFT_COMMITTED_REQUEST) {
            out.proposals = &vote.proposal;
            out.proposal_cnt = 1;
            say_result(n, to);
        } else {
            out.type = PBFT_PREPARED_RESPONSE;
            out.votes = &vote;
            out.vote_cnt = 1;
        }
        bc_buf_t *b = byz_sealed(n, &out);
        byz_post_frame(n, &n->key.pub, to,
                       &(bc_front_msg_t){ .module = BC_MODULE_PBFT,
                                          .ext = BC_FRONT_EXT_RESPONSE,
                                          .uuid = fm->uuid,
                                          .payload = bc_buf_view(b) });
        bc_buf_unref(b);
    }
    bc_arena_free(&arena);
    return does;
}

bc_buf_t *byz_tells_hidden(sim_node_t *n, const pbft_msg_t *vc)
{
    pbft_msg_t m = *vc, vote;
    pbft_sig_t sigs[SIM_NODES_MAX + 1];
    uint8_t own[2][BC_SIG_MAX];
    if (n->byz->hidden.index <= vc->base.index || sim_random(n->world, 3) ||
        !prepared(n, &vote, sigs, own))
        return NULL;
    m.votes = &vote;
    m.vote_cnt = 1;
    return byz_sealed(n, &m);
}
