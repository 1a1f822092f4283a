#include "pbft_wire.h"
#include "pbft.pb-c.h"

/* ---- protobuf-c memory from an arena, so that a hostile message costs a bounded amount ---- */

static void *wire_alloc(void *ctx, size_t n)
{
    return bc_arena_alloc(ctx, n ? n : 1);
}

static void wire_free(void *ctx, void *p)
{
    (void)ctx;
    (void)p; /* dies with the arena */
}

static ProtobufCAllocator wire_allocator(bc_arena_t *a)
{
    return (ProtobufCAllocator){ wire_alloc, wire_free, a };
}

static bc_bytes_t view_of(ProtobufCBinaryData d)
{
    return bc_bytes(d.data, d.len);
}

static ProtobufCBinaryData data_of(bc_bytes_t v)
{
    return (ProtobufCBinaryData){ v.n, v.n ? (uint8_t *)(uintptr_t)v.p : NULL };
}

static bool get_hash(ProtobufCBinaryData d, bc_h256_t *out)
{
    if (d.len != sizeof out->b)
        return false;
    memcpy(out->b, d.data, sizeof out->b);
    return true;
}

/* ---- to values ---- */

static void base_from(const Bcpbft__Base *b, pbft_base_t *out)
{
    out->version = b->version;
    out->index = b->index;
    out->has_hash = get_hash(b->hash, &out->hash);
    out->view = b->view;
    out->timestamp = b->timestamp;
    out->from = b->from;
    out->sig_hash = view_of(b->sig_hash);
    out->sig = view_of(b->sig);
}

static bc_err_t proposal_from(const Bcpbft__Proposal *p, pbft_proposal_t *out, bc_arena_t *arena)
{
    if (p->proposal) {
        out->has_raw = true;
        out->index = p->proposal->index;
        out->has_hash = get_hash(p->proposal->hash, &out->hash);
        out->data = view_of(p->proposal->data);
        out->sig = view_of(p->proposal->signature);
        out->extra = view_of(p->proposal->extra);
        out->sealer = p->proposal->sealer;
        out->system = p->proposal->system;
    }
    if (p->n_nodes != p->n_signatures || p->n_times != p->n_votes ||
        (p->n_votes && p->n_votes != p->n_nodes))
        return BC_E_FORMAT;
    if (!p->n_nodes)
        return BC_OK;
    out->proof = bc_arena_alloc(arena, p->n_nodes * sizeof out->proof[0]);
    if (!out->proof)
        return BC_E_NOMEM;
    out->proof_cnt = p->n_nodes;
    for (size_t i = 0; i < p->n_nodes; i++) {
        out->proof[i] = (pbft_sig_t){ .node = p->nodes[i], .sig = view_of(p->signatures[i]) };
        if (p->n_votes) {
            out->proof[i].time = p->times[i];
            out->proof[i].vote = view_of(p->votes[i]);
        }
    }
    return BC_OK;
}

static bc_err_t vote_from(bc_suite_t suite, const Bcpbft__Vote *v, int32_t type, pbft_msg_t *out,
                          bc_arena_t *arena)
{
    ProtobufCAllocator al = wire_allocator(arena);
    Bcpbft__Base *b = bcpbft__base__unpack(&al, v->hash_fields.len, v->hash_fields.data);
    if (!b)
        return BC_E_FORMAT;
    out->type = type;
    out->has_base = true;
    base_from(b, &out->base);
    out->sig = view_of(v->signature);
    bc_hash(suite, view_of(v->hash_fields), &out->digest);
    if (v->proposal) {
        out->has_proposal = true;
        bc_err_t err = proposal_from(v->proposal, &out->proposal, arena);
        if (err)
            return err;
    }
    if (!v->n_proposals)
        return BC_OK;
    out->proposals = bc_arena_alloc(arena, v->n_proposals * sizeof out->proposals[0]);
    if (!out->proposals)
        return BC_E_NOMEM;
    out->proposal_cnt = v->n_proposals;
    for (size_t i = 0; i < v->n_proposals; i++) {
        bc_err_t err = proposal_from(v->proposals[i], &out->proposals[i], arena);
        if (err)
            return err;
    }
    return BC_OK;
}

