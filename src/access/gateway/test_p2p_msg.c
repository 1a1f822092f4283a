#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>
#include <cmocka.h>
#include "access/gateway/p2p_msg.h"
#include "codec/hex.h"

static bc_buf_t *unhex(const char *hex)
{
    bc_buf_t *b = bc_buf_new(strlen(hex) / 2);
    assert_int_equal(bc_hex_fixed(bc_cstr(hex), b->p, b->n), BC_OK);
    return b;
}

static void same(bc_buf_t *got, const char *hex)
{
    assert_non_null(got);
    bc_buf_t *want = unhex(hex);
    assert_int_equal(got->n, want->n);
    assert_memory_equal(got->p, want->p, want->n);
    bc_buf_unref(want);
    bc_buf_unref(got);
}

static void frames_are_those_of_the_specification(void **state)
{
    (void)state;
    static const char v0[] = "0000002a00000005000000090000000667726f75703000040102030401050607"
                             "0803e803e80000006869";
    bc_p2p_frame_t f = { .type = BC_P2P_UNICAST, .seq = 9, .group = BC_STR("group0"),
                         .src_node = BC_STR("\1\2\3\4"), .dst_nodes = BC_STR("\5\6\7\10"),
                         .dst_cnt = 1, .module = 1000, .payload = BC_STR("\x03\xe8\0\0\0hi") };
    /* the specification's vector counts 42 bytes: header, options and front message */
    bc_buf_t *b = bc_p2p_encode(&f);
    assert_non_null(b);
    bc_p2p_frame_t back;
    assert_int_equal(bc_p2p_decode(bc_buf_view(b), &back), BC_OK);
    assert_int_equal(back.module, 1000);
    assert_int_equal(back.dst_cnt, 1);
    assert_true(bc_bytes_eq(back.dst_nodes, f.dst_nodes));
    assert_true(bc_bytes_eq(back.payload, f.payload));
    for (size_t n = 0; n < b->n; n++) {
        bc_p2p_frame_t cut;
        assert_int_not_equal(bc_p2p_decode(bc_bytes(b->p, n), &cut), BC_OK);
    }
    same(b, v0);

    uint8_t id[32];
    memset(id, 0x5a, sizeof id);
    f = (bc_p2p_frame_t){ .version = 3, .type = BC_P2P_STATUS_SEQ, .seq = 7, .ttl = 10,
                          .src = bc_bytes(id, 32), .dst = bc_bytes(id, 32),
                          .payload = BC_STR("\0\0\0\5") };
    same(bc_p2p_encode(&f), "000000580003000900000007" "0000" "000a" "0020"
         "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a" "0020"
         "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a" "00000005");
    f = (bc_p2p_frame_t){ .type = BC_P2P_HANDSHAKE, .seq = 5,
                          .payload = BC_STR("\x10\x01\x2c\x30\x03") };
    same(bc_p2p_encode(&f), "0000001300000002000000050000" "10012c3003");
}

static void lengths_are_checked_before_the_body_arrives(void **state)
{
    (void)state;
    size_t n;
    assert_int_equal(bc_p2p_length(bc_bytes("\0\0\1", 3), 1000, &n), BC_OK);
    assert_int_equal(n, 0);
    assert_int_equal(bc_p2p_length(bc_bytes("\0\0\1\0", 4), 1000, &n), BC_OK);
    assert_int_equal(n, 256);
    assert_int_equal(bc_p2p_length(bc_bytes("\0\0\0\15", 4), 1000, &n), BC_E_FORMAT);
    assert_int_equal(bc_p2p_length(bc_bytes("\0\0\4\0", 4), 1000, &n), BC_E_TOO_BIG);
    /* no node id in the options */
    bc_buf_t *b = unhex("0000001600000006000000010000" "0001" "67" "0000" "00" "03e8");
    bc_p2p_frame_t f;
    assert_int_equal(bc_p2p_decode(bc_buf_view(b), &f), BC_E_FORMAT);
    bc_buf_unref(b);
}

static void short_id_is_keccak_of_the_text(void **state)
{
    (void)state;
    char raw[541] = "3082010a0282010100";
    memset(raw + 18, 'a', 512);
    for (int i = 0; i < 256; i++)
        memcpy(raw + 18 + 2 * i, "ab", 2);
    memcpy(raw + 530, "0203010001", 11);
    bc_h256_t id;
    bc_p2p_short_id(bc_bytes(raw, 540), &id);
    char hex[65] = "";
    bc_hex_put(BC_VIEW(id), hex);
    assert_string_equal(hex, "f641d187c82591ef457a2c54549ef19501130c38dd74684dab2f7ade0e844ba6");
}

/* The old rule: as much memory as the frame says it will need. */
static unsigned long long old_unpacked_size(bc_bytes_t frame)
{
    return ZSTD_getFrameContentSize(frame.p, frame.n);
}

