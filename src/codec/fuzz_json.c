/* What the strict scanner accepts, cJSON must accept too. */
#include "codec/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t at = SIZE_MAX;
    cJSON *v = bc_json_parse(bc_bytes(data, size), 64, &at);
    BC_MUST(v || at <= size);
    cJSON_Delete(v);
    bc_wr_t w = { 0 };
    bc_jw_t j = bc_jw(&w);
    bc_jw_str(&j, bc_bytes(data, size));
    for (size_t i = 0; i < w.n; i++)
        BC_MUST(w.p[i] >= 0x20 && w.p[i] < 0x80);
    bc_wr_free(&w);
    return 0;
}
