use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::key::CoseKey;
use crate::scope::Scope;

fn text(text: &str) -> Vec<u8> {
    [&[0x60 + text.len() as u8], text.as_bytes()].concat()
}

fn map(label: &[u8], value: &[u8]) -> Vec<u8> {
    [&[0xa1], label, value].concat()
}

fn request_error(bytes: &[u8]) -> String {
    TokenRequest::decode(bytes).unwrap_err().to_string()
}

fn response_error(bytes: &[u8]) -> String {
    TokenResponse::decode(bytes).unwrap_err().to_string()
}

#[test]
fn a_member_of_the_wrong_type_is_named_with_what_stands_there() {
    let cases: &[(&[u8], &str)] = &[
        (
            &[0xa1, 5, 1],
            "audience (5): got an unsigned integer, wanted a text string",
        ),
        (
            &[0xa1, 4, 0x40],
            "req_cnf (4): got a byte string, wanted a map",
        ),
        (
            &[0xa1, 4, 0xa0],
            "req_cnf (4): no COSE_Key (1), Encrypted_COSE_Key (2), kid (3), x5t (6) or x5chain (24)",
        ),
        (
            &[0xa1, 4, 0xa1, 3, 0x60],
            "kid (3): got a text string, wanted a byte string",
        ),
        (
            &[0xa1, 9, 0xf6],
            "scope (9): got null, wanted a text string or a byte string",
        ),
        (
            &[0xa1, 0x18, 24, 0x40],
            "client_id (24): got a byte string, wanted a text string",
        ),
        (
            &[0xa1, 0x18, 25, 0x60],
            "client_secret (25): got a text string, wanted a byte string",
        ),
        (
            &[0xa1, 0x18, 33, 0x20],
            "grant_type (33): got a negative integer, wanted an unsigned integer",
        ),
        (
            &[0xa1, 0x18, 37, 0x60],
            "refresh_token (37): got a text string, wanted a byte string",
        ),
        (
            &[0xa1, 0x18, 39, 0x60],
            "cnonce (39): got a text string, wanted a byte string",
        ),
        (&[0xa1, 5], "the input ends inside an item"),
        (&[0xa0, 0xa0], "1 bytes follow the item"),
        (&[0x80], "got an array, wanted a map"),
        (&[0xbf, 0xff], "indefinite length at byte 0"),
        (&[0xa2, 5, 0x60, 0x18, 5, 0x60], "map key 5 again at byte 3"),
        // JSON is no CBOR: its first byte is a text string with a length in 8 bytes.
        (b"{\"audience\":\"x\"}", "the input ends inside an item"),
    ];
    for (bytes, wanted) in cases {
        assert_eq!(request_error(bytes), *wanted, "{bytes:02x?}");
    }
}

#[test]
fn f16_a_request_without_grant_type_is_client_credentials() {
    let request = TokenRequest::decode(&map(&[5], &text("rs"))).unwrap();
    assert_eq!(request.grant_type, None);
    assert_eq!(request.effective_grant_type(), GrantType::ClientCredentials);
    let request = TokenRequest::decode(&[0xa1, 0x18, 33, 3]).unwrap();
    assert_eq!(request.effective_grant_type(), GrantType::RefreshToken);
}

#[test]
fn f18_scope_keeps_its_type() {
    let cases: [(&[u8], Scope); 2] = [
        (&[0xa1, 9, 0x61, b'r'], Scope::Text("r".into())),
        (&[0xa1, 9, 0x41, b'r'], Scope::Binary(vec![b'r'])),
    ];
    for (bytes, scope) in cases {
        let request = TokenRequest::decode(bytes).unwrap();
        assert_eq!(request.scope.as_ref(), Some(&scope));
        assert_eq!(request.encode(), bytes);
    }
}

