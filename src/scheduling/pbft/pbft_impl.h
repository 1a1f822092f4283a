/* Private state of consensus, shared by the files of this room. */
#ifndef BC_PBFT_IMPL_H
#define BC_PBFT_IMPL_H

#include "base/log.h"
#include "pbft.h"
#include "pbft_wire.h"

#define PBFT_BADGES        "[CONSENSUS][PBFT]"
#define PBFT_TIMEOUT_MS    3000
#define PBFT_CYCLE_MAX     10
#define PBFT_BARREN_MAX    3    /* of the cycle that a view starts with: 10 s */
#define PBFT_RETRY_MS      20   /* doubled up to the maximum while nothing gets better */
#define PBFT_RETRY_MAX_MS  5000
#define PBFT_RESEND_MS     3000
#define PBFT_REQUEST_MS    1000
#define PBFT_HELP_MS       100  /* votes are said again to one node at most so often */
#define PBFT_VERIFY_TRIES  3    /* at least, for the transactions of a decided block */
#define PBFT_WINDOW_MIN    1024 /* heights above the ledger that we keep anything for */
#define PBFT_VOTES_SENDER  4    /* votes of one sender that one height keeps, per kind */
#define PBFT_VCS_SENDER    4    /* view changes of one sender, the last ones */
#define PBFT_DEFERRED_MAX  8192
#define PBFT_DEFERRED_BYTES ((size_t)64 << 20)
#define PBFT_SIG_LEN_MAX   72
#define PBFT_NUMBER_MAX    ((int64_t)1 << 53) /* heights, views, times: sums stay within 64 bits */
#define PBFT_DONE_BLOCKS   16   /* newest blocks of the ledger whose transactions are remembered */
#define PBFT_IMPOSSIBLE    4    /* blocks of one height that are known to be void */
#define PBFT_STORED_KEEP   5    /* committed proposals that can still be asked for */

enum { TIMER_VIEW = 1, TIMER_RESEND = 2, TIMER_RETRY = 3 };

/* What a block's transactions take from the blocks above it, each list ascending. */
typedef struct {
    bc_h256_t *v; /* their hashes; when they are at hand also their nonces (pbft_taken.c) */
    size_t n;
    bc_h256_t *texts; /* nonces of Web3 transactions as the others may not use them */
    size_t text_cnt;
    bool whole; /* with the nonces */
    bool twins; /* two of the block's transactions exclude each other */
} pbft_claims_t;

/* A proposal with what was derived from it; shared by reference inside this actor. */
typedef struct {
    unsigned refs;
    int64_t index, sealer;
    bc_h256_t hash;
    bool system;       /* systemProposal on the wire */
    bc_buf_t *data;    /* Tars Block: header and metadata; NULL while only the hash is known */
    bc_hdr_t *header;  /* of data */
    bc_metas_t *metas; /* of data */
    bc_txs_t *txs;     /* once verified */
    bool sysconf;      /* some `to` is a system contract, with or without 0x */
    bool prepared;     /* by a quorum, so somebody honest has its transactions */
    pbft_claims_t claims; /* when they have been asked for */
    size_t clear_to;      /* of the blocks noted as done: takes nothing from those before */
} prop_t;

typedef struct {
    int64_t idx; /* sender */
    int64_t view;
    bc_h256_t hash;
    uint8_t sig_len, vote_len;
    uint8_t sig[PBFT_SIG_LEN_MAX];
    int64_t time;                   /* of a Prepare, */
    uint8_t vote[PBFT_SIG_LEN_MAX]; /* and its signature as a message, which covers the view */
} vote_t;

typedef struct {
    vote_t *v;
    size_t cnt, cap;
} votes_t;

/* A quorum has prepared it in that view, and its signatures show it. view -1: nothing. */
typedef struct {
    bc_h256_t hash;
    int64_t view;
    votes_t proof; /* as slot_t.proof */
} cert_t;

