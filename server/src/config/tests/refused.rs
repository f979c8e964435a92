//! Files that are wrong, each with the whole message about it.

use super::{KEY, OTHER, gateway, parse};

/// A file that is wrong, and the whole message about it.
fn refused(cases: &[(String, &str)]) {
    for (text, wanted) in cases {
        match parse(text) {
            Ok(_) => panic!("accepted:\n{text}"),
            Err(error) => {
                assert_eq!(
                    error.to_string(),
                    format!("motekey.toml:{wanted}"),
                    "\n{text}"
                );
                for secret in [KEY, OTHER] {
                    assert!(!error.to_string().contains(secret), "a secret in: {error}");
                }
            }
        }
    }
}

#[test]
fn what_is_no_toml_or_no_setting_is_refused() {
    refused(&[
        (
            "listen = \n".into(),
            "1: string values must be quoted, expected literal string",
        ),
        (
            "listen = \"here\"\n".into(),
            "1: invalid socket address syntax",
        ),
        (
            "\n\n[limits]\nhandshake_time_limit = 30\n".into(),
            "4: unknown field `handshake_time_limit`, expected one of `max_sessions`, `max_half_open_sessions`, `max_sessions_per_source`, `max_half_open_sessions_per_source`, `handshake_time_limit_seconds`, `idle_time_limit_seconds`, `acknowledgement_timeout_milliseconds`, `max_body_bytes`, `max_message_bytes`, `max_issued_tokens`",
        ),
        (
            "link = \"pigeon\"\n".into(),
            "1: link: \"pigeon\" is none of \"wired\", \"cellular\", \"slow_radio\"",
        ),
        (
            "\nconnection_id_bytes = 21\n".into(),
            "2: connection_id_bytes = 21, 0 to 20 are possible",
        ),
        (
            "[limits]\nmax_sessions = 0\n".into(),
            "2: limits: max_sessions = 0, 1 to 1000000 are possible",
        ),
        (
            "[limits]\nmax_body_bytes = \"16k\"\n".into(),
            "2: invalid type: string \"16k\", expected u64",
        ),
        (
            format!("{}clockless = 1\n", gateway()),
            "4: invalid type: integer `1`, expected a boolean",
        ),
        (
            "[[device]]\nkey = \"00\"\n".into(),
            "1: missing field `name`",
        ),
        (
            "[authorization_server]\ntoken_path = \"token\"\n".into(),
            "2: authorization_server: token_path = \"token\", wanted a path such as \"/token\"",
        ),
    ]);
}

#[test]
fn keys_that_cannot_be_used_are_refused_without_being_shown() {
    let device = |key: &str| format!("[[device]]\nname = \"meter\"\n{key}\n");
    refused(&[
        (
            device(""),
            "2: meter: no key; set key, key_file, public_key or certificate_file; make one with: openssl rand -hex 16",
        ),
        (
            device("key = \"\""),
            "3: meter: weak key, 16 or more random bytes are needed; make one with: openssl rand -hex 16",
        ),
        (
            device("key = \"00112233\""),
            "3: meter: weak key, 16 or more random bytes are needed; make one with: openssl rand -hex 16",
        ),
        (
            device(&format!("key = \"{}\"", "a7".repeat(16))),
            "3: meter: weak key, 16 or more random bytes are needed; make one with: openssl rand -hex 16",
        ),
        (
            device("key = \"000102030405060708090a0b0c0d0e0f\""),
            "3: meter: weak key, 16 or more random bytes are needed; make one with: openssl rand -hex 16",
        ),
        // "secretsecretsecret"
        (
            device(&format!("key = \"{}\"", "736563726574".repeat(3))),
            "3: meter: weak key, 16 or more random bytes are needed; make one with: openssl rand -hex 16",
        ),
        (
            device(&format!("key = \"{KEY}0\"")),
            "3: meter: key: an odd number of hexadecimal digits; make one with: openssl rand -hex 16",
        ),
        (
            device(&format!("key = \"{KEY} {KEY}\"")),
            "3: meter: key: not hexadecimal; make one with: openssl rand -hex 16",
        ),
        (
            device(&format!("key = \"0x{KEY}\"")),
            "3: meter: key: not hexadecimal; make one with: openssl rand -hex 16",
        ),
        (
            device("key = 8312345678901234"),
            "3: a key is text in quotation marks: hexadecimal digits",
        ),
        (
            device(&format!("key = [\"{KEY}\"]")),
            "3: invalid type: sequence, expected hexadecimal digits in quotation marks",
        ),
        (
            device(&format!("key = {KEY}")),
            "3: no value of TOML; text stands in quotation marks",
        ),
        (
            device(&format!("key = \"{KEY}\"\nkey_file = \"meter.key\"")),
            "4: meter: key and key_file, one of them is enough",
        ),
        (
            device("key_file = \"/nonexistent/meter.key\""),
            "3: meter: key_file: /nonexistent/meter.key: No such file or directory (os error 2)",
        ),
        (
            device("public_key = \"a1\""),
            "3: meter: public_key: the input ends inside an item; wanted a COSE_Key (RFC 9052 Section 7) in hexadecimal",
        ),
        (
            format!("[[resource_server]]\nname = \"gateway\"\nshared_key = \"{KEY}{OTHER}\"\n"),
            "3: gateway: key of 32 bytes, the algorithm takes 16",
        ),
        (
            format!("[authorization_server]\nsigning_key = \"{KEY}\"\n"),
            "2: authorization_server: signing_key: 16 bytes, wanted a private key of 32; make one with: openssl rand -hex 32",
        ),
        (
            "[authorization_server]\nsigning_key_id = \"as\"\n".into(),
            "2: authorization_server: signing_key_id without signing_key or signing_key_file",
        ),
    ]);
}

