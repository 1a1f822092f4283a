/* cbcos-sender: sends transactions over the SDK port to several nodes and tells, line by line, what
 * came back. Nodes may die and return meanwhile: it connects again. For the network tests, which
 * compare what a client was told with what the chain holds afterwards.
 *
 *   told HASH BLOCK STATUS NODE   a receipt was answered
 *   refused NODE TEXT             an error was answered
 *   up NODE / down NODE           a connection opened, closed
 *
 * --variants: a second node gets at once another transaction with the same hash, whose fields end
 * elsewhere (docs/notes/0024); nothing is told of that.
 *
 * Ends after --seconds, or at SIGTERM, with: sent N told N refused N. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "client/client.h"
#include "codec/hex.h"
#include "protocol/tx.h"

enum { NODES_MAX = 16, SLOTS = 4096, QUESTION = 1 << 30, RETRY_US = 200000 };

typedef struct sender sender_t;

typedef struct {
    sender_t *s;
    char host[64];
    uint16_t port;
    bc_client_t *client;
    bool open;
    size_t in_flight;
    int64_t retry_us;
} link_t;

typedef struct {
    bc_h256_t hash;
    uint64_t id;
    bool waits;
} slot_t;

struct sender {
    bc_uv_loop_t *loop;
    bc_tls_t *tls;
    bc_client_kind_t kind;
    const char *chain, *group;
    bc_suite_t suite;
    bc_keypair_t key;
    link_t links[NODES_MAX];
    size_t link_cnt, next_link;
    slot_t slots[SLOTS];
    uint64_t next_id;
    int64_t height;
    uint64_t seed;
    size_t sent, told, refused, rate, seconds;
    bool variants;
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The number after a name, in an answer of known shape. */
static bool member(bc_bytes_t json, const char *name, int64_t *out)
{
    const char *at = memmem(json.p, json.n, name, strlen(name));
    if (!at)
        return false;
    char text[24] = "";
    at += strlen(name);
    memcpy(text, at, BC_MIN((size_t)(json.p + json.n - (const uint8_t *)at), sizeof text - 1));
    char *end;
    *out = strtoll(text, &end, 10);
    return end != text;
}

static void on_reply(void *ctx, bc_client_t *c, uint64_t id, bool ok, bc_bytes_t json)
{
    link_t *l = ctx;
    sender_t *s = l->s;
    (void)c;
    int64_t status, block;
    if (id >= QUESTION) {
        if (ok && member(json, "\"result\":", &block))
            s->height = BC_MAX(s->height, block);
        return;
    }
    if (l->in_flight)
        l->in_flight--;
    slot_t *q = &s->slots[id % SLOTS];
    if (q->id != id || !q->waits)
        return;
    q->waits = false;
    bool error = memmem(json.p, json.n, "\"error\"", 7) != NULL;
    if (ok && !error && member(json, "\"status\":", &status) && member(json, "\"blockNumber\":", &block)) {
        char hex[65] = "";
        bc_hex_put(BC_VIEW(q->hash), hex);
        printf("told 0x%.64s %lld %lld %zu\n", hex, (long long)block, (long long)status,
               (size_t)(l - s->links));
        s->told++;
    } else {
        printf("refused %zu %.*s\n", (size_t)(l - s->links), (int)BC_MIN(json.n, (size_t)200),
               (const char *)json.p);
        s->refused++;
    }
}

static void on_open(void *ctx, bc_client_t *c)
{
    link_t *l = ctx;
    (void)c;
    l->open = true;
    printf("up %zu\n", (size_t)(l - l->s->links));
}

static void on_close(void *ctx, bc_client_t *c, bc_err_t why)
{
    link_t *l = ctx;
    (void)c;
    (void)why;
    if (l->open)
        printf("down %zu\n", (size_t)(l - l->s->links));
    l->open = false;
    l->client = NULL;
    l->in_flight = 0;
    l->retry_us = now_us() + RETRY_US;
}

static void connect_all(sender_t *s)
{
    for (size_t i = 0; i < s->link_cnt; i++) {
        link_t *l = &s->links[i];
        if (l->client || now_us() < l->retry_us)
            continue;
        bc_client_config_t c = { .loop = s->loop,
                                 .host = l->host,
                                 .port = l->port,
                                 .tls = s->tls,
                                 .kind = s->kind,
                                 .on_open = on_open,
                                 .on_reply = on_reply,
                                 .on_close = on_close,
                                 .ctx = l };
        l->client = bc_client_open(&c);
    }
}