/* Everything about one height above the ledger. */
typedef struct {
    int64_t index;
    prop_t *pre;       /* accepted pre-prepare */
    int64_t pre_view;
    prop_t *pc;        /* precommitted: a quorum of prepares was seen in pc_view */
    int64_t pc_view;
    votes_t proof;     /* prepare signatures of pc, ascending index */
    cert_t newer;      /* of the newest view, as others have shown, of a block that is at hand: */
    prop_t *newer_block; /* here, when it came before its view */
    cert_t named;      /* of what the NewView of the present view names */
    prop_t *dec;       /* a quorum of commits was seen, or it came by log sync */
    votes_t dec_proof; /* as proof, of dec */
    bool synced;       /* dec came by log sync */
    int64_t voted_view; /* the highest view in which we sent a Prepare; -1: none */
    bc_h256_t voted_hash;
    uint64_t verify;   /* token of the verification under way, 0: none */
    int64_t verify_view;
    bool followed;     /* a proposal for the next height waits for that */
    prop_t *failed;    /* could not be verified; its transactions stay marked until the next view */
    prop_t *offered;   /* prepared by others, fetched for the NewView that we are about to send */
    bc_h256_t impossible[PBFT_IMPOSSIBLE]; /* a ring: of blocks that were found void */
    unsigned impossible_cnt;
    votes_t prepares, commits, checks;
    bool executing, committing, fetching;
    bc_hdr_t *exec;    /* executed header: our checkpoint */
    int64_t check_sent; /* mono ms of the last broadcast of our checkpoint */
} slot_t;

typedef enum { VERIFY_PRE, VERIFY_BOUND, VERIFY_DECIDED } verify_kind_t;

typedef struct verify verify_t;
struct verify {
    verify_t *next;
    uint64_t token;
    verify_kind_t kind;
    prop_t *prop;
    int64_t view;
    unsigned tries;
    bc_nodeid_t from;
    votes_t proof; /* VERIFY_DECIDED */
};

/* A question to another node. */
typedef struct ask ask_t;
struct ask {
    ask_t *next;
    uint64_t token;
    bool prepared;   /* type 7, else 5 */
    bool ahead;      /* for a NewView of ours to view, else of this view */
    bool newer;      /* what others have shown to be prepared, of whatever view */
    int64_t index, view;
    bc_h256_t hash;  /* type 7, as what follows */
    bool system;
    size_t to;       /* who was asked: a place in the list */
    unsigned tries;
};

typedef struct {
    pbft_msg_t m;
    bc_arena_t arena;
} held_t;

typedef struct {
    held_t *v[PBFT_VCS_SENDER]; /* oldest arrival first */
    size_t cnt;
    int64_t recover; /* view of its last RecoverResponse, -1: none */
    int64_t mute;    /* for this view it does not show a block that it reports */
    int64_t helped;  /* mono ms: when its RecoverRequest was last answered with votes */
} sender_t;

typedef struct deferred deferred_t;
struct deferred {
    deferred_t *next;
    bc_nodeid_t node;
    bc_buf_t *data;
    int64_t index, view;
    bool own; /* a message we made */
};

typedef struct {
    int64_t index;
    bc_buf_t *value; /* PBFTRawProposal as stored */
} stored_t;

typedef struct {
    bc_nodeid_t id;
    bool connected;
    int64_t number; /* from block sync; -1: unknown */
} peer_t;

typedef struct {
    bc_suite_t suite;
    bc_keypair_t key;
    bc_pbft_signer_t signer;
    int64_t min_seal_time, checkpoint_timeout, pipeline, window;
    bool single, require_root;

    bc_ledger_config_t *cfg;
    bool started;
    int64_t self; /* own index, -1: no sealer */
    size_t node_cnt;
    bc_nodeid_t *ids;   /* sealers by index */
    uint64_t *weights;
    uint64_t total, quorum, faulty;
    int64_t committed;
    bc_h256_t committed_hash;

    int64_t view, to_view;
    unsigned cycle;   /* the time-out of the view grows with it */
    unsigned barren;  /* views entered since the last block was committed */
    bool timeout;
    bool recovering;  /* restarted with a known view that nobody has confirmed yet */
    bool restored;    /* the record of a former life was found */
    int64_t newview_sent;
    int64_t expected, low, wait_seal, wait_reseal, sync_highest;
    int64_t seal_start, seal_end;
    int64_t told_index;
    int64_t divergent;

    slot_t **slots; /* ring by index % window */
    pbft_claims_t done[PBFT_DONE_BLOCKS]; /* a ring */
    size_t done_at; /* blocks noted so far */
    int64_t slot_max; /* no slot above it */
    sender_t *senders; /* node_cnt */
    verify_t *verifies;
    ask_t *asks;
    unsigned ask_cnt;
    deferred_t *def_head, *def_tail;
    size_t def_cnt, def_bytes;
    stored_t stored[64]; /* ring of executed proposals */
    peer_t *peers;
    size_t peer_cnt;

    int64_t base_ms;
    bool timer_on;
    int64_t timer_at;      /* deadline, mono ms */
    int64_t timer_armed;   /* when the host will fire; 0: not armed */
    bool resend_on, retry_on;
    int64_t retry_ms;
    int64_t pool_size;
    int64_t sync_seen;     /* ledger height when sync_highest was last believed */
    uint64_t token;
    uint64_t dropped;

    struct {
        char key[40];
        bc_buf_t *value;
    } *rows; /* of a former life, until START */
    size_t row_cnt;

    /* during a step */
    bc_now_t now;
    bc_out_t *out;
} pbft_t;

