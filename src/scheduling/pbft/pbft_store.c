/* The consensus store: the official table of executed proposals (spec/30 §3.11) and our record of
 * views and votes (design W3).
 *
 * cbcosVote:view   version u8 = 1, view be64, toView be64
 * cbcosVote:p<n>   version, view be64, PBFTRawProposal with data: what we prepared at height n
 * cbcosVote:c<n>   version, view be64, PBFTRawProposal with proof: what we precommitted; without data
 *                  when it is the block of p<n> */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "codec/hex.h"
#include "pbft_impl.h"

#define VERSION 1

static void persist(pbft_t *p, const char *key, bc_buf_t *value)
{
    bc_msg_t *m = bc_out_msg(p->out, BC_ACTOR_HOST, BC_MSG_PERSIST);
    snprintf(m->key, sizeof m->key, "%s", key);
    m->data = value;
}

static bc_buf_t *record(const int64_t *nums, size_t cnt, bc_buf_t *tail)
{
    size_t tn = tail ? tail->n : 0;
    bc_buf_t *b = bc_buf_new(1 + 8 * cnt + tn);
    BC_MUST(b);
    b->p[0] = VERSION;
    for (size_t i = 0; i < cnt; i++)
        bc_store_be64(b->p + 1 + 8 * i, (uint64_t)nums[i]);
    if (tn)
        memcpy(b->p + 1 + 8 * cnt, tail->p, tn);
    bc_buf_unref(tail);
    return b;
}

void pbft_store_view(pbft_t *p)
{
    persist(p, BC_PBFT_TABLE_VOTE ":view", record((int64_t[]){ p->view, p->to_view }, 2, NULL));
}

static void vote_key(char out[40], char kind, int64_t number)
{
    snprintf(out, 40, BC_PBFT_TABLE_VOTE ":%c%" PRId64, kind, number);
}

void pbft_store_prepare(pbft_t *p, const prop_t *q, int64_t view)
{
    char key[40];
    pbft_proposal_t w;
    prop_to_wire(q, true, &w);
    bc_buf_t *tail = pbft_proposal_encode(&w);
    BC_MUST(tail);
    vote_key(key, 'p', q->index);
    persist(p, key, record(&view, 1, tail));
}

static bc_buf_t *with_proof(const prop_t *q, const votes_t *proof, bool with_view, bool data)
{
    bc_arena_t a = { 0 };
    pbft_proposal_t w;
    prop_to_wire(q, data, &w);
    votes_to_wire(proof, with_view, &w, &a);
    bc_buf_t *b = pbft_proposal_encode(&w);
    bc_arena_free(&a);
    BC_MUST(b);
    return b;
}

void pbft_store_precommit(pbft_t *p, const slot_t *s)
{
    char key[40];
    bool known = s->voted_view >= 0 && bc_h256_eq(&s->voted_hash, &s->pc->hash);
    vote_key(key, 'c', s->index);
    persist(p, key, record(&s->pc_view, 1, with_proof(s->pc, &s->proof, true, !known && s->pc->data)));
}

void pbft_store_unbind(pbft_t *p, int64_t index)
{
    char key[40];
    vote_key(key, 'c', index);
    persist(p, key, NULL);
}

static void commit_key(char out[40], int64_t number)
{
    snprintf(out, 40, BC_PBFT_TABLE_COMMIT ":%" PRId64, number);
}

static void stored_put(pbft_t *p, int64_t index, bc_buf_t *value)
{
    stored_t *at = &p->stored[(size_t)index % BC_ARRAY_LEN(p->stored)];
    bc_buf_unref(at->value);
    at->index = index;
    at->value = bc_buf_ref(value);
}

bc_buf_t *pbft_stored_find(pbft_t *p, int64_t index)
{
    if (index < 0)
        return NULL;
    stored_t *at = &p->stored[(size_t)index % BC_ARRAY_LEN(p->stored)];
    return at->index == index ? at->value : NULL;
}

