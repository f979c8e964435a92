/* A client or server of wolfSSL with PSK: sends one line, prints one. Usage: wolfssl client|server PORT SUITE. */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const char KEY[] = "kkkkkkkkkkkkkkkk";
static const char IDENTITY[] = "device-00000042";

static void must(int good, const char *what, WOLFSSL *ssl) {
    char text[80] = "";
    if (good) return;
    if (ssl) wolfSSL_ERR_error_string((unsigned long)wolfSSL_get_error(ssl, 0), text);
    fprintf(stderr, "%s: %s\n", what, text);
    exit(1);
}

static unsigned client_key(WOLFSSL *ssl, const char *hint, char *identity, unsigned longest, unsigned char *key,
                           unsigned length) {
    (void)ssl, (void)hint;
    if (length < 16) return 0;
    snprintf(identity, longest, "%s", IDENTITY);
    memcpy(key, KEY, 16);
    return 16;
}

static unsigned server_key(WOLFSSL *ssl, const char *identity, unsigned char *key, unsigned length) {
    (void)ssl;
    if (length < 16 || strcmp(identity, IDENTITY) != 0) return 0;
    memcpy(key, KEY, 16);
    return 16;
}

int main(int count, char **arguments) {
    if (count != 4) return 2;
    int server = strcmp(arguments[1], "server") == 0;
    wolfSSL_Init();
    WOLFSSL_CTX *ctx = wolfSSL_CTX_new(server ? wolfDTLSv1_2_server_method() : wolfDTLSv1_2_client_method());
    must(ctx != NULL, "context", NULL);
    must(wolfSSL_CTX_set_cipher_list(ctx, arguments[3]) == WOLFSSL_SUCCESS, "no such suite", NULL);
    if (server) wolfSSL_CTX_set_psk_server_callback(ctx, server_key);
    else wolfSSL_CTX_set_psk_client_callback(ctx, client_key);
    int socket_fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct timeval patience = {10, 0};
    setsockopt(socket_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(arguments[2]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    WOLFSSL *ssl = wolfSSL_new(ctx);
    must(ssl != NULL, "session", NULL);
    /* Its client takes no X25519 in an ECDHE_PSK handshake, although it offers it. */
    must(wolfSSL_UseSupportedCurve(ssl, WOLFSSL_ECC_SECP256R1) == WOLFSSL_SUCCESS, "curve", ssl);
    if (server) {
        must(bind(socket_fd, (struct sockaddr *)&address, sizeof address) == 0, "bind", NULL);
        puts("READY");
        fflush(stdout);
        char first[512];
        socklen_t length = sizeof address;
        must(recvfrom(socket_fd, first, sizeof first, MSG_PEEK, (struct sockaddr *)&address, &length) > 0, "nobody",
             NULL);
    }
    must(connect(socket_fd, (struct sockaddr *)&address, sizeof address) == 0, "connect", NULL);
    must(wolfSSL_set_fd(ssl, socket_fd) == WOLFSSL_SUCCESS, "socket", ssl);
    must((server ? wolfSSL_accept(ssl) : wolfSSL_connect(ssl)) == WOLFSSL_SUCCESS, "handshake", ssl);
    printf("CONNECTED %s\n", wolfSSL_get_cipher_name(ssl));
    fflush(stdout);
    const char *line = "from the other end\n";
    must(wolfSSL_write(ssl, line, (int)strlen(line)) > 0, "write", ssl);
    char buffer[128] = {0};
    must(wolfSSL_read(ssl, buffer, sizeof buffer - 1) > 0, "read", ssl);
    printf("%s\n", buffer);
    fflush(stdout);
    wolfSSL_shutdown(ssl);
    return 0;
}