/* pbft.c */
static inline int64_t pbft_next(const pbft_t *p) { return p->committed + 1; }
int64_t pbft_leader(const pbft_t *p, int64_t index, int64_t view);
uint64_t pbft_weight(const pbft_t *p, int64_t idx);
int64_t pbft_place(const pbft_t *p, const bc_nodeid_t *id); /* in the list of sealers; -1: none */
slot_t *pbft_slot(pbft_t *p, int64_t index);     /* NULL when there is none */
slot_t *pbft_slot_make(pbft_t *p, int64_t index); /* NULL outside of the window */
void pbft_timer_restart(pbft_t *p);
void pbft_timer_check(pbft_t *p); /* starts or stops the view timer as the rules say */
void pbft_retry_soon(pbft_t *p);
void pbft_tell_index(pbft_t *p, int64_t index);
void pbft_tell_state(pbft_t *p);
bool pbft_gated(const pbft_t *p, int64_t index);
void pbft_defer(pbft_t *p, const bc_nodeid_t *node, bc_buf_t *data, int64_t index, int64_t view);
void pbft_redispatch(pbft_t *p);
void pbft_handle(pbft_t *p, const bc_nodeid_t *node, bc_buf_t *data, const char *uuid);
void pbft_skip_faulty_leader(pbft_t *p);
/* pbft_taken.c */
void pbft_claims_free(pbft_claims_t *c);
/* One transaction twice in a block would be executed twice, two that exclude each other both: no honest
 * leader does that. */
bool prop_has_twins(prop_t *q);
/* Have a transaction in common, or two that exclude each other. */
bool prop_meets(prop_t *a, prop_t *b);
void pbft_note_done(pbft_t *p, const bc_txs_t *txs); /* of a block that is in the ledger now */
/* Has a transaction that a block in the ledger, or one that is decided below it, has or excludes. */
bool prop_taken(pbft_t *p, prop_t *q);
/* Nobody can execute it: prop_taken, or so the pool has said, or it names another sealer list than the
 * one in force. */
bool prop_void(pbft_t *p, prop_t *q);
/* All give such blocks up with the same block, who is bound to one would wait for ever (note 0019). */
void pbft_give_up_void(pbft_t *p);
/* As that, of one height: when the pool has found a block of it impossible, or its transactions. */
void pbft_give_up(pbft_t *p, slot_t *s);
void pbft_note_impossible(slot_t *s, const bc_h256_t *hash);
bool pbft_impossible(pbft_t *p, int64_t index, const bc_h256_t *hash);

/* messages out */
bool pbft_sign(pbft_t *p, pbft_msg_t *m, uint8_t sig[BC_SIG_MAX]);
bool pbft_verify(pbft_t *p, int64_t idx, const bc_h256_t *digest, bc_bytes_t sig);
void pbft_base(pbft_t *p, pbft_msg_t *m, int32_t type, int64_t index, const bc_h256_t *hash, int64_t view);
/* to NULL, here and in what sends by it: to all sealers. */
void pbft_send(pbft_t *p, const bc_nodeid_t *to, const pbft_msg_t *m);
void pbft_reply(pbft_t *p, const bc_nodeid_t *to, const char *uuid, const pbft_msg_t *m);

/* proposals */
static inline bool prop_is(const prop_t *q, const bc_h256_t *hash) { return q && bc_h256_eq(&q->hash, hash); }
prop_t *prop_ref(prop_t *q);
void prop_unref(prop_t *q);
/* From the wire: with data the header is decoded and its hash compared (W4). NULL: malformed. */
prop_t *prop_from_wire(pbft_t *p, const pbft_proposal_t *w);
prop_t *prop_from_sealer(pbft_t *p, bc_hdr_t *header, bc_metas_t *metas, bool system);
bool prop_header_ok(const pbft_t *p, const prop_t *q); /* by the list in force; q has its header */
void prop_look_at_txs(prop_t *q);                      /* q->txs were just verified */
void prop_to_wire(const prop_t *q, bool with_data, pbft_proposal_t *out);
void pbft_mark_sealed(pbft_t *p, const prop_t *q);
void pbft_unseal(pbft_t *p, const prop_t *q);

