/* cbcos-abi: for each line `TYPE HEX` on standard input decodes the bytes by the tuple type and prints what
 * encoding the value again gives, or `error CODE`. A peer for differential tests of the ABI codec. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/abi.h"
#include "codec/hex.h"

/* Decodes and encodes one value; the line to print is in *out. */
static void answer(const char *type, bc_bytes_t hex, bc_wr_t *out)
{
    bc_arena_t arena = { 0 };
    bc_abi_val_t v;
    uint8_t *data = bc_arena_alloc(&arena, hex.n / 2 + 1);
    bc_wr_t again = { 0 };
    bc_err_t err = data ? bc_hex_fixed(hex, data, hex.n / 2) : BC_E_NOMEM;
    if (!err)
        err = bc_abi_decode(type, bc_bytes(data, hex.n / 2), &v, &arena);
    if (!err)
        err = bc_abi_encode(type, &v, &again);
    if (err)
        bc_wr_printf(out, "error %s", bc_err_name(err));
    else
        bc_wr_hex(out, bc_wr_view(&again));
    bc_wr_free(&again);
    bc_arena_free(&arena);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        fprintf(stderr, "usage: %s <LINES\nEach line: a tuple type, a space, bytes in hex.\n", argv[0]);
        return 2;
    }
    char *line = NULL;
    size_t size = 0;
    ssize_t n;
    while ((n = getline(&line, &size, stdin)) > 0) {
        while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
            line[--n] = '\0';
        char *space = strchr(line, ' ');
        bc_wr_t out = { 0 };
        if (space) {
            *space = '\0';
            answer(line, bc_cstr(space + 1), &out);
        } else {
            bc_wr_str(&out, "error no type and bytes");
        }
        printf("%.*s\n", (int)out.n, (const char *)out.p);
        bc_wr_free(&out);
    }
    free(line);
    return 0;
}
