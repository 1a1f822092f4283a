/* Operating errors as values. 0 is fine; each room has a range. What a chain or a client sees
 * (transaction status, JSON-RPC code, Tars code) are other enums with explicit mappings. */
#ifndef BC_BASE_ERR_H
#define BC_BASE_ERR_H

typedef int bc_err_t;

enum {
    BC_OK = 0,
    /* base */
    BC_E_NOMEM = 1,
    BC_E_ARG,       /* caller's value is outside the documented range */
    BC_E_IO,        /* operating system said no; errno or a log line has the reason */
    BC_E_TIMEOUT,   /* the deadline passed */
    BC_E_FULL,      /* a bounded structure is at its maximum */
    BC_E_NOT_FOUND, /* no such row, peer, transaction ... */
    BC_E_EXISTS,
    BC_E_CLOSED,  /* the other side, or this module, has stopped */
    BC_E_BUSY,    /* try again later */
    BC_E_UNSUPPORTED,
    BC_E_INTERNAL,
    /* codec: malformed bytes from outside */
    BC_E_TRUNCATED = 100, /* input ends inside a field */
    BC_E_FORMAT,          /* bytes do not follow the format */
    BC_E_RANGE,           /* a value does not fit its field */
    BC_E_TOO_BIG,         /* a length above the limit */
    BC_E_MISSING,         /* a required field is absent */
    /* crypto */
    BC_E_SIGNATURE = 200,
    BC_E_KEY,
    /* storage */
    BC_E_CORRUPT = 300,
    /* config */
    BC_E_CONFIG = 400,
    /* scheduling */
    BC_E_STALE = 500,   /* height or view already passed */
    BC_E_MISMATCH,      /* a hash, root or genesis differs from ours */
    BC_E_NOT_READY,
};

/* A fixed English name for logs, never NULL. Any thread. */
const char *bc_err_name(bc_err_t err);

#endif
