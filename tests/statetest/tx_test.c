#include "tx_test.h"
#include <stdio.h>
#include "codec/rlp.h"
#include "computing/evm/u256.h"
#include "fixture.h"
#include "protocol/tx.h"
#include "rules.h"

#define CHAIN_ID 1u /* of all fixtures */

typedef struct {
    bc_err_t err; /* of the decoder: what follows is set when it is BC_OK */
    bc_tx_t *tx;
    bc_web3_tx_t t;
    uint64_t addresses, keys; /* of the access list */
} decoded_t;

/* Where the node answers otherwise than the suite, on purpose: a gas limit is an int64 in the Tars
 * form of a transaction, so 2^63 and more are refused. */
static const char *const deviations[] = {
    "TransactionWithHighGasLimit63",
    "TransactionWithHighGasLimit63Plus1",
    "TransactionWithHighGasLimit64Minus1",
};

static void count_access(decoded_t *d)
{
    bc_rd_t r = bc_rd(d->t.access_list);
    while (bc_rd_left(&r)) {
        bc_rlp_t entry, item;
        BC_MUST(bc_rlp_next(&r, &entry) == BC_OK); /* the decoder has looked */
        bc_rd_t e = bc_rd(entry.v);
        BC_MUST(bc_rlp_next(&e, &item) == BC_OK && bc_rlp_next(&e, &item) == BC_OK);
        d->addresses++;
        d->keys += item.v.n / 33; /* a key and its length */
    }
}

static void decode(bc_bytes_t raw, decoded_t *d)
{
    *d = (decoded_t){ 0 };
    d->err = bc_tx_from_web3(BC_SUITE_STANDARD, raw, &d->tx, NULL);
    if (d->err)
        return;
    d->err = bc_web3_tx_parse_unsigned(d->tx->w.extra_tx_bytes, &d->t);
    if (!d->err)
        count_access(d);
}

static bool fits_256_bits(const bc_u256_t *price, uint64_t gas)
{
    uint64_t wide[8];
    bc_u256_t n = bc_u256(gas);
    bc_u256_mul_wide(wide, price, &n);
    return (wide[4] | wide[5] | wide[6] | wide[7]) == 0;
}

static uint64_t intrinsic_gas(bc_evm_rev_t rev, const decoded_t *d)
{
    return rules_intrinsic_gas(rev, d->t.to.n == 0, d->t.input, d->addresses, d->keys);
}

/* Why the fork refuses a transaction that the decoder took, by the suite's names, or NULL. */
static const char *check(bc_evm_rev_t rev, const decoded_t *d)
{
    static const uint8_t half_order[32] = { 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                            0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d,
                                            0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0 };
    const bc_web3_tx_t *t = &d->t;
    const bc_u256_t *price = t->type >= 2 ? &t->max_fee : &t->gas_price;
    if (rules_type(rev, t->type))
        return "TYPE_NOT_SUPPORTED";
    if (t->has_chain_id && rev < BC_EVM_SPURIOUS)
        return "INVALID_SIGNATURE_VRS"; /* EIP-155 */
    if (t->has_chain_id && t->chain_id != CHAIN_ID)
        return "INVALID_CHAINID";
    if (rev >= BC_EVM_HOMESTEAD && memcmp(d->tx->w.signature.p + 32, half_order, 32) > 0)
        return "INVALID_SIGNATURE_VRS"; /* EIP-2 */
    if (t->nonce == UINT64_MAX)
        return "NONCE_TOO_BIG"; /* EIP-2681 */
    if (!fits_256_bits(price, t->gas_limit))
        return "GASLIMIT_PRICE_PRODUCT_OVERFLOW";
    if (t->type >= 2 && bc_u256_lt(&t->max_fee, &t->max_priority_fee))
        return "PRIORITY_GREATER_THAN_MAX_FEE_PER_GAS";
    if (rev >= BC_EVM_SHANGHAI && t->to.n == 0 && t->input.n > INIT_CODE_MAX)
        return "INITCODE_SIZE_EXCEEDED";
    if (t->gas_limit < intrinsic_gas(rev, d))
        return "INTRINSIC_GAS_TOO_LOW";
    return NULL;
}

/* NULL, or in what the answer differs from result. */
static const char *compare(fixture_t *f, bc_evm_rev_t rev, const decoded_t *d, const cJSON *result,
                           char *why, size_t n)
{
    const char *expected = fixture_text(fixture_field(result, "exception"));
    const char *refused = d->err ? bc_err_name(d->err) : check(rev, d);
    if (!refused != !expected || (refused && !d->err && !fixture_expects(expected, refused))) {
        snprintf(why, n, "expected %s, got %s", expected ? expected : "a valid transaction",
                 refused ? refused : "a valid transaction");
        return why;
    }
    if (d->err)
        return NULL;
    uint64_t gas = fixture_u64(f, fixture_text(fixture_field(result, "intrinsicGas")));
    if ((gas || !refused) && gas != intrinsic_gas(rev, d)) /* 0: refused before it was counted */
        return "intrinsic gas differs";
    if (refused)
        return NULL;
    bc_addr_t sender = fixture_address(f, fixture_text(fixture_field(result, "sender")));
    bc_h256_t hash = fixture_word(f, fixture_text(fixture_field(result, "hash")));
    if (!bc_bytes_eq(BC_VIEW(sender), d->tx->w.sender))
        return "sender differs";
    if (!bc_h256_eq(&hash, &d->tx->hash))
        return "hash differs";
    return f->bad ? "malformed test" : NULL;
}

static bool is_deviation(const char *test)
{
    for (size_t i = 0; i < BC_ARRAY_LEN(deviations); i++)
        if (strcmp(deviations[i], test) == 0)
            return true;
    return false;
}

/* The documented answer: the decoder refuses what the suite takes. */
static const char *compare_deviation(report_t *r, const decoded_t *d, const cJSON *result)
{
    if (d->err != BC_E_RANGE || fixture_field(result, "exception"))
        return "documented to be refused against the suite, but is not";
    r->tally.deviating++;
    return NULL;
}

void tx_test(report_t *r, const cJSON *test)
{
    bc_arena_t arena;
    bc_arena_init(&arena, 0);
    fixture_t f = { .arena = &arena };
    bc_bytes_t raw = fixture_bytes(&f, fixture_text(fixture_field(test, "txbytes")));
    decoded_t d;
    decode(raw, &d);
    const cJSON *result;
    cJSON_ArrayForEach(result, fixture_field(test, "result"))
    {
        int fork;
        if (!report_wants(r, result->string, &fork))
            continue;
        char text[256];
        const char *why = is_deviation(test->string)
                              ? compare_deviation(r, &d, result)
                              : compare(&f, (bc_evm_rev_t)fork, &d, result, text, sizeof text);
        report_case(r, KIND_TRANSACTION, fork, test->string, -1, f.bad ? "malformed test" : why);
    }
    bc_tx_unref(d.tx);
    bc_arena_free(&arena);
}
