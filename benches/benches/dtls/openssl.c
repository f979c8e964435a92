/* What the server of OpenSSL costs in memory: the same steps that the benchmark takes with the others, in the same
 * order. Arguments: psk, x509 or unchecked (certificates that nobody validates); a directory with the certificates and
 * keys; round or idle. Prints one line: the figures of `Figures`, separated by spaces; those that were not asked for
 * are 0. */
#define _GNU_SOURCE
#include <openssl/hmac.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BATCH 128
#define RECORDS 100
#define HELLOS 5000
#define ROUND 0.15

static const unsigned char KEY[16] = "kkkkkkkkkkkkkkkk";
static const unsigned char SECRET[32] = "the secret of the cookies, fixed";

typedef struct {
    SSL *ssl;
    BIO *in, *out;
} End;

static double cpu(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

static long resident(void) {
    long size = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &size, &pages) != 2) exit(1);
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static unsigned psk_server(SSL *ssl, const char *identity, unsigned char *psk, unsigned length) {
    (void)ssl;
    if (strcmp(identity, "device-00000042") != 0 || length < sizeof KEY) return 0;
    memcpy(psk, KEY, sizeof KEY);
    return sizeof KEY;
}

static unsigned psk_client(SSL *ssl, const char *hint, char *identity, unsigned longest, unsigned char *psk,
                           unsigned length) {
    (void)ssl, (void)hint;
    if (length < sizeof KEY) return 0;
    snprintf(identity, longest, "device-00000042");
    memcpy(psk, KEY, sizeof KEY);
    return sizeof KEY;
}

/* A HMAC over what identifies the peer; in memory there is no address, so over a constant of its size. */
static int make_cookie(SSL *ssl, unsigned char *cookie, unsigned *length) {
    (void)ssl;
    unsigned char address[19] = {4};
    return HMAC(EVP_sha256(), SECRET, sizeof SECRET, address, sizeof address, cookie, length) != NULL;
}

static int check_cookie(SSL *ssl, const unsigned char *cookie, unsigned length) {
    unsigned char own[EVP_MAX_MD_SIZE];
    unsigned own_length = 0;
    return make_cookie(ssl, own, &own_length) && own_length == length && CRYPTO_memcmp(own, cookie, length) == 0;
}

/* Takes every certificate; the owner's signature is verified nevertheless. */
static int unchecked(X509_STORE_CTX *store, void *argument) {
    (void)store, (void)argument;
    return 1;
}

static void certificates(SSL_CTX *ctx, const char *directory, const char *own, int validate) {
    char certificate[512], key[512], authority[512];
    snprintf(certificate, sizeof certificate, "%s/%s.der", directory, own);
    snprintf(key, sizeof key, "%s/%s.key", directory, own);
    snprintf(authority, sizeof authority, "%s/authority.der", directory);
    if (SSL_CTX_use_certificate_file(ctx, certificate, SSL_FILETYPE_ASN1) != 1) exit(1);
    if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_ASN1) != 1) exit(1);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    if (!validate) {
        SSL_CTX_set_cert_verify_callback(ctx, unchecked, NULL);
        return;
    }
    BIO *file = BIO_new_file(authority, "rb");
    X509 *anchor = file ? d2i_X509_bio(file, NULL) : NULL;
    if (!anchor || X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), anchor) != 1) exit(1);
    X509_free(anchor);
    BIO_free(file);
}

static SSL_CTX *context(int server, const char *kind, const char *directory) {
    int psk = strcmp(kind, "psk") == 0;
    SSL_CTX *ctx = SSL_CTX_new(server ? DTLS_server_method() : DTLS_client_method());
    const char *suite = psk ? "PSK-AES128-CCM8:@SECLEVEL=0" : "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0";
    if (!ctx || !SSL_CTX_set_cipher_list(ctx, suite) || !SSL_CTX_set1_groups_list(ctx, "P-256")) exit(1);
    if (!psk) certificates(ctx, directory, server ? "server" : "client", strcmp(kind, "x509") == 0);
    SSL_CTX_set_options(ctx, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    if (server) {
        SSL_CTX_set_options(ctx, SSL_OP_COOKIE_EXCHANGE);
        SSL_CTX_set_psk_server_callback(ctx, psk_server);
        SSL_CTX_set_cookie_generate_cb(ctx, make_cookie);
        SSL_CTX_set_cookie_verify_cb(ctx, check_cookie);
    } else {
        SSL_CTX_set_psk_client_callback(ctx, psk_client);
    }
    return ctx;
}

/* No flight is sent again, however long a batch takes. */
static unsigned timer(SSL *ssl, unsigned microseconds) {
    (void)ssl, (void)microseconds;
    return 600 * 1000 * 1000;
}

static End make(SSL_CTX *ctx, int server) {
    End end = {SSL_new(ctx), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem())};
    if (!end.ssl || !end.in || !end.out) exit(1);
    BIO_set_mem_eof_return(end.in, -1);
    BIO_set_mem_eof_return(end.out, -1);
    SSL_set_bio(end.ssl, end.in, end.out);
    DTLS_set_link_mtu(end.ssl, 1280);
    DTLS_set_timer_cb(end.ssl, timer);
    if (server) SSL_set_accept_state(end.ssl);
    else SSL_set_connect_state(end.ssl);
    return end;
}

/* Moves what one end wrote to the other; its bytes. */
static long move(End *from, End *to) {
    char *data = NULL;
    long length = BIO_get_mem_data(from->out, &data);
    if (length > 0) {
        BIO_write(to->in, data, (int)length);
        (void)BIO_reset(from->out);
    }
    return length;
}

