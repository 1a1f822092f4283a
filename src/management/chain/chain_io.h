/* Files, paths and messages of the chain tool. */
#ifndef BC_MANAGEMENT_CHAIN_IO_H
#define BC_MANAGEMENT_CHAIN_IO_H

#include <stdio.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

#define BC_CHAIN_PATH_MAX 4096

/* A path made by printf rules. It is cut, and then never opened, when longer than the maximum. */
typedef struct {
    char s[BC_CHAIN_PATH_MAX];
} bc_path_t;
bc_path_t bc_path(const char *fmt, ...) BC_PRINTF(1, 2);

/* Prints "chain: ..." to standard error and returns BC_E_IO, or err for fail_as. */
bc_err_t bc_chain_fail(const char *fmt, ...) BC_PRINTF(1, 2);

bool bc_file_exists(const char *path);
bool bc_dir_exists(const char *path);
/* Makes a directory and its parents; present ones are fine. */
bc_err_t bc_mkdirs(const char *path) BC_WARN_UNUSED;
/* Writes a whole file with that mode; an existing one is replaced. */
bc_err_t bc_file_write(const char *path, bc_bytes_t text, mode_t mode) BC_WARN_UNUSED;
bc_err_t bc_file_copy(const char *from, const char *to, mode_t mode) BC_WARN_UNUSED;
/* Value of section.key in an INI text. False: absent, does not fit, or no INI text. */
bool bc_chain_ini_find(const char *text, const char *section, const char *key, char *out,
                       size_t size);

#endif