#[test]
fn f23_null_asks_for_the_profile_and_a_number_names_it() {
    let ask = TokenRequest::decode(&[0xa1, 0x18, 38, 0xf6]).unwrap();
    assert!(ask.asks_for_profile());
    assert_eq!(ask.encode(), [0xa1, 0x18, 38, 0xf6]);
    let named = TokenRequest::decode(&[0xa1, 0x18, 38, 1]).unwrap();
    assert_eq!(named.ace_profile, Some(ProfileRequest::Use(1)));
    assert!(!named.asks_for_profile() && !TokenRequest::default().asks_for_profile());
    // Null is for requests only.
    assert_eq!(
        response_error(&[0xa2, 1, 0x40, 0x18, 38, 0xf6]),
        "ace_profile (38): got null, wanted an integer"
    );
}

#[test]
fn f27_errors_are_numbers() {
    let names = [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        "unsupported_pop_key",
        "incompatible_ace_profiles",
    ];
    for (number, name) in (1..).zip(names) {
        let bytes = [0xa1, 0x18, 30, number];
        let response = ErrorResponse::decode(&bytes).unwrap();
        assert_eq!(response.error.name(), name);
        assert_eq!(response.error.to_i64(), i64::from(number));
        assert_eq!(ErrorResponse::new(response.error).encode(), bytes);
    }
    assert_eq!(
        ErrorResponse::decode(&[0xa1, 0x18, 30, 9]).unwrap().error,
        ErrorCode::Other(9)
    );
    let long = ErrorResponse {
        uri: Some("u".into()),
        ..ErrorResponse::with_description(ErrorCode::InvalidScope, "d")
    };
    assert_eq!(
        long.encode(),
        [
            0xa3, 0x18, 30, 6, 0x18, 31, 0x61, b'd', 0x18, 32, 0x61, b'u'
        ]
    );
    assert_eq!(long.to_string(), "invalid_scope (6): d");
    let error = |bytes: &[u8]| ErrorResponse::decode(bytes).unwrap_err().to_string();
    assert_eq!(
        error(&map(&[0x18, 30], &text("invalid_scope"))),
        "error (30): got a text string, wanted an integer"
    );
    assert_eq!(error(&[0xa0]), "error (30) is missing");
}

#[test]
fn f32_grant_type_is_a_number() {
    let types = [
        GrantType::Password,
        GrantType::AuthorizationCode,
        GrantType::ClientCredentials,
        GrantType::RefreshToken,
        GrantType::Other(4),
    ];
    for (number, grant_type) in (0..).zip(types) {
        let bytes = [0xa1, 0x18, 33, number];
        let request = TokenRequest::decode(&bytes).unwrap();
        assert_eq!(request.grant_type, Some(grant_type));
        assert_eq!(request.encode(), bytes);
    }
    let word = map(&[0x18, 33], &text("client_credentials"));
    assert_eq!(
        request_error(&word),
        "grant_type (33): got a text string, wanted an unsigned integer"
    );
}

#[test]
fn f33_token_type_is_a_number() {
    for (number, token_type) in [
        (1, TokenType::Bearer),
        (2, TokenType::Pop),
        (3, TokenType::Other(3)),
    ] {
        let bytes = [0xa2, 1, 0x40, 0x18, 34, number];
        let response = TokenResponse::decode(&bytes).unwrap();
        assert_eq!(response.token_type, Some(token_type));
        assert_eq!(response.encode(), bytes);
    }
    let bytes = [&[0xa2, 1, 0x40, 0x18, 34], text("PoP").as_slice()].concat();
    assert_eq!(
        response_error(&bytes),
        "token_type (34): got a text string, wanted an integer"
    );
}

#[test]
fn f34_a_profile_by_name_is_refused() {
    let named = map(&[0x18, 38], &text("coap_dtls"));
    assert_eq!(
        request_error(&named),
        "ace_profile (38): got a text string, wanted an integer or null"
    );
    let response = [&[0xa2, 1, 0x40, 0x18, 38], text("coap_dtls").as_slice()].concat();
    assert_eq!(
        response_error(&response),
        "ace_profile (38): got a text string, wanted an integer"
    );
    let introspection = [&[0xa2, 10, 0xf5, 0x18, 38], text("coap_dtls").as_slice()].concat();
    let error = IntrospectionResponse::decode(&introspection).unwrap_err();
    assert_eq!(
        error.to_string(),
        "ace_profile (38): got a text string, wanted an integer"
    );
}

