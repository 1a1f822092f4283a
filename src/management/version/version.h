/* What this program calls itself. The five lines of `fisco-bcos -v` are read by scripts of the
 * official tools (spec/50 §3). */
#ifndef BC_MANAGEMENT_VERSION_H
#define BC_MANAGEMENT_VERSION_H

#include <stdio.h>

/* The FISCO BCOS version whose bytes and behaviour are matched. */
#define BC_FISCO_VERSION "3.16.4"

/* Our own version, "0.1.0". */
const char *bc_version(void);
const char *bc_version_commit(void); /* abbreviated, or "unknown" */
/* FISCO BCOS Version, Build Time, Build Type, Git Branch, Git Commit. */
void bc_version_print(FILE *out);

#endif
