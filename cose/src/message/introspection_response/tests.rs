use alloc::string::ToString;

use super::*;
use crate::message::{IntrospectionRequest, TokenRequest};

#[test]
fn f38_f43_introspection_has_its_own_numbers() {
    // 33 is token_type_hint here and grant_type at the token endpoint.
    let bytes = [&[0xa2, 11, 0x41, 1, 0x18, 33], b"\x63pop".as_slice()].concat();
    let request = IntrospectionRequest::decode(&bytes).unwrap();
    assert_eq!(request.token_type_hint.as_deref(), Some("pop"));
    assert_eq!(request.encode(), bytes);
    assert_eq!(
        TokenRequest::decode(&bytes).unwrap_err().to_string(),
        "grant_type (33): got a text string, wanted an unsigned integer"
    );
    // 40 is exi here and nonce1, bytes, in the token map.
    let bytes = [0xa2, 10, 0xf5, 0x18, 40, 0x18, 60];
    let response = IntrospectionResponse::decode(&bytes).unwrap();
    assert_eq!(response.claims.exi, Some(60));
    assert_eq!(response.encode(), bytes);
    assert!(TokenRequest::decode(&[0xa1, 0x18, 40, 0x41, 1]).is_ok());
    let error = IntrospectionResponse::decode(&[0xa2, 10, 0xf5, 0x18, 40, 0x41, 1]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "exi (40): got a byte string, wanted an unsigned integer"
    );

    let error = |bytes: &[u8]| IntrospectionRequest::decode(bytes).unwrap_err().to_string();
    assert_eq!(error(&[0xa0]), "token (11) is missing");
    assert_eq!(
        error(&[0xa1, 11, 0x60]),
        "token (11): got a text string, wanted a byte string"
    );
    assert_eq!(
        error(&[0xa2, 11, 0x40, 0x18, 33, 0xf5]),
        "token_type_hint (33): got a boolean, wanted a text string"
    );
}

#[test]
fn f39_every_introspection_response_has_active() {
    assert_eq!(IntrospectionResponse::inactive().encode(), [0xa1, 10, 0xf4]);
    assert_eq!(
        IntrospectionResponse::active(ClaimsSet::default()).encode(),
        [0xa1, 10, 0xf5]
    );
    let error = |bytes: &[u8]| {
        IntrospectionResponse::decode(bytes)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(error(&[0xa0]), "active (10) is missing");
    assert_eq!(
        error(&[0xa1, 10, 1]),
        "active (10): got an unsigned integer, wanted a boolean"
    );
    assert_eq!(
        error(&[0xa2, 10, 0xf5, 8, 0xa0]),
        "cnf (8): no COSE_Key (1), Encrypted_COSE_Key (2), kid (3), x5t (6) or x5chain (24)"
    );
}
