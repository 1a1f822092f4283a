#include "management/chain/block0.h"

#include "base/ini.h"
#include "codec/hex.h"
#include "codec/json.h"

#define FILE_MAX (8u << 20)

static bc_err_t take_hex(const cJSON *v, bc_wr_t *out)
{
    const char *text = cJSON_GetStringValue(v);
    if (!text)
        return BC_E_FORMAT;
    bc_err_t err = bc_hex_append(bc_cstr(text), out);
    return err ? err : out->n == 0 ? BC_E_FORMAT : out->err;
}

static bc_err_t take(const cJSON *json, bc_block0_t *out)
{
    const cJSON *txs = cJSON_GetObjectItemCaseSensitive(json, "transactions");
    const cJSON *code = cJSON_GetObjectItemCaseSensitive(json, "committeeCode");
    if (!txs == !code)
        return BC_E_FORMAT;
    if (code)
        return take_hex(code, &out->committee_code);
    if (!cJSON_IsArray(txs) || cJSON_GetArraySize(txs) != 2)
        return BC_E_FORMAT;
    bc_err_t err = take_hex(cJSON_GetArrayItem(txs, 0), &out->txs[0]);
    return err ? err : take_hex(cJSON_GetArrayItem(txs, 1), &out->txs[1]);
}

bc_err_t bc_block0_load(const char *path, bc_block0_t *out)
{
    bc_wr_t text = { 0 };
    *out = (bc_block0_t){ 0 };
    bc_err_t err = bc_file_read(path, FILE_MAX, &text);
    if (!err) {
        cJSON *json = bc_json_parse(bc_wr_view(&text), 8, NULL);
        err = json ? take(json, out) : BC_E_FORMAT;
        cJSON_Delete(json);
    }
    bc_wr_free(&text);
    if (err)
        bc_block0_free(out);
    return err;
}

void bc_block0_free(bc_block0_t *b)
{
    bc_wr_free(&b->txs[0]);
    bc_wr_free(&b->txs[1]);
    bc_wr_free(&b->committee_code);
    *b = (bc_block0_t){ 0 };
}
