/* INI files in the dialect of the official node's reader (Boost property tree, spec/50 §2):
 * `[section]`, `key=value`, leading blanks allowed, values trimmed, `;` and `#` start a comment only
 * at the start of a line. A duplicate key or section, or a line without '=', is an error. */
#ifndef BC_BASE_INI_H
#define BC_BASE_INI_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"

#define BC_INI_SIZE_MAX    (4u << 20)
#define BC_INI_ENTRIES_MAX 65536u

typedef struct {
    const char *section, *key, *value; /* NUL-terminated; section "" before the first one */
    unsigned line;
    bool used; /* for the caller */
    const char *id; /* section, newline, key */
} bc_ini_entry_t;

typedef struct {
    bc_ini_entry_t *v; /* file order */
    size_t cnt, cap;
    bc_arena_t arena;
    bc_map_t index;
    unsigned error_line; /* after BC_E_FORMAT; 0 when no single line is to blame */
    const char *error;   /* a fixed text */
} bc_ini_t;

/* BC_E_FORMAT (error and error_line tell), BC_E_TOO_BIG, BC_E_NOMEM. On every outcome the caller
 * calls bc_ini_free. One thread. */
bc_err_t bc_ini_parse(bc_bytes_t text, bc_ini_t *out) BC_WARN_UNUSED;
/* Reads the file; BC_E_NOT_FOUND when there is none, BC_E_IO. */
bc_err_t bc_ini_load(const char *path, bc_ini_t *out) BC_WARN_UNUSED;
void bc_ini_free(bc_ini_t *ini);
bc_ini_entry_t *bc_ini_find(const bc_ini_t *ini, const char *section, const char *key);

/* The whole file, at most max bytes. BC_E_NOT_FOUND, BC_E_TOO_BIG, BC_E_IO. */
bc_err_t bc_file_read(const char *path, size_t max, bc_wr_t *out) BC_WARN_UNUSED;

#endif
