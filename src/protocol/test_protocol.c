#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "codec/hex.h"
#include "protocol/block.h"
#include "protocol/status.h"
#include "protocol/tx.h"

/* Vectors of spec/10 §8. */

static bc_wr_t scratch;

static bc_bytes_t unhex(const char *hex)
{
    bc_wr_reset(&scratch);
    assert_int_equal(bc_hex_append(bc_cstr(hex), &scratch), BC_OK);
    return bc_wr_view(&scratch);
}

static void assert_hex(bc_bytes_t got, const char *hex)
{
    bc_bytes_t want = unhex(hex);
    assert_int_equal(got.n, want.n);
    if (want.n)
        assert_memory_equal(got.p, want.p, want.n);
}

static void assert_view(bc_bytes_t got, const char *text)
{
    assert_int_equal(got.n, strlen(text));
    assert_memory_equal(got.p, text, got.n);
}

#define ZEROS56 "00000000000000000000000000000000000000000000000000000000"
#define ZEROS54 "000000000000000000000000000000000000000000000000000000"
static const char input_hex[] =
    "2fe99bdc"
    ZEROS56 "00000060" ZEROS56 "000000a0" ZEROS56 "000000e0"
    ZEROS56 "00000005" "7465737431" ZEROS54
    ZEROS56 "00000005" "7465737432" ZEROS54
    ZEROS56 "00000005" "7465737433" ZEROS54;

static const char v0_sig[] =
    "d752fbe3218d6f0d4bdcbaf45875bba4a52f9af263badabc0ef93fa31f28d79b"
    "0779728b594c1212613a38daea8bdd36670777100b159ac537dfbd83e700d20901";

static bc_tx_data_t data_v0(void)
{
    return (bc_tx_data_t){ .chain_id = BC_STR("chain0"), .group_id = BC_STR("group0"),
                           .block_limit = 500,           .nonce = BC_STR("1"),
                           .input = BC_STR("\x60\x01"),  .abi = BC_STR("[]") };
}

static void official_v0_transaction(void **state)
{
    (void)state;
    bc_wr_t input = { 0 }, sig = { 0 }, raw = { 0 };
    bc_h256_t h;
    assert_int_equal(bc_hex_append(bc_cstr(input_hex), &input), BC_OK);
    assert_int_equal(bc_hex_append(bc_cstr(v0_sig), &sig), BC_OK);
    bc_tx_wire_t w = { .data = {
        .chain_id = BC_STR("chain0"),
        .group_id = BC_STR("group0"),
        .block_limit = 501,
        .nonce = BC_STR("82456994196425209985513938878262806289094428076435270713862099506789849517246"),
        .to = BC_STR("0x6849f21d1e455e9f0712b1e99fa4fcd23758e8f1"),
        .input = bc_wr_view(&input) },
        .signature = bc_wr_view(&sig), .sender = BC_STR("01234567890123456789") };
    bc_tx_data_hash(BC_SUITE_STANDARD, &w.data, &h);
    assert_hex(BC_VIEW(h), "0359a5588c5e9c9dcfd2f4ece850d6f4c41bc88e2c27cc051890f26ef0ef118f");
    bc_tars_encode(&bc_tx_wire_tars, &w, &raw);
    bc_tx_t *tx = NULL, *again = NULL;
    assert_int_equal(bc_tx_decode(BC_SUITE_STANDARD, bc_wr_view(&raw), &tx), BC_OK);
    assert_memory_equal(tx->hash.b, h.b, 32);
    assert_false(tx->sender_known);
    assert_int_equal(tx->w.sender.n, 0); /* a stranger's word about the sender is dropped */
    assert_int_equal(bc_tx_recover(tx), BC_OK);
    assert_hex(BC_VIEW(tx->sender), "3d20a4e26f41b57c2061e520c825fbfa5f321f22");
    tx->w.import_time = 1670467885565;
    bc_wr_reset(&raw);
    bc_tx_encode_stored(tx, &raw);
    assert_int_equal(bc_tx_decode_trusted(BC_SUITE_STANDARD, bc_wr_view(&raw), &again), BC_OK);
    assert_true(again->sender_known);
    assert_memory_equal(again->sender.b, tx->sender.b, 20);
    assert_true(again->w.import_time == 1670467885565);
    assert_hex(again->w.data_hash, "0359a5588c5e9c9dcfd2f4ece850d6f4c41bc88e2c27cc051890f26ef0ef118f");
    bc_tx_unref(again);
    bc_tx_unref(bc_tx_ref(tx));
    bc_tx_unref(tx);
    bc_wr_free(&input);
    bc_wr_free(&sig);
    bc_wr_free(&raw);
}