void pbft_store_executed(pbft_t *p, const slot_t *s)
{
    char key[40], text[24];
    bc_buf_t *b = with_proof(s->dec, &s->dec_proof, false, true);
    stored_put(p, s->index, b);
    commit_key(key, s->index);
    persist(p, key, b);
    snprintf(text, sizeof text, "%" PRId64, s->index);
    b = bc_buf_copy(bc_cstr(text));
    BC_MUST(b);
    persist(p, BC_PBFT_TABLE_COMMIT ":max_committed_proposal", b);
}

/* Heights up to number are in the ledger: their votes are void, and of the executed proposals the
 * last few stay for peers. */
void pbft_store_forget(pbft_t *p, int64_t number)
{
    char key[40];
    if (p->self < 0)
        return;
    vote_key(key, 'p', number);
    persist(p, key, NULL);
    pbft_store_unbind(p, number);
    int64_t old = number - PBFT_STORED_KEEP;
    if (old > 0) {
        commit_key(key, old);
        persist(p, key, NULL);
        stored_t *at = &p->stored[(size_t)old % BC_ARRAY_LEN(p->stored)];
        if (at->index == old) {
            bc_buf_unref(at->value);
            *at = (stored_t){ 0 };
        }
    }
}

/* ---- restart ---- */

void pbft_restore(pbft_t *p, const bc_pbft_row_t *rows, size_t cnt)
{
    for (size_t i = 0; i < cnt; i++) {
        if (rows[i].key.n >= sizeof p->rows[0].key || rows[i].value.n > PBFT_MSG_MAX)
            continue;
        p->rows = bc_xrealloc(p->rows, (p->row_cnt + 1) * sizeof p->rows[0]);
        memset(&p->rows[p->row_cnt], 0, sizeof p->rows[0]);
        memcpy(p->rows[p->row_cnt].key, rows[i].key.p, rows[i].key.n);
        p->rows[p->row_cnt].value = bc_buf_copy(rows[i].value);
        BC_MUST(p->rows[p->row_cnt].value);
        p->row_cnt++;
    }
}

static bc_bytes_t row_find(const pbft_t *p, const char *key)
{
    for (size_t i = 0; i < p->row_cnt; i++)
        if (!strcmp(p->rows[i].key, key))
            return bc_buf_view(p->rows[i].value);
    return (bc_bytes_t){ 0 };
}

/* A vote record: its view and proposal; NULL when there is none or it cannot be read. */
static prop_t *vote_row(pbft_t *p, char kind, int64_t number, int64_t *view, pbft_proposal_t *w,
                        bc_arena_t *arena)
{
    char key[40];
    vote_key(key, kind, number);
    bc_bytes_t v = row_find(p, key);
    if (v.n < 9 || v.p[0] != VERSION)
        return NULL;
    *view = (int64_t)bc_load_be64(v.p + 1);
    if (pbft_proposal_decode(bc_bytes(v.p + 9, v.n - 9), w, arena) != BC_OK || w->index != number)
        return NULL;
    prop_t *q = prop_from_wire(p, w);
    if (!q && w->has_hash) { /* what we voted for counts even if its block cannot be read */
        w->data = (bc_bytes_t){ 0 };
        q = prop_from_wire(p, w);
    }
    return q;
}

static void restore_votes(pbft_t *p, int64_t number)
{
    if (pbft_slot(p, number)) /* each of its rows names the block: once is enough */
        return;
    bc_arena_t arena = { 0 };
    pbft_proposal_t w, cw;
    int64_t view = -1, cview = -1;
    prop_t *q = vote_row(p, 'p', number, &view, &w, &arena);
    prop_t *c = vote_row(p, 'c', number, &cview, &cw, &arena);
    slot_t *s = q || c ? pbft_slot_make(p, number) : NULL;
    if (s && q) {
        s->voted_view = view;
        s->voted_hash = q->hash;
    }
    if (s && c) {
        s->pc = prop_ref(q && bc_h256_eq(&q->hash, &c->hash) ? q : c);
        s->pc->prepared = true;
        s->pc_view = cview;
        votes_from_wire(&s->proof, &cw, cview);
        if (!q && !c->data) { /* it was voted for; with data it was only shown to us */
            s->voted_view = cview;
            s->voted_hash = c->hash;
        }
    }
    prop_unref(q);
    prop_unref(c);
    bc_arena_free(&arena);
}

