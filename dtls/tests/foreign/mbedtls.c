/* A client or server of Mbed TLS with TLS_PSK_WITH_AES_128_CCM_8: sends one line, prints one.
 * Usage: mbedtls client|server PORT. */
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_cookie.h>
#include <mbedtls/timing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const unsigned char KEY[16] = "kkkkkkkkkkkkkkkk";
static const char IDENTITY[] = "device-00000042";
static const int SUITES[] = {MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8, 0};

static mbedtls_net_context net, listener;
static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context drbg;
static mbedtls_ssl_config config;
static mbedtls_ssl_context ssl;
static mbedtls_ssl_cookie_ctx cookies;
static mbedtls_timing_delay_context timer;

static void must(int code, const char *what) {
    if (code >= 0) return;
    fprintf(stderr, "%s: -0x%04x\n", what, (unsigned)-code);
    exit(1);
}

static void accept_peer(void) {
    unsigned char address[64];
    size_t length = 0;
    mbedtls_net_free(&net);
    must(mbedtls_net_accept(&listener, &net, address, sizeof address, &length), "accept");
    must(mbedtls_ssl_set_client_transport_id(&ssl, address, length), "transport id");
    mbedtls_ssl_set_bio(&ssl, &net, mbedtls_net_send, mbedtls_net_recv, mbedtls_net_recv_timeout);
}

int main(int count, char **arguments) {
    if (count != 3) return 2;
    int server = strcmp(arguments[1], "server") == 0;
    int role = server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT;
    mbedtls_entropy_init(&entropy);
    mbedtls_ctr_drbg_init(&drbg);
    mbedtls_ssl_config_init(&config);
    mbedtls_ssl_init(&ssl);
    mbedtls_ssl_cookie_init(&cookies);
    mbedtls_net_init(&net);
    mbedtls_net_init(&listener);
    must(mbedtls_ctr_drbg_seed(&drbg, mbedtls_entropy_func, &entropy, NULL, 0), "seed");
    must(mbedtls_ssl_config_defaults(&config, role, MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT),
         "defaults");
    mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &drbg);
    mbedtls_ssl_conf_ciphersuites(&config, SUITES);
    mbedtls_ssl_conf_read_timeout(&config, 10000);
    must(mbedtls_ssl_conf_psk(&config, KEY, sizeof KEY, (const unsigned char *)IDENTITY, strlen(IDENTITY)), "psk");
    if (server) {
        must(mbedtls_ssl_cookie_setup(&cookies, mbedtls_ctr_drbg_random, &drbg), "cookie");
        mbedtls_ssl_conf_dtls_cookies(&config, mbedtls_ssl_cookie_write, mbedtls_ssl_cookie_check, &cookies);
    }
    must(mbedtls_ssl_setup(&ssl, &config), "setup");
    mbedtls_ssl_set_timer_cb(&ssl, &timer, mbedtls_timing_set_delay, mbedtls_timing_get_delay);
    if (server) {
        must(mbedtls_net_bind(&listener, "127.0.0.1", arguments[2], MBEDTLS_NET_PROTO_UDP), "bind");
        puts("READY");
        fflush(stdout);
        accept_peer();
    } else {
        must(mbedtls_net_connect(&net, "127.0.0.1", arguments[2], MBEDTLS_NET_PROTO_UDP), "connect");
        mbedtls_ssl_set_bio(&ssl, &net, mbedtls_net_send, mbedtls_net_recv, mbedtls_net_recv_timeout);
    }
    int code;
    while ((code = mbedtls_ssl_handshake(&ssl)) != 0) {
        if (code == MBEDTLS_ERR_SSL_HELLO_VERIFY_REQUIRED) {
            must(mbedtls_ssl_session_reset(&ssl), "reset");
            accept_peer();
        } else if (code != MBEDTLS_ERR_SSL_WANT_READ && code != MBEDTLS_ERR_SSL_WANT_WRITE) {
            must(code, "handshake");
        }
    }
    printf("CONNECTED %s\n", mbedtls_ssl_get_ciphersuite(&ssl));
    fflush(stdout);
    const char *line = "from the other end\n";
    must(mbedtls_ssl_write(&ssl, (const unsigned char *)line, strlen(line)), "write");
    char buffer[128] = {0};
    must(mbedtls_ssl_read(&ssl, (unsigned char *)buffer, sizeof buffer - 1), "read");
    printf("%s\n", buffer);
    fflush(stdout);
    mbedtls_ssl_close_notify(&ssl);
    return 0;
}
