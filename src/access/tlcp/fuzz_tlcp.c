/* Two honest ends whose bytes are altered on the way as the input says: within the handshake and behind
 * it, whole records or single bytes. Whatever was done, two ends that are both open took part in the
 * same handshake and understand each other, and what one reads is what the other wrote, or a beginning
 * of it. Or one end is given the input as it is.
 *
 * The input: kind of handshake and the flight to begin with, size of pieces, then changes (see
 * change); a change of 0 goes on to the next flight. Keys and random numbers are the same in each
 * run. */
#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_METHOD: there is no other way to repeat a handshake */
#include <openssl/rand.h>
#include <stdlib.h>
#include "access/tlcp/test_ends.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KINDS = 5, FLIGHTS = 4, RECORDS_MAX = 32, FLIGHT_MAX = 100000 };

/* Ends that have come up to each flight, with the flight on its way; behind the last they are open. */
static end_t made[KINDS][2];
static struct {
    end_t ends[2]; /* client, server */
    bc_wr_t sent;
} stages[KINDS][FLIGHTS + 1];
static sm_pair_t ca;

/* ---- the same numbers each time ---- */

static uint64_t seed;

static int rand_bytes(unsigned char *p, int n)
{
    for (int i = 0; i < n; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        p[i] = (unsigned char)(seed >> 24);
    }
    return 1;
}

static int rand_status(void)
{
    return 1;
}

static void rand_fix(void)
{
    static const RAND_METHOD method = { .bytes = rand_bytes, .pseudorand = rand_bytes,
                                        .status = rand_status };
    seed = 0x9e3779b97f4a7c15u;
    BC_MUST(RAND_set_rand_method(&method) == 1);
}

/* ---- honest handshakes ---- */

static void begin_kind(end_t *c, unsigned kind)
{
    static const uint8_t etm[] = { 0, 22, 0, 0 }, ems[] = { 0, 23, 0, 0 };
    if (kind == 0 || kind == 4) /* ECDHE, ECC, with all extensions; the others are ECC with few */
        begin(c);
    else
        begin_as_old(c, kind == 1 ? (bc_bytes_t){ 0 } : bc_bytes(kind == 2 ? etm : ems, 4), kind == 1);
}

static void prepare(void)
{
    rand_fix();
    ca = sm_pair_new("root", SM_USE_CA, NULL);
    for (unsigned kind = 0; kind < KINDS; kind++) {
        end_t *e = made[kind];
        end_new(&e[0], false, &ca, (how_t){ .suite = kind ? SUITE_ECC_SM4_CBC_SM3 : 0 });
        end_new(&e[1], true, &ca, (how_t){ 0 });
        end_show(&e[1], (X509 *[]){ e[1].x->sign_cert, ca.cert, e[1].x->enc_cert }, 3);
        begin_kind(&e[0], kind);
        for (unsigned k = 0; k <= FLIGHTS; k++) {
            stages[kind][k].sent = end_sent(&e[k % 2]);
            for (unsigned i = 0; i < 2; i++)
                stages[kind][k].ends[i] = end_fork(&e[i]);
            (void)end_take(&e[(k + 1) % 2], bc_wr_view(&stages[kind][k].sent));
        }
        BC_MUST(same_handshake(&e[0], &e[1]));
    }
}

static void end(void)
{
    for (unsigned kind = 0; kind < KINDS; kind++) {
        for (unsigned k = 0; k <= FLIGHTS; k++) {
            for (unsigned i = 0; i < 2; i++)
                end_free(&stages[kind][k].ends[i]);
            bc_wr_free(&stages[kind][k].sent);
        }
        end_free(&made[kind][0]);
        end_free(&made[kind][1]);
    }
    sm_pair_free(&ca);
}

/* ---- on the way ---- */

static size_t cut(bc_bytes_t all, bc_bytes_t rec[RECORDS_MAX])
{
    size_t cnt = 0;
    for (; all.n && cnt < RECORDS_MAX; cnt++)
        rec[cnt] = record_cut(&all);
    if (all.n)
        rec[cnt - 1].n += all.n;
    return cnt;
}

