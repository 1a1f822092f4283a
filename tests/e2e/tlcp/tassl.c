/* A peer that speaks TLCP with TASSL, the library that official nodes and SDKs are linked with: it is
 * inside the native part of the Java SDK, whose symbols are visible.
 *
 * tassl LIB server PORT DIR TYPE   echoes what one connection sends
 * tassl LIB client PORT DIR TYPE   prints the protocol and the first 19 bytes that the node sends
 *
 * DIR/sm_ca.crt, DIR/sm_TYPE.{crt,key} and DIR/sm_enTYPE.{crt,key} are what it shows and trusts.
 * In the environment: MAC_FIRST=1, without encrypt_then_mac; SUITE, the only one. */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FILETYPE_PEM = 1, VERIFY_PEER_AND_DEMAND = 3, NO_ENCRYPT_THEN_MAC = 0x00080000 };

static void *lib;

static void *symbol(const char *name)
{
    void *p = dlsym(lib, name);
    if (!p) {
        fprintf(stderr, "tassl: the library has no %s\n", name);
        exit(2);
    }
    return p;
}

#define FN(ret, name, ...) ((ret (*)(__VA_ARGS__))(uintptr_t)symbol(#name))

static void die(const char *what)
{
    char text[256];
    for (unsigned long e; (e = FN(unsigned long, ERR_get_error, void)());) {
        FN(void, ERR_error_string_n, unsigned long, char *, size_t)(e, text, sizeof text);
        fprintf(stderr, "tassl: %s: %s\n", what, text);
    }
    exit(1);
}

static void load(void *ctx, const char *fn, const char *format, const char *dir, const char *type)
{
    char path[4096];
    snprintf(path, sizeof path, format, dir, type);
    int (*f)(void *, const char *, int) = (int (*)(void *, const char *, int))(uintptr_t)symbol(fn);
    if (f(ctx, path, FILETYPE_PEM) != 1)
        die(path);
}

static void *context(bool server, const char *dir, const char *type)
{
    void *ctx = FN(void *, SSL_CTX_new, const void *)(
        server ? FN(void *, TLS_server_method, void)() : FN(void *, CNTLS_client_method, void)());
    char ca[4096];
    snprintf(ca, sizeof ca, "%s/sm_ca.crt", dir);
    if (!ctx || FN(int, SSL_CTX_load_verify_locations, void *, const char *, const char *)(ctx, ca, NULL) != 1)
        die(ca);
    load(ctx, "SSL_CTX_use_certificate_file", "%s/sm_%s.crt", dir, type);
    load(ctx, "SSL_CTX_use_PrivateKey_file", "%s/sm_%s.key", dir, type);
    load(ctx, "SSL_CTX_use_enc_certificate_file", "%s/sm_en%s.crt", dir, type);
    load(ctx, "SSL_CTX_use_enc_PrivateKey_file", "%s/sm_en%s.key", dir, type);
    FN(void, SSL_CTX_set_verify, void *, int, void *)(ctx, VERIFY_PEER_AND_DEMAND, NULL);
    if (getenv("MAC_FIRST"))
        FN(unsigned long, SSL_CTX_set_options, void *, unsigned long)(ctx, NO_ENCRYPT_THEN_MAC);
    /* what official nodes accept */
    const char *suites = getenv("SUITE");
    if (server && !suites)
        suites = "ECDHE-RSA-AES256-GCM-SHA384:ECC-SM4-SM3:ECDHE-SM4-SM3";
    if (suites && FN(int, SSL_CTX_set_cipher_list, void *, const char *)(ctx, suites) != 1)
        die("cipher list");
    return ctx;
}

static int tcp(bool server, const char *port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (!server && connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    if (server && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 1) == 0)
        return accept(fd, NULL, NULL);
    perror("tassl");
    exit(1);
}

int main(int argc, char **argv)
{
    if (argc != 6)
        return 2;
    lib = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (!lib) {
        fprintf(stderr, "tassl: %s\n", dlerror());
        return 2;
    }
    bool server = strcmp(argv[2], "server") == 0;
    void *ctx = context(server, argv[4], argv[5]);
    void *ssl = FN(void *, SSL_new, void *)(ctx);
    FN(int, SSL_set_fd, void *, int)(ssl, tcp(server, argv[3]));
    if ((server ? FN(int, SSL_accept, void *) : FN(int, SSL_connect, void *))(ssl) != 1)
        die("handshake");
    const void *cipher = FN(const void *, SSL_get_current_cipher, void *)(ssl);
    printf("%s", FN(const char *, SSL_CIPHER_get_name, const void *)(cipher));
    int (*read_some)(void *, void *, int) = FN(int, SSL_read, void *, void *, int);
    static unsigned char buf[65536];
    int n = 0, got = 0;
    while (server && (n = read_some(ssl, buf, sizeof buf)) > 0) {
        if (FN(int, SSL_write, void *, const void *, int)(ssl, buf, n) != n)
            die("write");
    }
    while (!server && got < 19 && (n = read_some(ssl, buf + got, 19 - got)) > 0)
        got += n;
    printf(" ");
    for (int i = 0; i < got; i++)
        printf("%02x", buf[i]);
    printf("\n");
    FN(int, SSL_shutdown, void *)(ssl);
    return server || got == 19 ? 0 : 1;
}
