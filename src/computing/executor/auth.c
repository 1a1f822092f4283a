#include "computing/executor/exec.h"
bool bc_exec_auth_refused(bc_exec_t *x, const bc_evm_msg_t *m, bc_msg_result_t *out)
{
    (void)x, (void)m, (void)out;
    return false;
}