static void ask_height(sender_t *s)
{
    static uint64_t id = QUESTION;
    for (size_t i = 0; i < s->link_cnt; i++) {
        link_t *l = &s->links[i];
        char text[300];
        int n = snprintf(text, sizeof text,
                         "{\"id\":%lu,\"jsonrpc\":\"2.0\",\"method\":\"getBlockNumber\","
                         "\"params\":[\"%s\",\"\"]}",
                         (unsigned long)id, s->group);
        if (l->open && n > 0 && !bc_client_send(l->client, id, bc_bytes(text, (size_t)n)))
            id++;
    }
}

/* Makes, and sends over l, the transaction of these data. */
static bool send_over(sender_t *s, link_t *l, uint64_t id, const bc_tx_data_t *d, bc_h256_t *hash)
{
    bc_tx_t *tx;
    if (bc_tx_make(s->suite, d, BC_TX_ATTR_EVM, (bc_bytes_t){ 0 }, &s->key, &tx))
        return false;
    bc_wr_t w = { 0 };
    bc_wr_printf(&w,
                 "{\"id\":%lu,\"jsonrpc\":\"2.0\",\"method\":\"sendTransaction\",\"params\":[\"%s\","
                 "\"\",\"0x",
                 (unsigned long)id, s->group);
    bc_wr_hex(&w, bc_buf_view(tx->raw));
    bc_wr_str(&w, "\",false]}");
    *hash = tx->hash;
    bc_tx_unref(tx);
    bool sent = !w.err && !bc_client_send(l->client, id, bc_wr_view(&w));
    bc_wr_free(&w);
    return sent;
}

/* What has been the last byte of the input becomes the interface. */
static void send_variant(sender_t *s, const link_t *not, uint64_t id, const bc_tx_data_t *d)
{
    bc_tx_data_t v = *d;
    bc_h256_t hash;
    v.input.n--;
    v.abi = bc_bytes(d->input.p + v.input.n, 1);
    for (size_t i = 0; i < s->link_cnt; i++) {
        link_t *l = &s->links[s->next_link++ % s->link_cnt];
        if (l != not && l->open) {
            (void)send_over(s, l, QUESTION + id, &v, &hash);
            return;
        }
    }
}

/* A create whose code stores a word and leaves one byte of code: every transaction changes state. A
 * byte that is never run follows. */
static bool send_one(sender_t *s)
{
    static const uint8_t code[] = { 0x60, 1, 0x60, 0, 0x55, 0x60, 1, 0x60, 0, 0xf3, 'x' };
    size_t window = s->kind == BC_CLIENT_HTTP ? BC_CLIENT_HTTP_INFLIGHT_MAX - 2
                                              : SLOTS / NODES_MAX;
    link_t *l = NULL;
    for (size_t i = 0; !l && i < s->link_cnt; i++) {
        link_t *x = &s->links[s->next_link++ % s->link_cnt];
        if (x->open && x->in_flight < window)
            l = x;
    }
    if (!l)
        return false;
    char nonce[48];
    uint64_t id = s->next_id++;
    snprintf(nonce, sizeof nonce, "%lu%09lu", (unsigned long)s->seed, (unsigned long)id);
    bc_tx_data_t d = { .chain_id = bc_cstr(s->chain),
                       .group_id = bc_cstr(s->group),
                       .block_limit = s->height + 500,
                       .nonce = bc_cstr(nonce),
                       .input = bc_bytes(code, sizeof code) };
    bc_h256_t hash;
    if (!send_over(s, l, id, &d, &hash))
        return false;
    s->slots[id % SLOTS] = (slot_t){ hash, id, true };
    if (s->variants)
        send_variant(s, l, id, &d);
    l->in_flight++;
    s->sent++;
    return true;
}