static bc_err_t votes_from(bc_suite_t suite, Bcpbft__Vote **v, size_t n, int32_t type,
                           pbft_msg_t *out, bc_arena_t *arena)
{
    if (!n)
        return BC_OK;
    out->votes = bc_arena_alloc(arena, n * sizeof out->votes[0]);
    if (!out->votes)
        return BC_E_NOMEM;
    out->vote_cnt = n;
    for (size_t i = 0; i < n; i++) {
        bc_err_t err = vote_from(suite, v[i], type, &out->votes[i], arena);
        if (err)
            return err;
    }
    return BC_OK;
}

static bc_err_t view_change_from(bc_suite_t suite, const Bcpbft__ViewChange *v, pbft_msg_t *out,
                                 bc_arena_t *arena)
{
    if (v->head) {
        out->has_base = true;
        base_from(v->head, &out->base);
    }
    if (v->committed) {
        out->has_proposal = true;
        bc_err_t err = proposal_from(v->committed, &out->proposal, arena);
        if (err)
            return err;
    }
    return votes_from(suite, v->prepared, v->n_prepared, PBFT_COMMIT, out, arena);
}

/* A view change inside a NewView: the signer's digest is that of the message without fields 7
 * and 8, which the NewView's leader filled in. */
static bc_err_t nested_view_change(bc_suite_t suite, Bcpbft__ViewChange *v, pbft_msg_t *out,
                                   bc_arena_t *arena)
{
    bc_err_t err = view_change_from(suite, v, out, arena);
    if (err)
        return err;
    out->type = PBFT_VIEW_CHANGE;
    if (!v->head)
        return BC_E_FORMAT;
    out->sig = out->base.sig;
    v->head->sig_hash = (ProtobufCBinaryData){ 0 };
    v->head->sig = (ProtobufCBinaryData){ 0 };
    size_t n = bcpbft__view_change__get_packed_size(v);
    uint8_t *p = bc_arena_alloc(arena, n + 1);
    if (!p)
        return BC_E_NOMEM;
    bcpbft__view_change__pack(v, p);
    bc_hash(suite, bc_bytes(p, n), &out->digest);
    out->base.sig_hash = out->base.sig = (bc_bytes_t){ 0 };
    return BC_OK;
}

static bc_err_t new_view_from(bc_suite_t suite, const Bcpbft__NewView *v, pbft_msg_t *out,
                              bc_arena_t *arena)
{
    if (v->head) {
        out->has_base = true;
        base_from(v->head, &out->base);
    }
    if (v->n_view_changes) {
        out->vcs = bc_arena_alloc(arena, v->n_view_changes * sizeof out->vcs[0]);
        if (!out->vcs)
            return BC_E_NOMEM;
        out->vc_cnt = v->n_view_changes;
        for (size_t i = 0; i < v->n_view_changes; i++) {
            bc_err_t err = nested_view_change(suite, v->view_changes[i], &out->vcs[i], arena);
            if (err)
                return err;
        }
    }
    return votes_from(suite, v->pre_prepares, v->n_pre_prepares, PBFT_PRE_PREPARE, out, arena);
}