/* W9: a few kilobytes that make a node that believes them allocate 64 MiB, and as easily more. */
static void a_bomb_is_not_unpacked(void **state)
{
    (void)state;
    enum { BOMB = 64 << 20, LIMIT = 1 << 20 };
    uint8_t *zeros = calloc(1, BOMB);
    bc_buf_t *c = bc_p2p_compress(bc_bytes(zeros, BOMB)), *d;
    free(zeros);
    assert_non_null(c);
    assert_true(c->n < 16384);
    assert_int_equal(old_unpacked_size(bc_buf_view(c)), BOMB);
    assert_int_equal(bc_p2p_decompress(bc_buf_view(c), LIMIT, &d), BC_E_TOO_BIG);
    bc_buf_unref(c);
}

static void compression_is_bounded(void **state)
{
    (void)state;
    static uint8_t text[200000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i % 97);
    bc_buf_t *c = bc_p2p_compress(bc_bytes(text, sizeof text)), *d;
    assert_non_null(c);
    assert_true(c->n < 5000);
    assert_int_equal(bc_p2p_decompress(bc_buf_view(c), sizeof text, &d), BC_OK);
    assert_int_equal(d->n, sizeof text);
    assert_memory_equal(d->p, text, d->n);
    bc_buf_unref(d);
    assert_int_equal(bc_p2p_decompress(bc_buf_view(c), sizeof text - 1, &d), BC_E_TOO_BIG);
    assert_int_equal(bc_p2p_decompress(bc_bytes(c->p, c->n - 3), sizeof text, &d), BC_E_FORMAT);
    c->p[c->n / 2] ^= 0x55;
    bc_err_t err = bc_p2p_decompress(bc_buf_view(c), sizeof text, &d);
    if (!err)
        bc_buf_unref(d);
    bc_buf_unref(c);
    assert_int_equal(bc_p2p_decompress(BC_STR("not zstd at all"), 1000, &d), BC_E_FORMAT);
    assert_int_equal(bc_p2p_decompress((bc_bytes_t){ 0 }, 1000, &d), BC_E_FORMAT);
    /* a frame without its content size is refused */
    ZSTD_CCtx *cc = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(cc, ZSTD_c_contentSizeFlag, 0);
    uint8_t out[300];
    size_t n = ZSTD_compress2(cc, out, sizeof out, text, 100);
    ZSTD_freeCCtx(cc);
    assert_false(ZSTD_isError(n));
    assert_int_equal(bc_p2p_decompress(bc_bytes(out, n), 1000, &d), BC_E_FORMAT);
}

static void status_and_routes_are_those_of_the_specification(void **state)
{
    (void)state;
    bc_bytes_t node = BC_STR("n1");
    bc_p2p_protocol_t p = { 0, 0, 2 };
    int32_t type = 2;
    bc_p2p_group_t g = { .group = BC_STR("group0"), .nodes = { &node, 1 }, .protocols = { &p, 1 },
                         .types = { &type, 1 } };
    bc_p2p_status_t s = { .uuid = BC_STR("u"), .seq = 1, .groups = { &g, 1 } };
    bc_wr_t w = { 0 };
    bc_tars_encode(&bc_p2p_status_tars, &s, &w);
    same(bc_buf_copy(bc_wr_view(&w)), "1601752001" "3900010a" "160667726f757030" "29000106026e31"
                                      "4900010a1c2c30020b" "5900010002" "0b");
    bc_arena_t a = { 0 };
    bc_p2p_status_t back;
    assert_int_equal(bc_tars_decode(&bc_p2p_status_tars, bc_wr_view(&w), &back, &a), BC_OK);
    assert_int_equal(back.groups.n, 1);
    const bc_p2p_group_t *bg = back.groups.v;
    assert_int_equal(((const int32_t *)bg->types.v)[0], 2);

    bc_p2p_route_t r = { .dst = BC_STR("AA"), .distance = 1,
                         .ids = { BC_STR("1111"), { 0 } } };
    bc_p2p_routes_t rs = { .routes = { &r, 1 } };
    bc_wr_reset(&w);
    bc_tars_encode(&bc_p2p_routes_tars, &rs, &w);
    same(bc_buf_copy(bc_wr_view(&w)), "1900010a1602414130014a1604313131310b0b");
    bc_wr_free(&w);
    bc_arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_those_of_the_specification),
        cmocka_unit_test(lengths_are_checked_before_the_body_arrives),
        cmocka_unit_test(short_id_is_keccak_of_the_text),
        cmocka_unit_test(a_bomb_is_not_unpacked),
        cmocka_unit_test(compression_is_bounded),
        cmocka_unit_test(status_and_routes_are_those_of_the_specification),
    };
    return cmocka_run_group_tests_name("p2p_msg", tests, NULL, NULL);
}
