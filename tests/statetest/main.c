/* cbcos-statetest PATH...: runs Ethereum GeneralStateTests (files, or folders of them), the Cancun
 * results only, in the Ethereum profile. A line per failure; the last line counts.
 * -q leaves out the groups that are long by design. -v names every case. */
#include <cjson/cJSON.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "transaction.h"

typedef struct {
    unsigned long passed, failed;
    bool quick, verbose;
    bc_evm_t *evm;
} run_t;

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    char *text = NULL;
    if (fseek(f, 0, SEEK_END) == 0) {
        long n = ftell(f);
        rewind(f);
        text = bc_xcalloc((size_t)n + 1, 1);
        if (fread(text, 1, (size_t)n, f) != (size_t)n) {
            free(text);
            text = NULL;
        }
    }
    fclose(f);
    return text;
}

static void report(run_t *r, const char *path, const char *name, int index, const char *why)
{
    if (why) {
        r->failed++;
        printf("FAIL %s %s #%d: %s\n", path, name, index, why);
    } else {
        r->passed++;
        if (r->verbose)
            printf("ok %s #%d\n", name, index);
    }
    fflush(stdout);
}

static void run_file(run_t *r, const char *path)
{
    char *text = read_file(path);
    cJSON *root = text ? cJSON_Parse(text) : NULL;
    free(text);
    if (!root) {
        report(r, path, "-", 0, "not readable as JSON");
        return;
    }
    cJSON *test;
    cJSON_ArrayForEach(test, root)
    {
        int index = 0;
        cJSON *post, *list = cJSON_GetObjectItemCaseSensitive(
                         cJSON_GetObjectItemCaseSensitive(test, "post"), "Cancun");
        cJSON_ArrayForEach(post, list)
        {
            char why[512];
            bool ok = statetest_case(r->evm, test, post, why, sizeof why);
            report(r, path, test->string, index++, ok ? NULL : why);
        }
    }
    cJSON_Delete(root);
}

/* Minutes of work, or thousands of cases of one kind: for the full run only. */
static bool is_long(const char *name)
{
    static const char *const names[] = {
        "stTimeConsuming", "stBadOpcode", "stPreCompiledContracts", "eip4844_blobs",
    };
    for (size_t i = 0; i < BC_ARRAY_LEN(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static int visible(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static void run_path(run_t *r, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        report(r, path, "-", 0, "no such file");
        return;
    }
    if (!S_ISDIR(st.st_mode)) {
        size_t n = strlen(path);
        if (n > 5 && strcmp(path + n - 5, ".json") == 0)
            run_file(r, path);
        return;
    }
    struct dirent **list;
    int n = scandir(path, &list, visible, alphasort);
    for (int i = 0; i < n; i++) {
        char sub[4096];
        if (!(r->quick && is_long(list[i]->d_name)) &&
            snprintf(sub, sizeof sub, "%s/%s", path, list[i]->d_name) < (int)sizeof sub)
            run_path(r, sub);
        free(list[i]);
    }
    if (n >= 0)
        free(list);
}

int main(int argc, char **argv)
{
    run_t r = { .evm = bc_evm_new() };
    BC_MUST(r.evm != NULL);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-q") == 0)
            r.quick = true;
        else if (strcmp(argv[i], "-v") == 0)
            r.verbose = true;
        else
            run_path(&r, argv[i]);
    }
    bc_evm_free(r.evm);
    printf("%lu passed, %lu failed\n", r.passed, r.failed);
    return r.failed || !r.passed;
}