static bc_err_t payload_from(bc_suite_t suite, bc_bytes_t in, pbft_msg_t *out, bc_arena_t *arena)
{
    ProtobufCAllocator al = wire_allocator(arena);
    switch (out->type) {
    case PBFT_PRE_PREPARE:
    case PBFT_PREPARE:
    case PBFT_COMMIT:
    case PBFT_COMMITTED_RESPONSE:
    case PBFT_CHECKPOINT:
    case PBFT_RECOVER_REQUEST:
    case PBFT_RECOVER_RESPONSE: {
        Bcpbft__Vote *v = bcpbft__vote__unpack(&al, in.n, in.p);
        return v ? vote_from(suite, v, out->type, out, arena) : BC_E_FORMAT;
    }
    case PBFT_VIEW_CHANGE:
    case PBFT_PREPARED_RESPONSE: {
        Bcpbft__ViewChange *v = bcpbft__view_change__unpack(&al, in.n, in.p);
        return v ? view_change_from(suite, v, out, arena) : BC_E_FORMAT;
    }
    case PBFT_NEW_VIEW: {
        Bcpbft__NewView *v = bcpbft__new_view__unpack(&al, in.n, in.p);
        return v ? new_view_from(suite, v, out, arena) : BC_E_FORMAT;
    }
    case PBFT_COMMITTED_REQUEST:
    case PBFT_PREPARED_REQUEST: {
        Bcpbft__ProposalRequest *v = bcpbft__proposal_request__unpack(&al, in.n, in.p);
        if (!v)
            return BC_E_FORMAT;
        if (v->head) {
            out->has_base = true;
            base_from(v->head, &out->base);
        }
        out->size = v->size;
        return BC_OK;
    }
    default:
        return BC_E_FORMAT;
    }
}

/* The arena is shared by several messages at times: its maximum is moved, not replaced. */
static size_t wire_budget(size_t n)
{
    return 16 * n + ((size_t)64 << 10);
}

bc_err_t pbft_decode(bc_suite_t suite, bc_bytes_t in, pbft_msg_t *out, bc_arena_t *arena)
{
    memset(out, 0, sizeof *out);
    if (in.n > PBFT_MSG_MAX)
        return BC_E_TOO_BIG;
    size_t old = arena->max, want = arena->used + wire_budget(in.n);
    if (!old || want < old)
        arena->max = want;
    ProtobufCAllocator al = wire_allocator(arena);
    Bcpbft__RawMessage *raw = bcpbft__raw_message__unpack(&al, in.n, in.p);
    bc_err_t err = BC_E_FORMAT;
    if (raw) {
        out->version = raw->version;
        out->type = raw->type;
        err = payload_from(suite, view_of(raw->payload), out, arena);
        if (out->type == PBFT_VIEW_CHANGE || out->type == PBFT_NEW_VIEW) {
            out->sig = view_of(raw->signature);
            bc_hash(suite, view_of(raw->payload), &out->digest);
            if (!err && !out->has_base)
                err = BC_E_FORMAT;
        }
    }
    arena->max = old;
    return err;
}

bc_err_t pbft_proposal_decode(bc_bytes_t in, pbft_proposal_t *out, bc_arena_t *arena)
{
    memset(out, 0, sizeof *out);
    if (in.n > PBFT_MSG_MAX)
        return BC_E_TOO_BIG;
    ProtobufCAllocator al = wire_allocator(arena);
    Bcpbft__Proposal *p = bcpbft__proposal__unpack(&al, in.n, in.p);
    return p ? proposal_from(p, out, arena) : BC_E_FORMAT;
}

/* ---- to bytes ---- */

static void base_to(const pbft_base_t *b, Bcpbft__Base *out)
{
    bcpbft__base__init(out);
    out->version = b->version;
    out->index = b->index;
    if (b->has_hash)
        out->hash = data_of(BC_VIEW(b->hash));
    out->view = b->view;
    out->timestamp = b->timestamp;
    out->from = b->from;
    out->sig_hash = data_of(b->sig_hash);
    out->sig = data_of(b->sig);
}

/* Of all or of none. */
static void votes_of_proof(const pbft_proposal_t *p, Bcpbft__Proposal *out, bc_arena_t *a)
{
    for (size_t i = 0; i < p->proof_cnt; i++)
        if (!p->proof[i].vote.n)
            return;
    out->times = bc_arena_alloc(a, p->proof_cnt * sizeof out->times[0]);
    out->votes = bc_arena_alloc(a, p->proof_cnt * sizeof out->votes[0]);
    BC_MUST(out->times && out->votes);
    out->n_times = out->n_votes = p->proof_cnt;
    for (size_t i = 0; i < p->proof_cnt; i++) {
        out->times[i] = p->proof[i].time;
        out->votes[i] = data_of(p->proof[i].vote);
    }
}