static void transaction_data_of_three_versions(void **state)
{
    (void)state;
    bc_h256_t h;
    bc_wr_t w = { 0 };
    bc_tx_data_t d = data_v0();
    bc_tars_encode(&bc_tx_data_tars, &d, &w);
    assert_hex(bc_wr_view(&w), "2606636861696e30360667726f7570304101f45601317d000002600186025b5d");
    bc_tx_data_hash(BC_SUITE_STANDARD, &d, &h);
    assert_hex(BC_VIEW(h), "d508437b172955f6cbbad32ac172d334ded74f32dc65a571035ed4d3ab4e4466");
    bc_tx_data_hash(BC_SUITE_SM, &d, &h);
    assert_hex(BC_VIEW(h), "c4fdeaf40114db3cb3416fa6d6620684a7e2af2ca26997f454d4f2f777d3d568");
    d.version = 1;
    d.value = BC_STR("0x1");
    d.gas_price = BC_STR("0x0");
    d.gas_limit = 300000;
    bc_wr_reset(&w);
    bc_tars_encode(&bc_tx_data_tars, &d, &w);
    assert_hex(bc_wr_view(&w), "10012606636861696e30360667726f7570304101f45601317d000002600186025b5d"
                               "9603307831a603307830b2000493e0");
    bc_tx_data_hash(BC_SUITE_STANDARD, &d, &h);
    assert_hex(BC_VIEW(h), "9f3591e2d8351bff4922d924a01af949f1f616454671455bf2b331aee0d1d387");
    d.version = 2;
    d.extension = BC_STR("Hello World!");
    bc_wr_reset(&w);
    bc_tars_encode(&bc_tx_data_tars, &d, &w);
    assert_hex(bc_bytes(w.p + w.n - 16, 16), "ed00000c48656c6c6f20576f726c6421");
    bc_tx_data_hash(BC_SUITE_STANDARD, &d, &h);
    assert_hex(BC_VIEW(h), "8089435db11bfc04fbb92ef9960dda377fef5653fa40367a9af81fdac0c68bec");
    bc_wr_free(&w);
}

static void made_transactions_verify_in_both_suites(void **state)
{
    (void)state;
    static uint8_t big[5000]; /* beyond the preimage that is hashed from the stack */
    for (int suite = 0; suite < 2; suite++) {
        for (int size = 0; size < 2; size++) {
            bc_keypair_t key;
            bc_tx_t *tx = NULL, *got = NULL;
            bc_addr_t want;
            bc_tx_data_t d = data_v0();
            if (size)
                d.input = bc_bytes(big, sizeof big);
            assert_int_equal(bc_keypair_new((bc_suite_t)suite, &key), BC_OK);
            bc_address((bc_suite_t)suite, &key.pub, &want);
            assert_int_equal(bc_tx_make((bc_suite_t)suite, &d, BC_TX_ATTR_EVM, BC_STR("x"), &key, &tx),
                             BC_OK);
            assert_true(tx->sender_known);
            assert_int_equal(bc_tx_decode((bc_suite_t)suite, bc_buf_view(tx->raw), &got), BC_OK);
            assert_memory_equal(got->hash.b, tx->hash.b, 32);
            assert_int_equal(bc_tx_recover(got), BC_OK);
            assert_memory_equal(got->sender.b, want.b, 20);
            assert_memory_equal(tx->sender.b, want.b, 20);
            bc_tx_unref(tx);
            bc_tx_unref(got);
        }
    }
}

static void prices_must_be_hex_from_version_1_on(void **state)
{
    (void)state;
    static const char *const texts[] = { "", "0x", "0xAb9", "1", "0xg", "0X1", " 0x1" };
    for (size_t i = 0; i < BC_ARRAY_LEN(texts); i++) {
        for (int32_t version = -1; version < 3; version++) {
            bc_tx_t *tx = NULL;
            bc_tx_data_t d = data_v0();
            d.version = version;
            d.max_fee_per_gas = bc_cstr(texts[i]);
            bool ok = i < 3 || version == 0;
            bc_err_t err =
                bc_tx_make(BC_SUITE_STANDARD, &d, 0, (bc_bytes_t){ 0 }, NULL, &tx);
            assert_int_equal(err, !ok ? BC_E_FORMAT : version < 0 ? BC_E_UNSUPPORTED : BC_OK);
            bc_tx_unref(tx);
        }
    }
}