/* Some handshakes in step; the CPU time of the servers alone, without that of freeing them. */
static double handshakes(SSL_CTX *client_ctx, SSL_CTX *server_ctx, End *clients, End *servers, int count,
                         long *bytes) {
    double time = 0;
    for (int i = 0; i < count; i++) clients[i] = make(client_ctx, 0);
    double start = cpu();
    for (int i = 0; i < count; i++) servers[i] = make(server_ctx, 1);
    time += cpu() - start;
    *bytes = 0;
    for (int flight = 0; flight < 4; flight++) {
        for (int i = 0; i < count; i++) {
            SSL_do_handshake(clients[i].ssl);
            long moved = move(&clients[i], &servers[i]);
            if (i == 0) *bytes += moved;
        }
        start = cpu();
        for (int i = 0; i < count; i++) SSL_do_handshake(servers[i].ssl);
        time += cpu() - start;
        for (int i = 0; i < count; i++) {
            long moved = move(&servers[i], &clients[i]);
            if (i == 0) *bytes += moved;
        }
    }
    for (int i = 0; i < count; i++)
        if (!SSL_is_init_finished(clients[i].ssl) || !SSL_is_init_finished(servers[i].ssl)) {
            fprintf(stderr, "a handshake is not complete\n");
            exit(1);
        }
    return time;
}

static double echo(End *client, End *server) {
    char data[64] = {7}, buffer[64];
    double start = 0, time = 0;
    for (int i = 0; i < RECORDS; i++) {
        SSL_write(client->ssl, data, sizeof data);
        move(client, server);
        /* One record at a time, as datagrams come; the clock is read around many. */
    }
    start = cpu();
    for (int i = 0; i < RECORDS; i++) {
        if (SSL_read(server->ssl, buffer, sizeof buffer) != sizeof buffer) exit(1);
        if (SSL_write(server->ssl, buffer, sizeof buffer) != sizeof buffer) exit(1);
    }
    time = cpu() - start;
    (void)BIO_reset(server->out);
    return time;
}

/* A ClientHello without cookie, answered without a session of its own. */
static double hello(SSL_CTX *client_ctx, SSL_CTX *server_ctx, int count) {
    End client = make(client_ctx, 0), server = make(server_ctx, 1);
    BIO_ADDR *peer = BIO_ADDR_new();
    SSL_do_handshake(client.ssl);
    char copy[512], *data = NULL;
    long length = BIO_get_mem_data(client.out, &data);
    memcpy(copy, data, (size_t)length);
    double start = cpu();
    for (int i = 0; i < count; i++) {
        BIO_write(server.in, copy, (int)length);
        if (DTLSv1_listen(server.ssl, peer) > 0) exit(1);
        if (BIO_ctrl_pending(server.out) == 0) exit(1);
        (void)BIO_reset(server.out);
    }
    return cpu() - start;
}

static void print_round(SSL_CTX *client_ctx, SSL_CTX *server_ctx, int psk) {
    static End clients[BATCH], servers[BATCH];
    double handshake_time = 0, echo_time = 0, hello_time = 0;
    int handshake_count = 0, echo_count = 0;
    long bytes = 0;
    /* The memory that all batches use is fresh in the first one, which does not count. */
    handshakes(client_ctx, server_ctx, clients, servers, BATCH, &bytes);
    for (int i = 0; i < BATCH; i++) SSL_free(clients[i].ssl), SSL_free(servers[i].ssl);
    while (handshake_time < ROUND) {
        handshake_time += handshakes(client_ctx, server_ctx, clients, servers, BATCH, &bytes);
        handshake_count += BATCH;
        for (int round = 0; round < 4; round++) {
            echo_time += echo(&clients[0], &servers[0]);
            echo_count += RECORDS;
        }
        double start = cpu();
        for (int i = 0; i < BATCH; i++) SSL_free(servers[i].ssl);
        handshake_time += cpu() - start;
        for (int i = 0; i < BATCH; i++) SSL_free(clients[i].ssl);
    }
    if (psk) hello_time = hello(client_ctx, server_ctx, HELLOS);
    printf("%.0f %.0f %.3f 0 %ld\n", handshake_count / handshake_time, echo_count / echo_time,
           hello_time * 1e6 / HELLOS, bytes);
}

/* Resident memory of servers that stay. */
static void print_idle(SSL_CTX *client_ctx, SSL_CTX *server_ctx) {
    static End clients[BATCH], servers[BATCH];
    enum { WARM = 1, KEPT = 15 };
    long before = 0, bytes = 0;
    for (int batch = 0; batch < WARM + KEPT; batch++) {
        if (batch == WARM) before = resident();
        handshakes(client_ctx, server_ctx, clients, servers, BATCH, &bytes);
        for (int i = 0; i < BATCH; i++) SSL_free(clients[i].ssl);
    }
    printf("0 0 0 %.0f 0\n", (double)(resident() - before) / (KEPT * BATCH));
}

int main(int count, char **arguments) {
    if (count != 4) return 2;
    const char *kind = arguments[1], *directory = arguments[2];
    SSL_CTX *client_ctx = context(0, kind, directory), *server_ctx = context(1, kind, directory);
    if (strcmp(arguments[3], "idle") == 0) print_idle(client_ctx, server_ctx);
    else print_round(client_ctx, server_ctx, strcmp(kind, "psk") == 0);
    return 0;
}