/* votes */
bool votes_add(votes_t *vs, int64_t idx, int64_t view, const bc_h256_t *hash, bc_bytes_t sig);
bool votes_has(const votes_t *vs, int64_t idx, int64_t view, const bc_h256_t *hash);
/* A Prepare: with shown, which asks for votes_can_show, the message's own signature goes with it. */
bool votes_add_prepare(votes_t *vs, const pbft_msg_t *m, bool shown);
bool votes_can_show(bc_suite_t suite, const pbft_msg_t *m);
/* view -1: any */
uint64_t votes_weight(const pbft_t *p, const votes_t *vs, const bc_h256_t *hash, int64_t view);
void votes_drop_below(votes_t *vs, int64_t view);
void votes_keep(votes_t *vs, const bc_h256_t *hash, int64_t view); /* only these */
void votes_remap(votes_t *vs, const int64_t *map, size_t n);
void votes_free(votes_t *vs);
void votes_copy(votes_t *to, const votes_t *from);
void votes_from_wire(votes_t *to, const pbft_proposal_t *w, int64_t view);
/* As a proof of w: views of vs in memory of a, ascending index. with_view: and of the view. */
void votes_to_wire(const votes_t *vs, bool with_view, pbft_proposal_t *w, bc_arena_t *a);
/* Distinct, valid signatures over hash of quorum weight. */
bool pbft_proof_ok(pbft_t *p, const pbft_proposal_t *w);

/* pbft_normal.c */
void pbft_on_propose(pbft_t *p, bc_msg_t *in);
void pbft_on_pre_prepare(pbft_t *p, const bc_nodeid_t *node, bc_buf_t *data, const pbft_msg_t *m);
void pbft_on_prepare(pbft_t *p, const bc_nodeid_t *node, bc_buf_t *data, const pbft_msg_t *m);
void pbft_on_commit(pbft_t *p, const bc_nodeid_t *node, bc_buf_t *data, const pbft_msg_t *m);
void pbft_on_verified(pbft_t *p, bc_msg_t *in);
/* Verifies q's transactions and then accepts it as pre-prepare of view. */
void pbft_take_proposal(pbft_t *p, prop_t *q, int64_t view, const bc_nodeid_t *from);
/* Gets the transactions of a precommit that came without, while they are still the right ones. */
void pbft_verify_bound(pbft_t *p, slot_t *s);
void pbft_verify_decided(pbft_t *p, prop_t *q, const bc_nodeid_t *from, unsigned tries,
                         const votes_t *proof);
/* proof: prepare signatures of q. */
void pbft_decide(pbft_t *p, slot_t *s, prop_t *q, const votes_t *proof);
void pbft_progress(pbft_t *p, slot_t *s);
void pbft_seal_next(pbft_t *p);
void pbft_seal_reset(pbft_t *p);
void pbft_slot_enter_view(pbft_t *p, slot_t *s, int64_t view);
void slot_free(slot_t *s);
/* The proposal of that hash that some cache holds with data, or NULL. Borrowed. */
prop_t *pbft_local(pbft_t *p, int64_t index, const bc_h256_t *hash);
void pbft_propose_again(pbft_t *p, prop_t *q);
/* What we said in this view about heights under way, to a node that has just connected: a vote is
 * sent once, and what was lost with a connection, or met nobody after a restart, would cost the
 * time-out of the view. */
void pbft_vote_again(pbft_t *p, const bc_nodeid_t *to);
/* The message is base.from's own, over its own connection, and signed. A failure may be due to a
 * sealer list that we do not know yet: then data is kept for after the next block. */
bool pbft_signed(pbft_t *p, const bc_nodeid_t *node, bc_buf_t *data, const pbft_msg_t *m);