/* The hash covers the texts back to back: what a signature says may be read in several ways. */
static void bounds_tell_transactions_of_one_hash_apart(void **state)
{
    (void)state;
    for (int32_t version = 0; version < 3; version++) {
        bc_tx_t *a = NULL, *b = NULL, *c = NULL;
        uint8_t x[BC_TX_BOUNDS], y[BC_TX_BOUNDS], z[BC_TX_BOUNDS];
        bc_tx_data_t d = data_v0();
        d.version = version;
        d.input = BC_STR("abc");
        d.abi = BC_STR("de");
        assert_int_equal(bc_tx_make(BC_SUITE_STANDARD, &d, 0, (bc_bytes_t){ 0 }, NULL, &a), BC_OK);
        d.gas_price = version ? (bc_bytes_t){ 0 } : BC_STR("0x0"); /* not covered by version 0 */
        assert_int_equal(bc_tx_make(BC_SUITE_STANDARD, &d, 0, (bc_bytes_t){ 0 }, NULL, &c), BC_OK);
        d.input = BC_STR("ab");
        d.abi = BC_STR("cde");
        assert_int_equal(bc_tx_make(BC_SUITE_STANDARD, &d, 0, (bc_bytes_t){ 0 }, NULL, &b), BC_OK);
        assert_memory_equal(a->hash.b, b->hash.b, 32);
        bc_tx_bounds(a, x);
        bc_tx_bounds(b, y);
        bc_tx_bounds(c, z);
        assert_memory_not_equal(x, y, sizeof x);
        assert_memory_equal(x, z, sizeof x);
        bc_tx_unref(a);
        bc_tx_unref(b);
        bc_tx_unref(c);
    }
}

/* The executor has no rules for it: in a block it would stop the chain. */
static void only_known_versions_are_taken(void **state)
{
    (void)state;
    bc_tx_t *tx = NULL;
    bc_tx_data_t d = data_v0();
    for (d.version = -1; d.version <= 3; d.version++) {
        bc_err_t err = bc_tx_make(BC_SUITE_STANDARD, &d, 0, (bc_bytes_t){ 0 }, NULL, &tx);
        assert_int_equal(err, d.version < 0 || d.version > 2 ? BC_E_UNSUPPORTED : BC_OK);
        if (!err)
            bc_tx_unref(tx);
    }
}

static void a_value_that_the_hash_does_not_cover_is_refused(void **state)
{
    (void)state;
    static const char *const nothing[] = { "", "0x", "0x0", "0x00", "0" };
    bc_tx_t *tx = NULL;
    bc_tx_data_t d = data_v0();
    for (size_t i = 0; i < BC_ARRAY_LEN(nothing); i++) {
        d.value = bc_cstr(nothing[i]);
        assert_int_equal(bc_tx_make(BC_SUITE_STANDARD, &d, 0, (bc_bytes_t){ 0 }, NULL, &tx), BC_OK);
        bc_tx_unref(tx);
    }
    d.value = BC_STR("0x1");
    assert_int_equal(bc_tx_make(BC_SUITE_STANDARD, &d, 0, (bc_bytes_t){ 0 }, NULL, &tx), BC_E_MISMATCH);
    d.version = 1;
    assert_int_equal(bc_tx_make(BC_SUITE_STANDARD, &d, 0, (bc_bytes_t){ 0 }, NULL, &tx), BC_OK);
    bc_tx_unref(tx);
}

static void damaged_transactions_are_refused(void **state)
{
    (void)state;
    bc_tx_t *tx = NULL;
    bc_tx_data_t d = data_v0();
    bc_keypair_t key;
    assert_int_equal(bc_keypair_new(BC_SUITE_STANDARD, &key), BC_OK);
    assert_int_equal(bc_tx_make(BC_SUITE_STANDARD, &d, 0, (bc_bytes_t){ 0 }, &key, &tx), BC_OK);
    bc_buf_t *raw = bc_buf_copy(bc_buf_view(tx->raw));
    bc_tx_unref(tx);
    assert_non_null(raw);
    for (size_t n = 1; n < raw->n; n++) { /* a cut is an error or fails to recover the sender */
        tx = NULL;
        if (bc_tx_decode(BC_SUITE_STANDARD, bc_bytes(raw->p, n), &tx) == BC_OK)
            assert_int_equal(bc_tx_recover(tx), BC_E_SIGNATURE);
        bc_tx_unref(tx);
    }
    bc_buf_unref(raw);
    /* type 2 does not exist */
    bc_wr_t w = { 0 };
    bc_tx_wire_t wire = { .data = d, .type = 2 };
    bc_tars_encode(&bc_tx_wire_tars, &wire, &w);
    assert_int_equal(bc_tx_decode(BC_SUITE_STANDARD, bc_wr_view(&w), &tx), BC_E_UNSUPPORTED);
    bc_wr_free(&w);
}

