#include "base/ini.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bc_ini_t ini;
    if (bc_ini_parse(bc_bytes(data, size), &ini) == BC_OK)
        for (size_t i = 0; i < ini.cnt; i++) {
            const bc_ini_entry_t *e = &ini.v[i];
            if (strlen(e->section) + strlen(e->key) < 250)
                BC_MUST(bc_ini_find(&ini, e->section, e->key) == e);
        }
    bc_ini_free(&ini);
    return 0;
}
