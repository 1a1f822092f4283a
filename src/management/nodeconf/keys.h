/* The tables of keys, and how a table row is read. Inside of nodeconf. */
#ifndef BC_MANAGEMENT_NODECONF_KEYS_H
#define BC_MANAGEMENT_NODECONF_KEYS_H

#include "base/ini.h"
#include "management/nodeconf/nodeconf.h"

typedef enum {
    K_STR,
    K_BOOL,
    K_U16,
    K_U32,
    K_I32,
    K_I64,
    K_U64,
} bc_key_kind_t;

enum {
    KF_STRICT = 1, /* text that is no number is an error, as in the official node */
    KF_FATAL = 2,  /* a number out of bounds is an error; else it is moved to the bound */
    KF_UNUSED = 4, /* accepted and without effect here: a warning names it */
    KF_FULL = 8,   /* empty text is an error */
};

typedef struct {
    const char *section, *key;
    uint8_t kind, flags;
    uint32_t off; /* in the struct; UINT32_MAX: read elsewhere or nowhere */
    const char *def;
    int64_t min, max; /* numbers */
    const char *doc;
} bc_conf_key_t;

extern const bc_conf_key_t bc_ini_keys[], bc_genesis_keys[];
extern const size_t bc_ini_key_cnt, bc_genesis_key_cnt;

typedef struct {
    const char *name; /* of the file */
    bc_ini_t *ini;
    bc_arena_t *arena;
    bc_conf_report_t *rep;
    bc_wr_t unused; /* keys without effect */
} bc_conf_reader_t;

/* Fills base by the table. */
bc_err_t bc_conf_read(bc_conf_reader_t *r, const bc_conf_key_t *keys, size_t cnt, void *base);
/* Warns of keys that nobody read, and of those without effect. */
void bc_conf_leftovers(bc_conf_reader_t *r);
/* Puts "<file>:<line>: ..." into the report; returns BC_E_CONFIG. e may be NULL. */
bc_err_t bc_conf_error(bc_conf_reader_t *r, const bc_ini_entry_t *e, const char *fmt, ...)
    BC_PRINTF(3, 4);
void bc_conf_warn(bc_conf_reader_t *r, const bc_ini_entry_t *e, const char *fmt, ...)
    BC_PRINTF(3, 4);
/* Integer text as the official node converts it: blanks trimmed, sign allowed, nothing else. */
bool bc_conf_int(const char *text, int64_t *out);
bool bc_conf_bool(const char *text, bool *out);
/* Opens a file for reading by tables; errors go to the report. */
bc_err_t bc_conf_open(bc_conf_reader_t *r, bc_bytes_t text);
bc_err_t bc_conf_file(const char *path, bc_wr_t *out, bc_conf_report_t *rep);

#endif