/* vector<byte> may also come as a list of int8: views must not point into freed memory. */
static void bytes_as_lists_are_brought_into_the_usual_form(void **state)
{
    (void)state;
    bc_tx_t *tx = NULL;
    bc_bytes_t raw = unhex("1a560131790002006000010b390003000100020003");
    assert_int_equal(bc_tx_decode(BC_SUITE_STANDARD, raw, &tx), BC_OK);
    assert_hex(tx->w.data.input, "6001");
    assert_hex(tx->w.signature, "010203");
    assert_true(tx->w.signature.p > tx->raw->p && tx->w.signature.p < tx->raw->p + tx->raw->n);
    bc_tx_unref(tx);
}

static const char eip1559_raw[] =
    "02f871018308b3e6808501cd2ec1d7826ac194ba1951df0c0a52af23857c5ab48b4c43a57e7ed1872700f2d0ba3d"
    "b080c001a069be171dfa805790a28f1bfcd131eb2aa8f345f601c4a3659de4ae8d624a7b89a06e0f6ed7d0353975"
    "47aeac0e5130847570f4b607350f71c1391b7cb7f9dd604c";

static void web3_vector(void **state)
{
    (void)state;
    bc_tx_t *tx = NULL;
    bc_h256_t h;
    bc_web3_tx_t t;
    bc_wr_t back = { 0 };
    assert_int_equal(bc_tx_from_web3(BC_SUITE_STANDARD, unhex(eip1559_raw), &tx, NULL), BC_OK);
    assert_hex(tx->w.extra_tx_bytes,
               "02ee018308b3e6808501cd2ec1d7826ac194ba1951df0c0a52af23857c5ab48b4c43a57e7ed1872700f2"
               "d0ba3db080c0");
    assert_hex(tx->w.data_hash, "e6d1e539e647f6c70608befdea56ffbc3a123dab02fb840053546a84060c190d");
    assert_hex(BC_VIEW(tx->hash), "5b2f242c755ec9f9ed36628331991bd6c90b712b5867a0c7f3a4516caf09cc68");
    assert_true(tx->sender_known);
    assert_hex(BC_VIEW(tx->sender), "1f9090aae28b8a3dceadf281b0f12828e676c326");
    assert_int_equal(tx->raw->n, 316);
    bc_keccak256(bc_buf_view(tx->raw), &h);
    assert_hex(BC_VIEW(h), "b5eab01786b5e4fa10444c9256afd394af95b0f2d3f56af94d95e8e216cf15cc");
    assert_view(tx->w.data.chain_id, "1");
    assert_view(tx->w.data.nonce, "0x8b3e6");
    assert_int_equal(bc_tx_to_web3(tx, &back), BC_OK);
    assert_hex(bc_wr_view(&back), eip1559_raw);
    assert_int_equal(bc_web3_tx_parse_unsigned(tx->w.extra_tx_bytes, &t), BC_OK);
    assert_int_equal(t.type, 2);
    assert_int_equal(t.nonce, 0x8b3e6);
    assert_int_equal(t.gas_limit, 0x6ac1);
    assert_int_equal(t.to.n, 20);
    bc_wr_free(&back);
    bc_tx_unref(tx);
}

/* The example of EIP-155, with its sender. */
static void web3_legacy_with_chain_id(void **state)
{
    (void)state;
    static const char raw[] =
        "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61"
        "340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555"
        "c9f3dc64214b297fb1966a3b6d83";
    bc_tx_t *tx = NULL;
    bc_wr_t back = { 0 };
    assert_int_equal(bc_tx_from_web3(BC_SUITE_STANDARD, unhex(raw), &tx, NULL), BC_OK);
    assert_hex(tx->w.data_hash, "daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53");
    assert_hex(BC_VIEW(tx->sender), "9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f");
    assert_view(tx->w.data.chain_id, "1");
    assert_view(tx->w.data.gas_price, "0x4a817c800");
    assert_int_equal(bc_tx_to_web3(tx, &back), BC_OK);
    assert_hex(bc_wr_view(&back), raw);
    bc_wr_free(&back);
    bc_tx_unref(tx);
}