static Bcpbft__Proposal *proposal_to(const pbft_proposal_t *p, bc_arena_t *a)
{
    Bcpbft__Proposal *out = bc_arena_alloc(a, sizeof *out);
    BC_MUST(out);
    bcpbft__proposal__init(out);
    if (p->has_raw) {
        Bcpbft__RawProposal *raw = bc_arena_alloc(a, sizeof *raw);
        BC_MUST(raw);
        bcpbft__raw_proposal__init(raw);
        raw->index = p->index;
        if (p->has_hash)
            raw->hash = data_of(BC_VIEW(p->hash));
        raw->data = data_of(p->data);
        raw->signature = data_of(p->sig);
        raw->extra = data_of(p->extra);
        raw->sealer = p->sealer;
        raw->system = p->system;
        out->proposal = raw;
    }
    if (p->proof_cnt) {
        out->nodes = bc_arena_alloc(a, p->proof_cnt * sizeof out->nodes[0]);
        out->signatures = bc_arena_alloc(a, p->proof_cnt * sizeof out->signatures[0]);
        BC_MUST(out->nodes && out->signatures);
        out->n_nodes = out->n_signatures = p->proof_cnt;
        for (size_t i = 0; i < p->proof_cnt; i++) {
            out->nodes[i] = p->proof[i].node;
            out->signatures[i] = data_of(p->proof[i].sig);
        }
        votes_of_proof(p, out, a);
    }
    return out;
}

static bc_bytes_t hash_fields(const pbft_base_t *b, bc_arena_t *a)
{
    pbft_base_t plain = *b;
    plain.sig_hash = plain.sig = (bc_bytes_t){ 0 };
    Bcpbft__Base pb;
    base_to(&plain, &pb);
    size_t n = bcpbft__base__get_packed_size(&pb);
    uint8_t *p = bc_arena_alloc(a, n + 1);
    BC_MUST(p);
    bcpbft__base__pack(&pb, p);
    return bc_bytes(p, n);
}

static Bcpbft__Vote *vote_to(const pbft_msg_t *m, bc_arena_t *a)
{
    Bcpbft__Vote *out = bc_arena_alloc(a, sizeof *out);
    BC_MUST(out);
    bcpbft__vote__init(out);
    out->hash_fields = data_of(hash_fields(&m->base, a));
    out->signature = data_of(m->sig);
    if (m->has_proposal)
        out->proposal = proposal_to(&m->proposal, a);
    if (m->proposal_cnt) {
        out->proposals = bc_arena_alloc(a, m->proposal_cnt * sizeof out->proposals[0]);
        BC_MUST(out->proposals);
        out->n_proposals = m->proposal_cnt;
        for (size_t i = 0; i < m->proposal_cnt; i++)
            out->proposals[i] = proposal_to(&m->proposals[i], a);
    }
    return out;
}

static Bcpbft__Vote **votes_to(const pbft_msg_t *m, bc_arena_t *a)
{
    if (!m->vote_cnt)
        return NULL;
    Bcpbft__Vote **v = bc_arena_alloc(a, m->vote_cnt * sizeof v[0]);
    BC_MUST(v);
    for (size_t i = 0; i < m->vote_cnt; i++)
        v[i] = vote_to(&m->votes[i], a);
    return v;
}

static Bcpbft__Base *base_ptr(const pbft_msg_t *m, bc_arena_t *a)
{
    if (!m->has_base)
        return NULL;
    Bcpbft__Base *b = bc_arena_alloc(a, sizeof *b);
    BC_MUST(b);
    base_to(&m->base, b);
    return b;
}

static Bcpbft__ViewChange *view_change_to(const pbft_msg_t *m, bc_arena_t *a)
{
    Bcpbft__ViewChange *out = bc_arena_alloc(a, sizeof *out);
    BC_MUST(out);
    bcpbft__view_change__init(out);
    out->head = base_ptr(m, a);
    if (m->has_proposal)
        out->committed = proposal_to(&m->proposal, a);
    out->n_prepared = m->vote_cnt;
    out->prepared = votes_to(m, a);
    return out;
}