/* pbft_lock.c */
/* Distinct, valid signatures over hash and view of quorum weight. */
bool pbft_prepared_in(pbft_t *p, const pbft_proposal_t *w, int64_t view);
/* Has precommitted another block than this one, and no certificate of a newer view releases it. */
bool pbft_bound(const pbft_t *p, const slot_t *s, const bc_h256_t *hash);
/* q is precommitted from now on, in view, by the prepares of it among votes. */
void pbft_bind(pbft_t *p, slot_t *s, prop_t *q, int64_t view, const votes_t *votes);
/* What it accepted in the present view, in that view. */
bool pbft_precommitted_here(const pbft_t *p, const slot_t *s);
/* Takes q for precommitted if a certificate of a newer view is known. q may be NULL. */
void pbft_adopt(pbft_t *p, slot_t *s, prop_t *q);
/* What the proofs of a view change show; its sender is asked for the block if that is not at hand. */
void pbft_learn(pbft_t *p, const pbft_msg_t *vc);
/* As that, of those inside a NewView. */
void pbft_learn_named(pbft_t *p, const pbft_msg_t *nv);
/* As that, of an answer to the question: it brings the block. */
void pbft_learn_block(pbft_t *p, const pbft_msg_t *vote, prop_t *q);

/* pbft_exec.c */
void pbft_try_execute(pbft_t *p);
void pbft_send_checkpoint(pbft_t *p, slot_t *s, const bc_nodeid_t *to);
void pbft_on_executed(pbft_t *p, bc_msg_t *in);
void pbft_on_checkpoint(pbft_t *p, const bc_nodeid_t *node, bc_buf_t *data, const pbft_msg_t *m);
void pbft_try_stable(pbft_t *p);
void pbft_on_commit_done(pbft_t *p, bc_msg_t *in);
void pbft_resend_checkpoints(pbft_t *p);
void pbft_reset_executed(pbft_t *p, int64_t from);

/* pbft_view.c */
void pbft_timeout(pbft_t *p, int64_t to_view, bool slower);
void pbft_on_view_timer(pbft_t *p);
void pbft_try_new_view(pbft_t *p);
void pbft_send_view_change(pbft_t *p, const bc_nodeid_t *to);
void pbft_send_recover_request(pbft_t *p, const bc_nodeid_t *to);
void pbft_on_view_change(pbft_t *p, const bc_nodeid_t *node, const pbft_msg_t *m, held_t *held);
void pbft_on_new_view(pbft_t *p, const bc_nodeid_t *node, const pbft_msg_t *m);
void pbft_on_recover_request(pbft_t *p, const bc_nodeid_t *node, const pbft_msg_t *m);
void pbft_on_recover_response(pbft_t *p, const bc_nodeid_t *node, const pbft_msg_t *m);
/* reseal: the highest height that the NewView proposes again, 0: none, or not known. */
void pbft_enter_view(pbft_t *p, int64_t view, int64_t reseal);
void held_free(held_t *h);
void sender_clear(sender_t *s);

/* pbft_sync.c */
void pbft_maybe_fetch(pbft_t *p, slot_t *s, const bc_nodeid_t *node, const bc_h256_t *check_hash);
void pbft_fetch_prepared(pbft_t *p, size_t from, const pbft_proposal_t *w, int64_t view);
/* As that, before the NewView that would name it; pbft_try_new_view goes on after the answer. False:
 * there are too many questions. */
bool pbft_fetch_ahead(pbft_t *p, size_t from, const pbft_proposal_t *w);
void pbft_fetch_newer(pbft_t *p, size_t from, const pbft_proposal_t *w);
bool pbft_fetches_newer(const pbft_t *p, const pbft_proposal_t *w); /* from somebody */
void pbft_on_response(pbft_t *p, bc_msg_t *in);
void pbft_on_committed_request(pbft_t *p, const bc_nodeid_t *node, const char *uuid, const pbft_msg_t *m);
void pbft_on_prepared_request(pbft_t *p, const bc_nodeid_t *node, const char *uuid, const pbft_msg_t *m);

/* pbft_store.c */
void pbft_store_view(pbft_t *p);
void pbft_store_prepare(pbft_t *p, const prop_t *q, int64_t view);
void pbft_store_precommit(pbft_t *p, const slot_t *s);
void pbft_store_unbind(pbft_t *p, int64_t index); /* no precommit there any more */
void pbft_store_executed(pbft_t *p, const slot_t *s);
void pbft_store_forget(pbft_t *p, int64_t number);
bc_buf_t *pbft_stored_find(pbft_t *p, int64_t index);
void pbft_restore(pbft_t *p, const bc_pbft_row_t *rows, size_t cnt); /* in new, before START */
void pbft_restore_start(pbft_t *p);                                  /* at START */

#endif