/* The signature covers the payload; what is executed are the fields around it. */
static void a_web3_envelope_says_what_was_signed(void **state)
{
    (void)state;
    enum { TO, INPUT, VALUE, NONCE, CHAIN, LIMIT, PRICE, FEE, TIP, ABI, GROUP, HEIGHT, VERSION,
           EXTENSION, HASH, GENUINE };
    bc_tx_t *tx = NULL;
    assert_int_equal(bc_tx_from_web3(BC_SUITE_STANDARD, unhex(eip1559_raw), &tx, NULL), BC_OK);
    bc_bytes_t other = BC_STR("0x1");
    for (int what = TO; what <= GENUINE; what++) {
        bc_tx_t *bad = NULL;
        bc_wr_t w = { 0 };
        bc_tx_wire_t wire = tx->w;
        bc_tx_data_t *d = &wire.data;
        switch (what) {
        case TO: d->to = BC_STR("0x0102030405060708090a0b0c0d0e0f1011121314"); break;
        case INPUT: d->input = other; break;
        case VALUE: d->value = other; break;
        case NONCE: d->nonce = other; break;
        case CHAIN: d->chain_id = BC_STR("7"); break;
        case LIMIT: d->gas_limit++; break;
        case PRICE: d->gas_price = other; break;
        case FEE: d->max_fee_per_gas = other; break;
        case TIP: d->max_priority_fee_per_gas = other; break;
        case ABI: d->abi = other; break;
        case GROUP: d->group_id = other; break;
        case HEIGHT: d->block_limit = 500; break;
        case VERSION: d->version = 1; break;
        case EXTENSION: d->extension = other; break;
        case HASH: wire.data_hash = BC_VIEW(tx->hash); break;
        default: break;
        }
        bc_tars_encode(&bc_tx_wire_tars, &wire, &w);
        bc_err_t err = bc_tx_decode(BC_SUITE_STANDARD, bc_wr_view(&w), &bad);
        assert_int_equal(err, what == GENUINE ? BC_OK : BC_E_MISMATCH);
        if (!err)
            bc_tx_unref(bad);
        bc_wr_free(&w);
    }
    bc_tx_unref(tx);
}

static void a_wrong_web3_hash_is_refused(void **state)
{
    (void)state;
    bc_tx_t *tx = NULL, *bad = NULL;
    bc_wr_t w = { 0 };
    assert_int_equal(bc_tx_from_web3(BC_SUITE_STANDARD, unhex(eip1559_raw), &tx, NULL), BC_OK);
    bc_tx_wire_t wire = tx->w;
    bc_h256_t other = tx->hash;
    other.b[31] ^= 1;
    wire.extra_tx_hash = BC_VIEW(other);
    bc_tars_encode(&bc_tx_wire_tars, &wire, &w);
    assert_int_equal(bc_tx_decode(BC_SUITE_STANDARD, bc_wr_view(&w), &bad), BC_E_MISMATCH);
    wire.extra_tx_hash = (bc_bytes_t){ 0 }; /* absent: derived */
    bc_wr_reset(&w);
    bc_tars_encode(&bc_tx_wire_tars, &wire, &w);
    assert_int_equal(bc_tx_decode(BC_SUITE_STANDARD, bc_wr_view(&w), &bad), BC_OK);
    assert_memory_equal(bad->hash.b, tx->hash.b, 32);
    bc_tx_unref(bad);
    bc_tx_unref(tx);
    bc_wr_free(&w);
}

static void malformed_web3_transactions_name_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *hex, *why;
    } rows[] = {
        { "", "Input too short" },
        { "04c0", "Unsupported transaction type" },
        { "00c0", "Unsupported transaction type" },
        { "02f871018308b3e6", "Input too short" },
        /* legacy with v = 29 */
        { "cb800180808080801d010180", NULL },
        { "c9800180808080" "1d" "0101", "Invalid V in signature" },
        /* to of 19 bytes */
        { "dc800180" "9311111111111111111111111111111111111111" "80" "80" "1b" "01" "01", NULL },
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(rows); i++) {
        bc_tx_t *tx = NULL;
        const char *why = NULL;
        bc_bytes_t raw = unhex(rows[i].hex);
        assert_int_not_equal(bc_tx_from_web3(BC_SUITE_STANDARD, raw, &tx, &why), BC_OK);
        assert_non_null(why);
        if (rows[i].why)
            assert_string_equal(why, rows[i].why);
    }
    bc_bytes_t raw = unhex(eip1559_raw);
    for (size_t n = 0; n < raw.n; n++) {
        bc_tx_t *tx = NULL;
        assert_int_not_equal(bc_tx_from_web3(BC_SUITE_STANDARD, bc_bytes(raw.p, n), &tx, NULL), BC_OK);
    }
}

