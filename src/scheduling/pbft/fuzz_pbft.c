/* What other sealers may send to consensus. The bytes are one message for the decoder, and a script for an
 * engine of four: steps of who (a byte: 2 bits sender, then flags), length (2 bytes), message. Signatures
 * hold when they begin with their signer's first byte, so that changed messages get past them. */
#include <stdio.h>
#include <stdlib.h>
#include "pbft_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NODES = 4, ANSWER = 4, TIMER = 8, VERIFIED = 16, RESTART = 32, REFUSED = 64, STEPS_MAX = 64, ROWS_MAX = 64 };

static bc_nodeid_t node_id(unsigned i)
{
    return (bc_nodeid_t){ { (uint8_t)(i + 1) } };
}

static size_t cheap_sign(void *ctx, const bc_h256_t *digest, uint8_t sig[BC_SIG_MAX])
{
    (void)ctx;
    memset(sig, 0, 65);
    sig[0] = node_id(0).b[0];
    sig[1] = digest->b[0];
    return 65;
}

static bool cheap_verify(void *ctx, const bc_nodeid_t *pub, const bc_h256_t *digest, bc_bytes_t sig)
{
    (void)ctx;
    (void)digest;
    return sig.n == 65 && sig.p[0] == pub->b[0];
}

typedef struct {
    bc_actor_if engine;
    bc_now_t now;
    uint64_t ask, verify;
    bc_metas_t *metas;
    bc_pbft_row_t rows[ROWS_MAX];
    char keys[ROWS_MAX][40];
    size_t row_cnt;
} world_t;

static void keep_row(world_t *w, const bc_msg_t *m)
{
    size_t i = 0;
    while (i < w->row_cnt && strcmp(w->keys[i], m->key))
        i++;
    if (i == ROWS_MAX)
        return;
    w->row_cnt += i == w->row_cnt;
    free((void *)(uintptr_t)w->rows[i].value.p);
    snprintf(w->keys[i], sizeof w->keys[i], "%s", m->key);
    uint8_t *copy = m->data && m->data->n ? bc_xcalloc(1, m->data->n) : NULL;
    if (copy)
        memcpy(copy, m->data->p, m->data->n);
    w->rows[i].value = bc_bytes(copy, copy ? m->data->n : 0);
}

static void feed(world_t *w, bc_msg_t *m)
{
    bc_out_t out = { .from = BC_ACTOR_PBFT };
    w->engine.ops->step(w->engine.self, &w->now, m, &out);
    bc_msg_free(m);
    while (out.head) {
        m = out.head;
        out.head = m->next;
        if (m->kind == BC_MSG_REQUEST)
            w->ask = m->token;
        if (m->kind == BC_MSG_PERSIST)
            keep_row(w, m);
        if (m->kind == BC_MSG_VERIFY_PROPOSAL) {
            w->verify = m->token;
            bc_metas_unref(w->metas);
            w->metas = bc_metas_ref(m->metas);
        }
        bc_msg_free(m);
    }
}

static void start(world_t *w)
{
    static const bc_pbft_signer_t signer = { cheap_sign, cheap_verify, NULL };
    bc_pbft_row_t rows[ROWS_MAX];
    size_t cnt = 0;
    for (size_t i = 0; i < w->row_cnt; i++)
        if (w->rows[i].value.n)
            rows[cnt++] = (bc_pbft_row_t){ bc_cstr(w->keys[i]), w->rows[i].value };
    bc_pbft_config_t c = { .suite = BC_SUITE_STANDARD, .rows = rows, .row_cnt = cnt, .signer = &signer };
    c.key.pub = node_id(0);
    w->engine = bc_pbft_new(&c);
    bc_msg_t *m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_PBFT, BC_MSG_START);
    bc_ledger_config_t *cfg = m->config = bc_xcalloc(1, sizeof *cfg);
    atomic_init(&cfg->refs, 1);
    cfg->version = 0x03100000;
    cfg->tx_count_limit = 1000;
    cfg->leader_period = 1;
    cfg->sealers = bc_arena_alloc(&cfg->arena, NODES * sizeof *cfg->sealers);
    BC_MUST(cfg->sealers);
    for (; cfg->sealer_cnt < NODES; cfg->sealer_cnt++)
        cfg->sealers[cfg->sealer_cnt] =
            (bc_node_entry_t){ .id = node_id((unsigned)cfg->sealer_cnt), .vote_weight = 1 };
    feed(w, m);
}

