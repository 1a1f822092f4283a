/* What clients sent: signed transactions of the SDK and raw Ethereum transactions. */
#include "chain.h"
#include "codec/hex.h"
#include "protocol/tx.h"

static const cJSON *member(const cJSON *o, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(o, name);
}

static int step_number(const cJSON *step)
{
    const cJSON *n = member(step, "step");
    return cJSON_IsNumber(n) ? n->valueint : -1;
}

static bool answered_with_error(const cJSON *step)
{
    return member(member(step, "response"), "error") != NULL;
}

/* The stored row is what was sent plus import time and sender. */
static void stored_form(conf_chain_t *c, conf_report_t *r, int step, bc_tx_t *tx)
{
    bc_bytes_t row = conf_get(c, "s_hash_2_tx", BC_VIEW(tx->hash));
    bc_tx_t *stored = NULL;
    bc_wr_t w = { 0 };
    if (!row.n)
        return; /* never entered a block */
    if (conf_expect(r, bc_tx_decode_trusted(c->suite, row, &stored) == BC_OK,
                    "step %d: stored row", step)) {
        tx->w.import_time = stored->w.import_time;
        bc_tx_encode_stored(tx, &w);
        conf_expect(r, bc_bytes_eq(bc_wr_view(&w), row), "step %d: stored row differs", step);
    }
    bc_tx_unref(stored);
    bc_wr_free(&w);
}

/* The SDKs' signer declares the older fields of TransactionData as required, so it writes a zero
 * version and an empty input where the node omits them. */
static bool sdk_form_equals(const bc_tx_wire_t *tx, bc_bytes_t raw)
{
    bc_tars_field_t data[16], wire[16];
    bc_tars_struct_t data_tars = bc_tx_data_tars, wire_tars = bc_tx_wire_tars;
    bc_wr_t w = { 0 };
    BC_MUST(data_tars.cnt <= BC_ARRAY_LEN(data) && wire_tars.cnt <= BC_ARRAY_LEN(wire));
    memcpy(data, data_tars.fields, data_tars.cnt * sizeof *data);
    memcpy(wire, wire_tars.fields, wire_tars.cnt * sizeof *wire);
    for (uint32_t i = 0; i < data_tars.cnt; i++)
        data[i].require = data[i].tag <= 5 || data[i].tag == 7;
    data_tars.fields = data;
    wire[0].sub = &data_tars; /* tag 1 is the data */
    wire_tars.fields = wire;
    bc_tars_encode(&wire_tars, tx, &w);
    bool same = bc_bytes_eq(bc_wr_view(&w), raw);
    bc_wr_free(&w);
    return same;
}

static void bcos_tx(conf_chain_t *c, conf_report_t *r, int step, const cJSON *o)
{
    bc_bytes_t raw, want;
    bc_tx_t *tx = NULL;
    if (!conf_json_hex(c, o, "signedTx", &raw) || raw.n == 0)
        return;
    bc_err_t err = bc_tx_decode(c->suite, raw, &tx);
    if (!conf_expect(r, err == BC_OK, "step %d: %s", step, bc_err_name(err)))
        return;
    conf_expect(r, sdk_form_equals(&tx->w, raw), "step %d: encodes differently", step);
    if (conf_json_hex(c, o, "hash", &want))
        conf_expect(r, bc_bytes_eq(BC_VIEW(tx->hash), want), "step %d: hash %s", step,
                    conf_hex(BC_VIEW(tx->hash)));
    err = bc_tx_recover(tx);
    conf_expect(r, err == BC_OK, "step %d: signature", step);
    if (err == BC_OK && conf_json_hex(c, o, "from", &want) && want.n)
        conf_expect(r, bc_bytes_eq(BC_VIEW(tx->sender), want), "step %d: sender %s", step,
                    conf_hex(BC_VIEW(tx->sender)));
    stored_form(c, r, step, tx);
    bc_tx_unref(tx);
}

static void web3_tx(conf_chain_t *c, conf_report_t *r, int step, const cJSON *o)
{
    bc_bytes_t raw, want;
    bc_tx_t *tx = NULL;
    const char *why = NULL;
    if (!conf_json_hex(c, o, "raw", &raw))
        return; /* garbage on purpose */
    bc_err_t err = bc_tx_from_web3(c->suite, raw, &tx, &why);
    if (err) {
        const cJSON *text = member(member(member(o, "response"), "error"), "message");
        conf_expect(r, answered_with_error(o) && cJSON_IsString(text) &&
                           strcmp(text->valuestring, why) == 0,
                    "step %d: refused: %s", step, why);
        return;
    }
    bc_wr_t w = { 0 };
    if (conf_json_hex(c, member(o, "response"), "result", &want) && want.n == 32) {
        conf_expect(r, bc_bytes_eq(BC_VIEW(tx->hash), want), "step %d: hash %s", step,
                    conf_hex(BC_VIEW(tx->hash)));
        bc_h256_t h;
        bc_keccak256(raw, &h);
        if (bc_tx_to_web3(tx, &w) == BC_OK && bc_bytes_eq(BC_VIEW(h), want))
            conf_expect(r, bc_bytes_eq(bc_wr_view(&w), raw), "step %d: signed form differs", step);
    }
    stored_form(c, r, step, tx);
    bc_wr_free(&w);
    bc_tx_unref(tx);
}

static void steps_run(conf_chain_t *c, conf_report_t *r)
{
    const cJSON *step, *inner;
    size_t cnt = 0;
    cJSON_ArrayForEach(step, member(c->steps, "steps"))
    {
        const char *kind = cJSON_GetStringValue(member(step, "kind"));
        int n = step_number(step);
        cnt++;
        if (!kind)
            continue;
        if (strcmp(kind, "bcos-tx") == 0)
            bcos_tx(c, r, n, step);
        else if (strcmp(kind, "web3-tx") == 0)
            web3_tx(c, r, n, step);
        else if (strcmp(kind, "bulk") == 0)
            cJSON_ArrayForEach(inner, member(step, "txs")) bcos_tx(c, r, n, inner);
    }
    conf_expect(r, cnt > 0, "no steps");
}

const conf_check_t conf_step_checks[] = {
    { "steps", steps_run },
    { 0 },
};