static void receipt_vector(void **state)
{
    (void)state;
    bc_h256_t h, h1;
    bc_receipt_data_t r = { .gas_used = BC_STR("24363"),
                            .contract_address = BC_STR("0102e8b6fc8cdf9626fddc1c3ea8c1e79b3fce94"),
                            .block_number = 9 };
    bc_receipt_hash(BC_SUITE_STANDARD, &r, &h);
    assert_hex(BC_VIEW(h), "296b4598a56d6e2a295e5fe913e6c55459bef0c290f0e713744be8ade2ceec51");
    r.effective_gas_price = BC_STR("0x1"); /* enters the preimage from version 1 on */
    bc_receipt_hash(BC_SUITE_STANDARD, &r, &h1);
    assert_memory_equal(h.b, h1.b, 32);
    r.version = 1;
    bc_receipt_hash(BC_SUITE_STANDARD, &r, &h);
    r.effective_gas_price = (bc_bytes_t){ 0 };
    bc_receipt_hash(BC_SUITE_STANDARD, &r, &h1);
    assert_memory_not_equal(h.b, h1.b, 32);
}

static const char genesis_text[] =
    "[chain]\nsm_crypto:0\nchainID: chain0\ngrouID: group0\n[consensys]\nconsensus_type: pbft\n"
    "block_tx_count_limit:1000\nleader_period:1\n[version]\ncompatibility_version:3.16.0\n[tx]\n"
    "gaslimit:3000000000\n[executor]\niswasm: 0\nisAuthCheck:0\n"
    "authAdminAccount:0x3d20a4e26f41b57c2061e520c825fbfa5f321f22\nisSerialExecute:1\n"
    "epochSealerNum:4\nepochBlockNum:1000\nnode.0:"
    "5d777c71df635f5fcdf53cc67c8137d145d9bc6705176305702da60c62bf5d73"
    "54f83cb9b6024d33eb92ceeb3d7a6fc500a7cbee45c9d2fcfa4077cd362b3dbd,1\n";

static void a_header_names_its_parent(void **state)
{
    (void)state;
    uint8_t hash[2][32] = { { [0] = 1, [31] = 2 }, { 3 } };
    bc_parent_t parents[] = { { 7, bc_bytes(hash[0], 32) }, { 7, bc_bytes(hash[1], 32) } };
    bc_header_data_t h = { .number = 8 };
    bc_h256_t none = bc_header_parent(&h);
    assert_true(bc_h256_is_zero(&none));
    h.parents = (bc_tars_list_t){ parents, 2 };
    bc_h256_t first = bc_header_parent(&h);
    assert_memory_equal(first.b, hash[0], 32);
    parents[0].hash.n = 31;
    none = bc_header_parent(&h);
    assert_true(bc_h256_is_zero(&none));
}

static void genesis_header_vector(void **state)
{
    (void)state;
    bc_header_t f = { .data = { .version = (int32_t)BC_VERSION_3_16_0,
                                .extra_data = bc_cstr(genesis_text) } };
    assert_int_equal(f.data.extra_data.n, 477);
    bc_hdr_t *h = bc_hdr_new(BC_SUITE_STANDARD, &f);
    assert_non_null(h);
    assert_hex(BC_VIEW(h->hash), "614c759d2c8bfce8bd62295b578ff7b5c6816a0329bfdacf2ef9faeb2b510e43");
    bc_wr_t w = { 0 };
    bc_hdr_encode(h, &w);
    assert_int_equal(w.n, 525);
    assert_hex(bc_bytes(w.p, 11), "1a2203100000cd000101dd");
    assert_hex(bc_bytes(w.p + w.n - 37, 5), "0b2d000020");
    bc_hdr_t *again = NULL;
    assert_int_equal(bc_hdr_decode(BC_SUITE_STANDARD, bc_wr_view(&w), &again), BC_OK);
    assert_memory_equal(again->hash.b, h->hash.b, 32);
    bc_hdr_unref(again);
    w.p[w.n - 1] ^= 1;
    assert_int_equal(bc_hdr_decode(BC_SUITE_STANDARD, bc_wr_view(&w), &again), BC_E_MISMATCH);
    bc_hdr_unref(h);
    bc_wr_free(&w);
}