static void splice(bc_wr_t *w, size_t at, size_t drop, bc_bytes_t put)
{
    bc_wr_t n = { 0 };
    bc_wr_mem(&n, w->p, at);
    bc_wr_put(&n, put);
    if (at + drop < w->n)
        bc_wr_mem(&n, w->p + at + drop, w->n - at - drop);
    bc_wr_free(w);
    *w = n;
}

/* One record of the flight in two; in the clear that changes nothing. */
static void split(bc_wr_t *w, bc_bytes_t rec, size_t at)
{
    if (rec.n <= RECORD_HEADER + 1)
        return;
    size_t first = 1 + at % (rec.n - RECORD_HEADER - 1), rest = rec.n - RECORD_HEADER - first;
    size_t where = (size_t)(rec.p - w->p);
    bc_wr_t two = { 0 };
    bc_wr_mem(&two, rec.p, 3);
    bc_wr_be16(&two, (uint16_t)first);
    bc_wr_mem(&two, rec.p + RECORD_HEADER, first);
    bc_wr_mem(&two, rec.p, 3);
    bc_wr_be16(&two, (uint16_t)rest);
    bc_wr_mem(&two, rec.p + RECORD_HEADER + first, rest);
    splice(w, where, rec.n, bc_wr_view(&two));
    bc_wr_free(&two);
}

/* Takes one change off the input; false: this flight is done with. */
static bool change(bc_wr_t *w, bc_rd_t *in, unsigned kind)
{
    uint8_t what = bc_rd_u8(in);
    if (in->err || what == 0 || !w->n)
        return false;
    bc_bytes_t rec[RECORDS_MAX], other[RECORDS_MAX];
    size_t cnt = cut(bc_wr_view(w), rec), at = bc_rd_be16(in);
    bc_bytes_t one = rec[at % cnt], two = rec[(at >> 8) % cnt];
    size_t where_two = (size_t)(two.p - w->p);
    bc_wr_t copy = { 0 };
    switch (what % 8) {
    case 0:
        w->p[at % w->n] ^= (uint8_t)(1u << (what / 8 % 8));
        break;
    case 1:
        w->p[at % w->n] = bc_rd_u8(in);
        break;
    case 2:
        splice(w, at % w->n, 0, bc_rd_take(in, BC_MIN((size_t)what / 8, bc_rd_left(in))));
        break;
    case 3:
        splice(w, at % w->n, BC_MIN((size_t)what / 8 + 1, w->n - at % w->n), (bc_bytes_t){ 0 });
        break;
    case 4: /* one again before two */
        bc_wr_put(&copy, one);
        splice(w, where_two, 0, bc_wr_view(&copy));
        break;
    case 5:
        splice(w, (size_t)(one.p - w->p), one.n, (bc_bytes_t){ 0 });
        break;
    case 6:
        split(w, one, at >> 8);
        break;
    default: { /* a record of another handshake before two */
        const bc_wr_t *old = &stages[kind][what / 8 % FLIGHTS].sent;
        splice(w, where_two, 0, other[at % cut(bc_wr_view(old), other)]);
    }
    }
    bc_wr_free(&copy);
    return w->n < FLIGHT_MAX;
}

static void check_bounds(const end_t *e)
{
    BC_MUST(e->t->message.n <= HANDSHAKE_MAX + 4 + RECORD_PLAIN_MAX);
    BC_MUST(e->t->rx.n <= RECORD_HEADER + RECORD_MAX && e->t->rx.cap <= 32768);
    BC_MUST(e->out.n <= RECORD_PLAIN_MAX);
}

static void feed(end_t *to, bc_bytes_t all, size_t piece)
{
    while (all.n && to->r == BC_TLCP_WANT) {
        size_t n = BC_MIN(piece, all.n);
        (void)end_take(to, bc_bytes(all.p, n));
        check_bounds(to);
        all.p += n;
        all.n -= n;
    }
    if (to->r == BC_TLCP_FAILED) { /* for good */
        size_t said = to->out.n;
        BC_MUST(bc_tlcp_handshake(to->t, &all, &to->out) == BC_TLCP_FAILED && to->out.n == said);
        BC_MUST(*bc_tlcp_reason(to->t));
    }
}

