#include "management/chain/chain_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ini.h"

#define COPY_MAX (1u << 30) /* a binary with its debug information */

bc_path_t bc_path(const char *fmt, ...)
{
    bc_path_t path;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(path.s, sizeof(path.s), fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof(path.s))
        path.s[0] = '\0';
    return path;
}

bc_err_t bc_chain_fail(const char *fmt, ...)
{
    va_list ap;
    fputs("chain: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    return BC_E_IO;
}

bool bc_file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool bc_dir_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bc_err_t bc_mkdirs(const char *path)
{
    bc_path_t part = bc_path("%s", path);
    if (part.s[0] == '\0')
        return bc_chain_fail("bad directory name");
    for (char *c = part.s + 1;; c++) {
        char kept = *c;
        if (kept != '/' && kept != '\0')
            continue;
        *c = '\0';
        if (mkdir(part.s, 0755) != 0 && errno != EEXIST)
            return bc_chain_fail("cannot make directory %s: %s", part.s, strerror(errno));
        *c = kept;
        if (kept == '\0')
            break;
    }
    return bc_dir_exists(path) ? BC_OK : bc_chain_fail("%s is not a directory", path);
}

bc_err_t bc_file_write(const char *path, bc_bytes_t text, mode_t mode)
{
    /* A running binary cannot be written to, but its name can be given to a new file. */
    if (unlink(path) != 0 && errno != ENOENT)
        return bc_chain_fail("cannot replace %s: %s", path, strerror(errno));
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return bc_chain_fail("cannot create %s: %s", path, strerror(errno));
    size_t done = 0;
    while (done < text.n) {
        ssize_t n = write(fd, text.p + done, text.n - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            bc_err_t err = bc_chain_fail("cannot write %s: %s", path, strerror(errno));
            close(fd);
            return err;
        }
        done += (size_t)n;
    }
    if (close(fd) != 0)
        return bc_chain_fail("cannot write %s: %s", path, strerror(errno));
    return BC_OK;
}

bc_err_t bc_file_copy(const char *from, const char *to, mode_t mode)
{
    bc_wr_t w = { 0 };
    bc_err_t err = bc_file_read(from, COPY_MAX, &w);
    if (err)
        bc_chain_fail("cannot read %s: %s", from, strerror(errno));
    else
        err = bc_file_write(to, bc_wr_view(&w), mode);
    bc_wr_free(&w);
    return err;
}

bool bc_chain_ini_find(const char *text, const char *section, const char *key, char *out,
                       size_t size)
{
    bc_ini_t ini;
    bool ok = false;
    if (!bc_ini_parse(bc_cstr(text), &ini)) {
        const bc_ini_entry_t *e = bc_ini_find(&ini, section, key);
        if (e) {
            int n = snprintf(out, size, "%s", e->value);
            ok = n >= 0 && (size_t)n < size;
        }
    }
    bc_ini_free(&ini);
    return ok;
}