static void header_one_vector(void **state)
{
    (void)state;
    bc_h256_t secret, parent, roots[3];
    bc_keypair_t key;
    uint8_t sig[BC_SIG_MAX];
    int64_t weight = 1;
    bc_keccak256(BC_STR("fisco-bcos-spec-node0"), &secret);
    assert_int_equal(bc_keypair_from_secret(BC_SUITE_STANDARD, secret.b, &key), BC_OK);
    bc_bytes_t g = unhex("614c759d2c8bfce8bd62295b578ff7b5c6816a0329bfdacf2ef9faeb2b510e43");
    memcpy(parent.b, g.p, 32);
    bc_keccak256(BC_STR("tx"), &roots[0]);
    bc_keccak256(BC_STR("rc"), &roots[1]);
    bc_keccak256(BC_STR("st"), &roots[2]);
    bc_parent_t p = { 0, BC_VIEW(parent) };
    bc_bytes_t sealer = BC_VIEW(key.pub);
    bc_header_t f = { .data = { .version = (int32_t)BC_VERSION_3_16_0,
                                .parents = { &p, 1 },
                                .txs_root = BC_VIEW(roots[0]),
                                .receipts_root = BC_VIEW(roots[1]),
                                .state_root = BC_VIEW(roots[2]),
                                .number = 1,
                                .gas_used = BC_STR("24363"),
                                .timestamp = 1700000000123,
                                .sealer_list = { &sealer, 1 },
                                .weights = { &weight, 1 } } };
    bc_hdr_t *h = bc_hdr_new(BC_SUITE_STANDARD, &f);
    assert_non_null(h);
    static const char want[] = "02400a43d18cef0880636c891796000cfdd9a7d0dc9d50664cd6b280abe3af76";
    assert_hex(BC_VIEW(h->hash), want);
    assert_int_equal(bc_sign(&key, &h->hash, sig), 65);
    assert_hex(bc_bytes(sig, 65), "3f9409e634c343401305777045e15667b3dd8efeabb876e893cb1fe56d437423"
                                  "25ef4ede3126a27b9f04f7956dce2f3afe3e240cc8ba446e2f4b3c34e5062b2000");
    /* the signature list does not enter the hash */
    bc_block_sig_t s = { 0, bc_bytes(sig, 65) };
    f.signatures = (bc_tars_list_t){ &s, 1 };
    bc_hdr_t *with = bc_hdr_new(BC_SUITE_STANDARD, &f);
    assert_non_null(with);
    assert_hex(BC_VIEW(with->hash), want);
    assert_int_equal(with->h.signatures.n, 1);
    bc_hdr_unref(with);
    bc_hdr_unref(h);
}

static void empty_block_keeps_its_structs(void **state)
{
    (void)state;
    bc_block_t b = { 0 };
    bc_wr_t w = { 0 };
    bc_tars_encode(&bc_block_tars, &b, &w);
    assert_hex(bc_wr_view(&w), "3a1a0b0b");
    bc_wr_free(&w);
}

