#include "management/version/version.h"

const char *bc_version(void)
{
    return CBCOS_VERSION;
}

const char *bc_version_commit(void)
{
    return CBCOS_COMMIT;
}

void bc_version_print(FILE *out)
{
    fprintf(out, "FISCO BCOS Version : %s\n", BC_FISCO_VERSION);
    fprintf(out, "Build Time         : %s\n", CBCOS_COMMIT_TIME);
    fprintf(out, "Build Type         : %s\n", CBCOS_BUILD_TYPE);
    fprintf(out, "Git Branch         : %s\n", CBCOS_BRANCH);
    fprintf(out, "Git Commit         : %s\n", CBCOS_COMMIT);
}