static void verified(world_t *w, bool refused)
{
    bc_msg_t *m = bc_msg_new(BC_ACTOR_TXPOOL, BC_ACTOR_PBFT, BC_MSG_PROPOSAL_VERIFIED);
    m->token = w->verify;
    m->err = refused ? BC_E_NOT_FOUND : BC_OK;
    if (!refused && w->metas) {
        m->txs = bc_txs_new(w->metas->cnt);
        for (size_t i = 0; i < w->metas->cnt; i++) {
            bc_tx_t *tx = bc_xcalloc(1, sizeof *tx);
            atomic_init(&tx->refs, 1);
            tx->hash = w->metas->v[i].hash;
            tx->raw = bc_buf_copy(BC_VIEW(tx->hash));
            tx->w.data.nonce = bc_buf_view(tx->raw);
            m->txs->v[i] = tx;
        }
    }
    feed(w, m);
}

static void step(world_t *w, unsigned who, bc_bytes_t message)
{
    if (who & RESTART) {
        w->engine.ops->free(w->engine.self);
        start(w);
    }
    bc_msg_t *m = bc_msg_new(BC_ACTOR_FRONT, BC_ACTOR_PBFT, who & ANSWER ? BC_MSG_RESPONSE : BC_MSG_DELIVER);
    m->module = BC_MODULE_PBFT;
    m->node = node_id(who % NODES);
    m->token = w->ask;
    m->uuid[0] = 'u';
    m->data = bc_buf_copy(message);
    feed(w, m);
    if (who & VERIFIED)
        verified(w, who & REFUSED);
    if (who & TIMER) {
        w->now.mono_ms += 60000;
        m = bc_msg_new(BC_ACTOR_HOST, BC_ACTOR_PBFT, BC_MSG_TIMER);
        m->number = TIMER_VIEW;
        feed(w, m);
    }
}

/* NULL: it is no message. */
static bc_buf_t *again(bc_bytes_t in)
{
    bc_arena_t arena = { 0 };
    pbft_msg_t m;
    bc_buf_t *b = NULL;
    if (pbft_decode(BC_SUITE_STANDARD, in, &m, &arena) == BC_OK) {
        b = pbft_encode(&m);
        BC_MUST(b);
        pbft_digest(BC_SUITE_STANDARD, &m, &m.digest);
    }
    bc_arena_free(&arena);
    return b;
}

/* What was read and written is the same from then on; a NewView, whose view changes carry digests of what
 * they were, from the second time on. */
static void decode(bc_bytes_t in)
{
    bc_buf_t *b[3] = { again(in) };
    for (size_t i = 1; b[0] && i < BC_ARRAY_LEN(b); i++) {
        b[i] = again(bc_buf_view(b[i - 1]));
        BC_MUST(b[i]);
    }
    BC_MUST(!b[0] || bc_bytes_eq(bc_buf_view(b[1]), bc_buf_view(b[2])));
    for (size_t i = 0; i < BC_ARRAY_LEN(b); i++)
        bc_buf_unref(b[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bc_log_set_level(BC_LOG_FATAL);
    decode(bc_bytes(data, size));
    world_t *w = bc_xcalloc(1, sizeof *w);
    w->now = (bc_now_t){ 1000000, 1700000000000 };
    start(w);
    bc_rd_t r = bc_rd(bc_bytes(data, size));
    for (int i = 0; i < STEPS_MAX && bc_rd_left(&r) > 3; i++) {
        unsigned who = bc_rd_u8(&r);
        size_t n = (size_t)bc_rd_u8(&r) << 8;
        n |= bc_rd_u8(&r);
        bc_bytes_t message = bc_rd_take(&r, BC_MIN(n, bc_rd_left(&r)));
        decode(message);
        step(w, who, message);
    }
    w->engine.ops->free(w->engine.self);
    for (size_t i = 0; i < w->row_cnt; i++)
        free((void *)(uintptr_t)w->rows[i].value.p);
    bc_metas_unref(w->metas);
    free(w);
    return 0;
}