#[test]
fn f72_a_key_in_use_is_refused() {
    let device =
        |name: &str, key: &str| format!("[[device]]\nname = \"{name}\"\nkey = \"{key}\"\n");
    refused(&[
        (
            device("one", KEY) + &device("two", KEY),
            "6: two: the key is in use by one; every party needs its own; make one with: openssl rand -hex 16",
        ),
        (
            gateway() + &device("one", OTHER),
            "6: one: the key is in use by gateway; every party needs its own; make one with: openssl rand -hex 16",
        ),
    ]);
}

#[test]
fn p09_two_public_keys_of_one_algorithm_are_refused() {
    let key = |x: &str| format!("\"a3010120062158 20{x}\"").replace(' ', "");
    let one = key("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    let two = key("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    refused(&[(
        format!(
            "[authorization_server]\nsigning_key = \"{KEY}{OTHER}\"\n[[resource_server]]\nname = \"lock\"\npublic_keys = [{one}, {two}]\n"
        ),
        "5: lock: at most one public key for each algorithm",
    )]);
}

#[test]
fn records_that_do_not_fit_together_are_refused() {
    let device = |rest: &str| {
        format!(
            "{}[[device]]\nname = \"meter\"\nkey = \"{KEY}\"\n{rest}\n",
            gateway()
        )
    };
    refused(&[
        (gateway() + &gateway(), "5: gateway: the name stands in this file twice"),
        (
            format!("{}[[device]]\nname = \"gateway\"\nkey = \"{KEY}\"\n", gateway()),
            "5: gateway: the name stands in this file twice",
        ),
        (
            format!("{}[[resource_server]]\nname = \"other\"\nshared_key = \"{KEY}\"\naudience = \"gateway\"\n", gateway()),
            "7: the audience gateway belongs to another record",
        ),
        (
            device(&format!("[[device]]\nname = \"two\"\nidentity = \"meter\"\nkey = \"{}\"", KEY.replace('8', "7"))),
            "9: two: another device has this PSK identity",
        ),
        (device("identity = \"\""), "7: meter: PSK identity of 0 bytes, 1 to 128 are possible"),
        (device("identity = \"hex:0\""), "7: meter: identity: after \"hex:\": an odd number of hexadecimal digits"),
        (device("[device.allow]\npump = [\"GET /\"]"), "8: meter: no resource server or group has the audience \"pump\"; add a [[resource_server]]"),
        (device("[device.allow]\ngateway = []"), "8: meter: an empty list for \"gateway\"; list what is allowed, or remove the line"),
        (device("[device.allow]\ngateway = [\n  \"GET /a\",\n  \"READ /b\",\n]"), "10: meter: the rule \"READ /b\": \"READ\" is not a method; GET, POST, PUT, DELETE, FETCH, PATCH, iPATCH are"),
        (device("[device.allow]\ngateway = [\"GET meters\"]"), "8: meter: the rule \"GET meters\": wanted methods and a path, such as \"GET|PUT /relay/1\""),
        (device("[device.allow]\ngateway = [\"/meters\"]"), "8: meter: the rule \"/meters\": wanted methods and a path, such as \"GET|PUT /relay/1\""),
        (device("profiles = [\"dtls\"]"), "7: meter: profiles: \"dtls\" is none of \"coap_dtls\", \"coap_oscore\", \"mqtt_tls\""),
        (
            gateway() + "scope_kind = \"text\"\n" + &format!("[[device]]\nname = \"meter\"\nkey = \"{KEY}\"\n[device.allow]\ngateway = [\"a\\\"b\"]\n"),
            "9: meter: the rule \"a\\\"b\": wanted words of printable ASCII without quotation marks and backslashes, such as \"read write\"",
        ),
        (gateway() + "token_lifetime_seconds = 0\n", "4: gateway: a token lives between one second and ten years"),
        (gateway() + "pop_keys = [\"P-521\"]\n", "4: gateway: pop_keys: \"P-521\" is none of \"symmetric\", \"P-256\", \"Ed25519\""),
        ("[[resource_server]]\nname = \"pump\"\n".into(), "2: pump: no key; set shared_key, shared_key_file, public_keys or certificate_file"),
        (
            "[[resource_server]]\nname = \"lock\"\npublic_keys = [\"a301012006215820d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\"]\n".into(),
            "2: lock: without shared_key its tokens are signed; set signing_key_file in [authorization_server]",
        ),
        (gateway() + "[[group]]\naudience = \"all\"\nmembers = [\"gateway\"]\n", "5: all: tokens for groups are signed; set signing_key_file in [authorization_server]"),
        (
            format!("[authorization_server]\nsigning_key = \"{KEY}{OTHER}\"\n[[group]]\naudience = \"all\"\nmembers = [\"pump\"]\n"),
            "5: all: the member pump is not a registered resource server",
        ),
        (
            format!("[authorization_server]\nsigning_key = \"{KEY}{OTHER}\"\n[[group]]\naudience = \"all\"\nmembers = []\n"),
            "5: all: a group has at least one member",
        ),
        (gateway().replace("gateway", ""), "2: a name has 1 to 128 bytes and no control characters"),
    ]);
}
