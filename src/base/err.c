#include "base/err.h"

const char *bc_err_name(bc_err_t err)
{
    switch (err) {
    case BC_OK: return "ok";
    case BC_E_NOMEM: return "out of memory";
    case BC_E_ARG: return "argument out of range";
    case BC_E_IO: return "input/output error";
    case BC_E_TIMEOUT: return "timed out";
    case BC_E_FULL: return "at its maximum";
    case BC_E_NOT_FOUND: return "not found";
    case BC_E_EXISTS: return "exists already";
    case BC_E_CLOSED: return "closed";
    case BC_E_BUSY: return "busy";
    case BC_E_UNSUPPORTED: return "not supported";
    case BC_E_INTERNAL: return "internal error";
    case BC_E_TRUNCATED: return "input ends too early";
    case BC_E_FORMAT: return "malformed input";
    case BC_E_RANGE: return "value out of range";
    case BC_E_TOO_BIG: return "longer than allowed";
    case BC_E_MISSING: return "required field missing";
    case BC_E_SIGNATURE: return "invalid signature";
    case BC_E_KEY: return "invalid key";
    case BC_E_CORRUPT: return "corrupt data";
    case BC_E_CONFIG: return "invalid configuration";
    case BC_E_STALE: return "already passed";
    case BC_E_MISMATCH: return "does not match";
    case BC_E_NOT_READY: return "not ready";
    default: return "unknown error";
    }
}