static void run(sender_t *s)
{
    int64_t start = now_us(), asked = 0;
    while (!stop && now_us() - start < (int64_t)s->seconds * 1000000) {
        connect_all(s);
        if (now_us() - asked > 1000000) {
            asked = now_us();
            ask_height(s);
        }
        size_t due = (size_t)((double)(now_us() - start) * (double)s->rate / 1e6);
        if (s->next_id + s->rate / 10 + 1 < due)
            s->next_id = due; /* nobody listened: what was due then is not made up for */
        while (s->height >= 0 && s->next_id < due && send_one(s))
            ;
        bc_uv_loop_poll(s->loop, 5);
        fflush(stdout);
    }
    /* answers under way */
    int64_t end = now_us() + 3000000;
    for (size_t left = 1; left && now_us() < end;) {
        bc_uv_loop_poll(s->loop, 20);
        left = 0;
        for (size_t i = 0; i < s->link_cnt; i++)
            left += s->links[i].open ? s->links[i].in_flight : 0;
    }
    printf("sent %zu told %zu refused %zu\n", s->sent, s->told, s->refused);
    fflush(stdout);
}

static bool add_peer(sender_t *s, const char *text)
{
    link_t *l = &s->links[s->link_cnt];
    unsigned port;
    if (s->link_cnt == NODES_MAX || sscanf(text, "%63[^:]:%5u", l->host, &port) != 2 || port > 65535)
        return false;
    l->port = (uint16_t)port;
    l->s = s;
    s->link_cnt++;
    return true;
}

static bool load_tls(sender_t *s, const char *sdk)
{
    char ca[4200], cert[4200], key[4200];
    snprintf(ca, sizeof ca, "%.4000s/ca.crt", sdk);
    snprintf(cert, sizeof cert, "%.4000s/sdk.crt", sdk);
    snprintf(key, sizeof key, "%.4000s/sdk.key", sdk);
    bc_tls_config_t t = { .ca_file = ca, .cert_file = cert, .key_file = key, .verify = true };
    return bc_tls_new(&t, &s->tls) == BC_OK;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        { "peer", 1, 0, 'p' },    { "sdk", 1, 0, 's' },   { "rate", 1, 0, 'r' },
        { "seconds", 1, 0, 't' }, { "over", 1, 0, 'o' },  { "chain", 1, 0, 'c' },
        { "group", 1, 0, 'g' },   { "sm", 0, 0, 'm' },    { "variants", 0, 0, 'v' },
        { 0 },
    };
    sender_t *s = bc_xcalloc(1, sizeof *s);
    s->kind = BC_CLIENT_HTTP;
    s->chain = "chain0";
    s->group = "group0";
    s->rate = 100;
    s->seconds = 3600;
    s->height = -1;
    s->seed = (uint64_t)time(NULL) * 1000 + (uint64_t)now_us() % 1000;
    s->loop = bc_uv_loop_new("sender");
    bool ok = true;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (o) {
        case 'p': ok = ok && add_peer(s, optarg); break;
        case 's': ok = ok && load_tls(s, optarg); break;
        case 'r': s->rate = strtoul(optarg, NULL, 10); break;
        case 't': s->seconds = strtoul(optarg, NULL, 10); break;
        case 'o': s->kind = strcmp(optarg, "ws") == 0 ? BC_CLIENT_SDK_WS : BC_CLIENT_HTTP; break;
        case 'c': s->chain = optarg; break;
        case 'g': s->group = optarg; break;
        case 'm': s->suite = BC_SUITE_SM; break;
        case 'v': s->variants = true; break;
        default: ok = false;
        }
    }
    if (!ok || !s->link_cnt || bc_keypair_new(s->suite, &s->key)) {
        fprintf(stderr, "usage: cbcos-sender --peer IP:PORT... [--sdk DIR] [--rate N] [--seconds N] "
                        "[--over http|ws] [--chain ID] [--group ID] [--sm] [--variants]\n");
        return 2;
    }
    signal(SIGTERM, on_signal);
    signal(SIGPIPE, SIG_IGN);
    run(s);
    for (size_t i = 0; i < s->link_cnt; i++)
        if (s->links[i].client)
            bc_client_close(s->links[i].client);
    for (int i = 0; i < 20; i++)
        bc_uv_loop_poll(s->loop, 10);
    bc_uv_loop_free(s->loop);
    bc_tls_unref(s->tls);
    bc_keypair_wipe(&s->key);
    free(s);
    return 0;
}