#[test]
fn unknown_members_of_requests_and_responses_are_skipped() {
    let unknown: &[u8] = &[0x18, 99, 0x82, 0xa1, 1, 2, 0xf6, 0x62, b'm', b'e', 0xf5];
    let request = [&[0xa3], unknown, &[5, 0x61, b'r']].concat();
    assert_eq!(
        TokenRequest::decode(&request).unwrap().audience.as_deref(),
        Some("r")
    );
    let response = [&[0xa3], unknown, &[1, 0x41, 7]].concat();
    assert_eq!(TokenResponse::decode(&response).unwrap().access_token, [7]);
    let introspection = [&[0xa3], unknown, &[10, 0xf4]].concat();
    assert_eq!(
        IntrospectionResponse::decode(&introspection),
        Ok(IntrospectionResponse::inactive())
    );
}

#[test]
fn a_response_without_a_token_is_refused() {
    assert_eq!(response_error(&[0xa1, 2, 1]), "access_token (1) is missing");
    assert_eq!(
        response_error(&[0xa1, 1, 0x60]),
        "access_token (1): got a text string, wanted a byte string"
    );
    assert_eq!(
        response_error(&[0xa2, 1, 0x40, 2, 0x20]),
        "expires_in (2): got a negative integer, wanted an unsigned integer"
    );
}

#[test]
fn an_unsupported_key_is_told_from_a_malformed_request() {
    use crate::confirmation::ConfirmationError;
    use crate::key::KeyError;
    // EC2 on P-384 (2).
    let key = [
        &[0xa1, 4, 0xa1, 1, 0xa4, 1, 2, 0x20, 2, 0x21, 0x58, 48],
        [1; 48].as_slice(),
        &[0x22, 0xf5],
    ]
    .concat();
    let error = TokenRequest::decode(&key).unwrap_err();
    let wanted = ConfirmationError::Key(KeyError::UnsupportedCurve);
    assert!(
        matches!(&error, MessageError::Confirmation { error, .. } if *error == wanted),
        "{error:?}"
    );
}

#[test]
fn debug_shows_no_secrets() {
    let request = TokenRequest {
        client_secret: Some(Secret::from([0x77; 8].as_slice())),
        refresh_token: Some(Secret::from([0x77; 8].as_slice())),
        req_cnf: Some(Confirmation::Key(CoseKey::symmetric(&[0x77; 8], None))),
        ..TokenRequest::default()
    };
    let response = TokenResponse {
        access_token: vec![0x77; 8],
        cnf: request.req_cnf.clone(),
        refresh_token: request.refresh_token.clone(),
        ..TokenResponse::default()
    };
    let introspection = IntrospectionRequest::new(vec![0x77; 8]);
    for shown in [
        format!("{request:?}"),
        format!("{response:?}"),
        format!("{introspection:?}"),
    ] {
        assert!(!shown.contains("119") && !shown.contains("77"), "{shown}");
    }
    assert!(format!("{response:?}").contains("[8 bytes]"));
    assert_ne!(Secret::from([1].as_slice()), Secret::from([2].as_slice()));
}

#[test]
fn an_identity_that_names_no_symmetric_key_is_refused() {
    let identity = PskIdentity { kid: vec![1, 2] };
    assert_eq!(PskIdentity::decode(&identity.encode()), Ok(identity));
    let key = [
        &[0xa1, 8, 0xa1, 1, 0xa3, 1, 1, 0x20, 6, 0x21, 0x58, 32],
        [9; 32].as_slice(),
    ]
    .concat();
    let cases: &[(&str, &[u8])] = &[
        ("empty", &[]),
        ("empty map", &[0xa0]),
        ("kid alone", &[0xa1, 8, 0xa1, 3, 0x41, 1]),
        (
            "key without kid",
            &[0xa1, 8, 0xa1, 1, 0xa2, 1, 4, 0x20, 0x41, 1],
        ),
        ("public key", &key),
        (
            "bytes behind it",
            &[0xa1, 8, 0xa1, 1, 0xa2, 1, 4, 2, 0x41, 1, 0],
        ),
        ("a name", b"client_identity"),
    ];
    for (name, bytes) in cases {
        assert!(PskIdentity::decode(bytes).is_err(), "{name}");
    }
}