static void block_round_trips(void **state)
{
    (void)state;
    bc_bytes_t topics[2] = { BC_STR("01234567890123456789012345678901"),
                             BC_STR("abcdefghijklmnopqrstuvwxyzabcdef") };
    bc_log_entry_t log = { BC_STR("6849f21d1e455e9f0712b1e99fa4fcd23758e8f1"), { topics, 2 },
                           BC_STR("d") };
    bc_receipt_t receipts[2] = { { .data = { .gas_used = BC_STR("1"), .logs = { &log, 1 } } },
                                 { .data = { .status = 16 }, .tx_index = 3000000000u } };
    bc_tx_wire_t txs[1] = { { .data = data_v0(), .sender = BC_STR("01234567890123456789") } };
    bc_tx_meta_t metas[2] = { { .hash = topics[0], .to = BC_STR("x") }, { .attribute = 1 } };
    bc_bytes_t nonces[3] = { BC_STR("1"), BC_STR(""), BC_STR("3") };
    bc_block_t b = { .version = 2, .type = 1, .txs = { txs, 1 }, .receipts = { receipts, 2 },
                     .metas = { metas, 2 }, .nonces = { nonces, 3 }, .receipt_hashes = { topics, 2 } };
    bc_block_t got;
    bc_wr_t one = { 0 }, two = { 0 };
    bc_arena_t arena;
    bc_arena_init(&arena, 1 << 20);
    bc_tars_encode(&bc_block_tars, &b, &one);
    assert_int_equal(bc_tars_decode(&bc_block_tars, bc_wr_view(&one), &got, &arena), BC_OK);
    assert_int_equal(((bc_receipt_t *)got.receipts.v)[1].tx_index, 3000000000u);
    bc_tars_encode(&bc_block_tars, &got, &two);
    assert_true(bc_bytes_eq(bc_wr_view(&one), bc_wr_view(&two)));
    uint8_t bloom[256] = { 0 }, manual[256] = { 0 };
    bc_bloom_logs(bloom, &log, 1);
    bc_bloom_add(manual, log.address);
    bc_bloom_add(manual, topics[0]);
    bc_bloom_add(manual, topics[1]);
    assert_memory_equal(bloom, manual, 256);
    unsigned bits = 0;
    for (size_t i = 0; i < 256; i++)
        bits += (unsigned)__builtin_popcount(bloom[i]);
    assert_true(bits >= 3 && bits <= 9);
    bc_arena_free(&arena);
    bc_wr_free(&one);
    bc_wr_free(&two);
}

static void system_names_are_exact(void **state)
{
    (void)state;
    static const char *const yes[] = {
        "0000000000000000000000000000000000001000", "0000000000000000000000000000000000001003",
        "0000000000000000000000000000000000001005", "000000000000000000000000000000000000100b",
        "0000000000000000000000000000000000001010", "0000000000000000000000000000000000010001",
        "0000000000000000000000000000000000010003", "0000000000000000000000000000000000010004",
        "/sys/status", "/sys/consensus", "/sys/account_manager",
    };
    static const char *const no[] = {
        "", "1000", "0x0000000000000000000000000000000000001000",
        "0000000000000000000000000000000000001001", "000000000000000000000000000000000000100B",
        "0000000000000000000000000000000000011000", "0000000000000000000000000000000000010002",
        "1000000000000000000000000000000000001000", "/sys/auth", "/sys/status/",
        "00000000000000000000000000000000000010000",
        "0000000000000000000000000000000000020001",
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(yes); i++)
        assert_true(bc_is_system_to(bc_cstr(yes[i])));
    for (size_t i = 0; i < BC_ARRAY_LEN(no); i++)
        assert_false(bc_is_system_to(bc_cstr(no[i])));
}

static void status_names(void **state)
{
    (void)state;
    assert_string_equal(bc_tx_status_name(0), "None");
    assert_string_equal(bc_tx_status_name(16), "RevertInstruction");
    assert_string_equal(bc_tx_status_name(10003), "MalformTx");
    assert_string_equal(bc_tx_status_name(10012), "OverFlowValue");
    assert_string_equal(bc_tx_status_name(4711), "Unknown");
}

static int teardown(void **state)
{
    (void)state;
    bc_wr_free(&scratch);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(official_v0_transaction),
        cmocka_unit_test(transaction_data_of_three_versions),
        cmocka_unit_test(made_transactions_verify_in_both_suites),
        cmocka_unit_test(prices_must_be_hex_from_version_1_on),
        cmocka_unit_test(bounds_tell_transactions_of_one_hash_apart),
        cmocka_unit_test(only_known_versions_are_taken),
        cmocka_unit_test(a_value_that_the_hash_does_not_cover_is_refused),
        cmocka_unit_test(damaged_transactions_are_refused),
        cmocka_unit_test(bytes_as_lists_are_brought_into_the_usual_form),
        cmocka_unit_test(web3_vector),
        cmocka_unit_test(web3_legacy_with_chain_id),
        cmocka_unit_test(a_web3_envelope_says_what_was_signed),
        cmocka_unit_test(a_wrong_web3_hash_is_refused),
        cmocka_unit_test(malformed_web3_transactions_name_the_reason),
        cmocka_unit_test(receipt_vector),
        cmocka_unit_test(a_header_names_its_parent),
        cmocka_unit_test(genesis_header_vector),
        cmocka_unit_test(header_one_vector),
        cmocka_unit_test(empty_block_keeps_its_structs),
        cmocka_unit_test(block_round_trips),
        cmocka_unit_test(system_names_are_exact),
        cmocka_unit_test(status_names),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