/* ---- open ---- */

/* What one end writes next, altered; the other reads a beginning of it. True: all of it. */
static bool exchange(end_t *from, end_t *to, bc_bytes_t text, bc_rd_t *in, unsigned kind, size_t piece)
{
    bc_wr_reset(&from->out);
    if (!bc_tlcp_write(from->t, text, &from->out))
        return false;
    bc_wr_t w = end_sent(from), got = { 0 };
    while (in && change(&w, in, kind)) { }
    bc_bytes_t data;
    bc_tlcp_result_t r = BC_TLCP_WANT;
    for (bc_bytes_t all = bc_wr_view(&w); all.n && r == BC_TLCP_WANT;) {
        bc_bytes_t part = bc_bytes(all.p, BC_MIN(piece, all.n));
        all.p += part.n;
        all.n -= part.n;
        while ((r = bc_tlcp_read(to->t, &part, &to->out, &data)) == BC_TLCP_OK) {
            BC_MUST(data.n);
            bc_wr_put(&got, data);
        }
        BC_MUST(r != BC_TLCP_WANT || !part.n);
        check_bounds(to);
    }
    BC_MUST(got.n <= text.n && (!got.n || memcmp(got.p, text.p, got.n) == 0));
    bool whole = got.n == text.n && r == BC_TLCP_WANT && !to->t->rx.n;
    bc_wr_free(&w);
    bc_wr_free(&got);
    return whole;
}

static void talk(end_t e[2], bc_rd_t *in, unsigned kind, size_t piece)
{
    static uint8_t text[20000];
    if (!text[1])
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = (uint8_t)(i * 13 + i / 256);
    bool whole = exchange(&e[0], &e[1], bc_bytes(text, 20), NULL, 0, SIZE_MAX) &&
                 exchange(&e[1], &e[0], bc_bytes(text, 40), NULL, 0, SIZE_MAX);
    BC_MUST(whole);
    while (whole && bc_rd_left(in)) {
        unsigned from = bc_rd_u8(in);
        whole = exchange(&e[from & 1], &e[~from & 1], bc_bytes(text, 1 + from / 2 * 150u), in, kind,
                         piece);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!made[0][0].x) {
        prepare();
        atexit(end);
    }
    rand_fix();
    bc_rd_t in = bc_rd(bc_bytes(data, size));
    unsigned first = bc_rd_u8(&in), kind = first % 128 % KINDS;
    unsigned flight = first % 128 / KINDS % (FLIGHTS + 1);
    uint8_t p = bc_rd_u8(&in);
    size_t piece = p ? p : SIZE_MAX;
    end_t e[2] = { end_fork(&stages[kind][flight].ends[0]), end_fork(&stages[kind][flight].ends[1]) };
    if (flight < FLIGHTS && first >= 128) {
        feed(&e[(flight + 1) % 2], bc_rd_take(&in, bc_rd_left(&in)), piece);
    } else if (flight < FLIGHTS) {
        bc_wr_put(&e[flight % 2].out, bc_wr_view(&stages[kind][flight].sent));
        for (unsigned k = flight; k < FLIGHTS + 2; k++) {
            bc_wr_t w = end_sent(&e[k % 2]);
            while (change(&w, &in, kind)) { }
            feed(&e[(k + 1) % 2], bc_wr_view(&w), piece);
            bc_wr_free(&w);
        }
    }
    if (e[0].t->state == OPEN && e[1].t->state == OPEN) {
        BC_MUST(same_handshake(&e[0], &e[1]));
        talk(e, &in, kind, piece);
    }
    BC_MUST(ERR_peek_error() == 0);
    end_free(&e[0]);
    end_free(&e[1]);
    return 0;
}
