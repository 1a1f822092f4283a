/* A captured chain in memory, and the table of checks that run over it.
 *
 * A folder holds conf/node0/config.genesis, steps.json, blocks.json and db/ with the whole store
 * at the start and at the end and the difference that each step made. */
#ifndef CBCOS_CONFORMANCE_CHAIN_H
#define CBCOS_CONFORMANCE_CHAIN_H

#include <cjson/cJSON.h>
#include "base/arena.h"
#include "base/map.h"
#include "crypto/suite.h"

typedef struct {
    bc_bytes_t key; /* "table:key" as stored */
    bc_bytes_t value;
    bool deleted;
    uint32_t step;  /* 0: the store at the start; UINT32_MAX: the store at the end */
    bc_bytes_t pair; /* key and value together, for finding equal rows */
} conf_row_t;

typedef struct {
    conf_row_t *v; /* sorted by key as in the file */
    size_t n;
} conf_rows_t;

typedef struct {
    uint32_t step;
    conf_rows_t rows; /* puts, then deletes */
} conf_diff_t;

typedef struct {
    const char *dir, *name; /* name: last part of dir */
    bc_arena_t arena;       /* owns everything below except the JSON trees */
    bc_suite_t suite;
    uint32_t compatibility; /* 0xMMmmpp00 of config.genesis */
    int executor_version;
    const char *genesis_ini; /* NUL-terminated text of config.genesis */
    cJSON *steps, *blocks;
    conf_rows_t genesis, final;
    conf_diff_t *diffs; /* ascending steps */
    size_t diffs_cnt;
    conf_rows_t distinct; /* every different (key, value) that ever was, in order of appearance */
    bc_map_t latest;      /* key -> conf_row_t, the store at the end */
} conf_chain_t;

typedef struct {
    const char *chain, *check;
    uint64_t passed, failed, skipped;
} conf_report_t;

typedef struct {
    const char *name;
    void (*run)(conf_chain_t *c, conf_report_t *r);
} conf_check_t;

/* Tables end with a row whose name is NULL. main.c lists the tables. */
extern const conf_check_t conf_format_checks[]; /* check_rows.c */
extern const conf_check_t conf_block_checks[];  /* check_blocks.c */
extern const conf_check_t conf_step_checks[];   /* check_steps.c */
extern const conf_check_t conf_genesis_checks[]; /* check_genesis.c */
extern const conf_check_t conf_exec_checks[];   /* check_exec.c */

/* Counts; a failure prints one line. Returns ok. */
bool conf_expect(conf_report_t *r, bool ok, const char *fmt, ...) BC_PRINTF(3, 4);
void conf_skip(conf_report_t *r, const char *fmt, ...) BC_PRINTF(2, 3);

bc_err_t conf_chain_load(conf_chain_t *c, const char *dir) BC_WARN_UNUSED;
void conf_chain_free(conf_chain_t *c);

/* Splits "table:key" at the first colon. */
void conf_key_split(bc_bytes_t raw, bc_bytes_t *table, bc_bytes_t *key);
/* The value at the end of the capture; empty with p == NULL when there is none. */
bc_bytes_t conf_get(const conf_chain_t *c, const char *table, bc_bytes_t key);
bc_bytes_t conf_get_num(const conf_chain_t *c, const char *table, int64_t number);
/* Bytes of a "0x.." or plain hex text of a JSON object's member, in the arena; ok tells. */
bool conf_json_hex(conf_chain_t *c, const cJSON *obj, const char *member, bc_bytes_t *out);
/* Value of an ini key in a section of config.genesis, "" when absent; into out. */
void conf_ini(const conf_chain_t *c, const char *section, const char *key, char *out, size_t size);

/* Hexadecimal of the first bytes, for failure lines; valid until the next four calls. */
const char *conf_hex(bc_bytes_t v);

#endif