/* Inside a NewView a view change carries its digest and signature in fields 7 and 8. */
static Bcpbft__ViewChange *nested_to(const pbft_msg_t *m, bc_arena_t *a)
{
    pbft_msg_t *nested = bc_arena_alloc(a, sizeof *nested); /* the result points into it */
    BC_MUST(nested);
    *nested = *m;
    nested->base.sig_hash = BC_VIEW(m->digest);
    nested->base.sig = m->sig;
    return view_change_to(nested, a);
}

static bc_bytes_t payload_to(const pbft_msg_t *m, bc_arena_t *a)
{
    const ProtobufCMessage *pb;
    Bcpbft__NewView nv;
    Bcpbft__ProposalRequest rq;
    switch (m->type) {
    case PBFT_VIEW_CHANGE:
    case PBFT_PREPARED_RESPONSE:
        pb = &view_change_to(m, a)->base;
        break;
    case PBFT_NEW_VIEW:
        bcpbft__new_view__init(&nv);
        nv.head = base_ptr(m, a);
        if (m->vc_cnt) {
            nv.view_changes = bc_arena_alloc(a, m->vc_cnt * sizeof nv.view_changes[0]);
            BC_MUST(nv.view_changes);
            nv.n_view_changes = m->vc_cnt;
            for (size_t i = 0; i < m->vc_cnt; i++)
                nv.view_changes[i] = nested_to(&m->vcs[i], a);
        }
        nv.n_pre_prepares = m->vote_cnt;
        nv.pre_prepares = votes_to(m, a);
        pb = &nv.base;
        break;
    case PBFT_COMMITTED_REQUEST:
    case PBFT_PREPARED_REQUEST:
        bcpbft__proposal_request__init(&rq);
        rq.head = base_ptr(m, a);
        rq.size = m->size;
        pb = &rq.base;
        break;
    default:
        pb = &vote_to(m, a)->base;
        break;
    }
    size_t n = protobuf_c_message_get_packed_size(pb);
    uint8_t *p = bc_arena_alloc(a, n + 1);
    BC_MUST(p);
    protobuf_c_message_pack(pb, p);
    return bc_bytes(p, n);
}

void pbft_vote_digest(bc_suite_t suite, const pbft_base_t *base, bc_h256_t *out)
{
    bc_arena_t a = { 0 };
    bc_hash(suite, hash_fields(base, &a), out);
    bc_arena_free(&a);
}

void pbft_digest(bc_suite_t suite, const pbft_msg_t *m, bc_h256_t *out)
{
    memset(out, 0, sizeof *out);
    if (m->type == PBFT_COMMITTED_REQUEST || m->type == PBFT_PREPARED_REQUEST ||
        m->type == PBFT_PREPARED_RESPONSE)
        return;
    bc_arena_t a = { 0 };
    if (m->type == PBFT_VIEW_CHANGE || m->type == PBFT_NEW_VIEW)
        bc_hash(suite, payload_to(m, &a), out);
    else
        bc_hash(suite, hash_fields(&m->base, &a), out);
    bc_arena_free(&a);
}

bc_buf_t *pbft_encode(const pbft_msg_t *m)
{
    bc_arena_t a = { 0 };
    Bcpbft__RawMessage raw;
    bcpbft__raw_message__init(&raw);
    raw.version = m->version;
    raw.type = m->type;
    if (m->type == PBFT_VIEW_CHANGE || m->type == PBFT_NEW_VIEW)
        raw.signature = data_of(m->sig);
    raw.payload = data_of(payload_to(m, &a));
    bc_buf_t *b = bc_buf_new(bcpbft__raw_message__get_packed_size(&raw));
    if (b)
        bcpbft__raw_message__pack(&raw, b->p);
    bc_arena_free(&a);
    return b;
}

bc_buf_t *pbft_proposal_encode(const pbft_proposal_t *p)
{
    bc_arena_t a = { 0 };
    Bcpbft__Proposal *pb = proposal_to(p, &a);
    bc_buf_t *b = bc_buf_new(bcpbft__proposal__get_packed_size(pb));
    if (b)
        bcpbft__proposal__pack(pb, b->p);
    bc_arena_free(&a);
    return b;
}