/* What was voted for in the present view goes on where it stopped. */
static void resume_votes(pbft_t *p, int64_t number)
{
    slot_t *s = pbft_slot(p, number);
    if (!s || s->voted_view != p->view || p->timeout)
        return;
    bc_arena_t arena = { 0 };
    pbft_proposal_t w;
    int64_t view;
    prop_t *q = vote_row(p, 'p', number, &view, &w, &arena);
    if (q && q->data && view == p->view && s->voted_view == view) {
        if (pbft_leader(p, number, view) == p->self)
            pbft_propose_again(p, q);
        else
            pbft_take_proposal(p, q, view, NULL);
    }
    prop_unref(q);
    bc_arena_free(&arena);
}

static void restore_executed(pbft_t *p, int64_t number, int64_t max)
{
    for (int64_t i = BC_MAX(number - PBFT_STORED_KEEP, 0); i <= max && i <= number + p->window; i++) {
        char key[40];
        commit_key(key, i);
        bc_bytes_t v = row_find(p, key);
        if (!v.n)
            continue;
        bc_buf_t *b = bc_buf_copy(v);
        BC_MUST(b);
        stored_put(p, i, b);
        bc_buf_unref(b);
        if (i <= number)
            continue;
        bc_arena_t arena = { 0 };
        pbft_proposal_t w;
        prop_t *q = NULL;
        if (pbft_proposal_decode(v, &w, &arena) == BC_OK && w.index == i)
            q = prop_from_wire(p, &w);
        slot_t *s = q && q->data ? pbft_slot_make(p, i) : NULL;
        if (s) {
            s->dec = prop_ref(q);
            votes_from_wire(&s->dec_proof, &w, 0);
            if (!s->pc) {
                s->pc = prop_ref(q);
                votes_copy(&s->proof, &s->dec_proof);
            }
            if (q->system)
                p->wait_seal = BC_MAX(p->wait_seal, i);
        }
        prop_unref(q);
        bc_arena_free(&arena);
    }
}

static int row_kind(const char *key, char kind, int64_t *number)
{
    static const char table[] = BC_PBFT_TABLE_VOTE ":";
    size_t n = sizeof table - 1;
    if (strncmp(key, table, n) || key[n] != kind)
        return 0;
    return bc_dec_i64(bc_cstr(key + n + 1), number) == BC_OK;
}

void pbft_restore_start(pbft_t *p)
{
    bc_bytes_t v = row_find(p, BC_PBFT_TABLE_VOTE ":view");
    if (v.n == 17 && v.p[0] == VERSION) {
        p->view = (int64_t)bc_load_be64(v.p + 1);
        p->to_view = (int64_t)bc_load_be64(v.p + 9);
        p->restored = p->view > 0;
        p->timeout = p->to_view > p->view || !p->restored;
    }
    int64_t max = p->committed, n;
    v = row_find(p, BC_PBFT_TABLE_COMMIT ":max_committed_proposal");
    if (v.n && bc_dec_i64(v, &n) == BC_OK)
        max = BC_MAX(max, n);
    for (size_t i = 0; i < p->row_cnt; i++)
        if ((row_kind(p->rows[i].key, 'p', &n) || row_kind(p->rows[i].key, 'c', &n)) &&
            n > p->committed)
            restore_votes(p, n);
    restore_executed(p, p->committed, max);
    pbft_give_up_void(p);
    if (p->self >= 0 && p->restored && !p->timeout)
        for (int64_t i = pbft_next(p); i <= p->slot_max; i++)
            resume_votes(p, i);
    for (int64_t i = pbft_next(p); p->self >= 0 && i <= p->slot_max; i++) {
        slot_t *s = pbft_slot(p, i);
        if (s)
            pbft_verify_bound(p, s);
    }
    if (p->self >= 0)
        pbft_try_execute(p);
    for (size_t i = 0; i < p->row_cnt; i++)
        bc_buf_unref(p->rows[i].value);
    free(p->rows);
    p->rows = NULL;
    p->row_cnt = 0;
}
