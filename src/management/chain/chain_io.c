#include "management/chain/chain_io.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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

bc_err_t bc_file_read(const char *path, bc_wr_t *w)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return BC_E_IO;
    uint8_t part[16384];
    ssize_t n;
    while ((n = read(fd, part, sizeof(part))) > 0)
        bc_wr_mem(w, part, (size_t)n);
    close(fd);
    return n < 0 ? BC_E_IO : w->err;
}

bc_err_t bc_file_copy(const char *from, const char *to, mode_t mode)
{
    bc_wr_t w = { 0 };
    bc_err_t err = bc_file_read(from, &w);
    if (err)
        bc_chain_fail("cannot read %s: %s", from, strerror(errno));
    else
        err = bc_file_write(to, bc_wr_view(&w), mode);
    bc_wr_free(&w);
    return err;
}

static void trim(char *s)
{
    size_t n = strlen(s), from = 0;
    while (n > 0 && isspace((unsigned char)s[n - 1]))
        s[--n] = '\0';
    while (isspace((unsigned char)s[from]))
        from++;
    memmove(s, s + from, n - from + 1);
}

bool bc_file_line(const char *path, char *out, size_t size)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    bool ok = fgets(out, (int)size, f) != NULL;
    fclose(f);
    if (ok)
        trim(out);
    return ok && out[0] != '\0';
}

bool bc_ini_find(const char *text, const char *section, const char *key, char *out, size_t size)
{
    char line[1024], now[128] = "";
    while (*text) {
        size_t n = strcspn(text, "\n");
        size_t kept = BC_MIN(n, sizeof(line) - 1);
        memcpy(line, text, kept);
        line[kept] = '\0';
        text += n + (text[n] == '\n');
        trim(line);
        size_t len = strlen(line);
        if (line[0] == '[' && len > 2 && line[len - 1] == ']') {
            line[len - 1] = '\0';
            snprintf(now, sizeof(now), "%s", line + 1);
            continue;
        }
        char *eq = strchr(line, '=');
        if (!eq || line[0] == ';' || line[0] == '#' || strcmp(now, section) != 0)
            continue;
        *eq = '\0';
        trim(line);
        trim(eq + 1);
        if (strcmp(line, key) == 0) {
            int put = snprintf(out, size, "%s", eq + 1);
            return put >= 0 && (size_t)put < size;
        }
    }
    return false;
}
