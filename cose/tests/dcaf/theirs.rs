//! What `dcaf` writes, read by us.

use coset_of_dcaf::{CoseKey as TheirKey, CoseKeyBuilder, iana};
use dcaf::common::scope::{AifEncodedScope, BinaryEncodedScope, TextEncodedScope};
use dcaf::{AccessTokenRequest, AccessTokenResponse, AceProfile, AuthServerRequestCreationHint};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::key::CoseKey;
use motekey_cose::message::{
    ErrorCode, ErrorResponse, GrantType, ProfileRequest, RequestCreationHints, TokenRequest,
    TokenResponse, TokenType,
};
use motekey_cose::scope::Scope;

use crate::written;

const KID: &[u8] = b"key-1";

/// Keys of the kinds that both have, as they and as we hold them.
fn keys() -> Vec<(TheirKey, CoseKey)> {
    let pair = CoseKey::p256(&PROVIDER, &[7; 32], Some(KID)).unwrap();
    let CoseKey::Ec2(curve) = &pair else {
        unreachable!("not a key on a curve")
    };
    let point = curve.point(&PROVIDER).unwrap();
    let (x, y) = point.split_last_chunk::<32>().unwrap();
    let x = x.strip_prefix(&[4]).unwrap().to_vec();
    let p256 = CoseKeyBuilder::new_ec2_pub_key(iana::EllipticCurve::P_256, x, y.to_vec());
    let symmetric = CoseKeyBuilder::new_symmetric_key(vec![0x5a; 16]);
    vec![
        (p256.key_id(KID.to_vec()).build(), pair.public().unwrap()),
        (
            symmetric.key_id(KID.to_vec()).build(),
            CoseKey::symmetric(&[0x5a; 16], Some(KID)),
        ),
    ]
}

#[test]
fn we_read_the_token_requests_of_dcaf() {
    let request = AccessTokenRequest::builder()
        .audience("gateway")
        .client_id("meter-1")
        .scope(TextEncodedScope::try_from("read write").unwrap())
        .grant_type(dcaf::GrantType::ClientCredentials)
        .ace_profile()
        .client_nonce(vec![1, 2, 3])
        .build();
    let wanted = TokenRequest {
        audience: Some("gateway".to_owned()),
        client_id: Some("meter-1".to_owned()),
        scope: Some(Scope::Text("read write".to_owned())),
        grant_type: Some(GrantType::ClientCredentials),
        ace_profile: Some(ProfileRequest::Ask),
        cnonce: Some(vec![1, 2, 3]),
        ..TokenRequest::default()
    };
    let bytes = written(request.unwrap());
    assert_eq!(TokenRequest::decode(&bytes), Ok(wanted));
    for (theirs, ours) in keys() {
        let request = AccessTokenRequest::builder().req_cnf(theirs).build();
        let wanted = TokenRequest {
            req_cnf: Some(Confirmation::Key(ours)),
            ..TokenRequest::default()
        };
        assert_eq!(TokenRequest::decode(&written(request.unwrap())), Ok(wanted));
    }
    let request = AccessTokenRequest::builder().req_cnf(KID.to_vec()).build();
    let wanted = TokenRequest {
        req_cnf: Some(Confirmation::KeyId(KID.to_vec())),
        ..TokenRequest::default()
    };
    assert_eq!(TokenRequest::decode(&written(request.unwrap())), Ok(wanted));
}

/// Members of their own and of other roles are left aside (RFC 6749 Section 3.2).
#[test]
fn we_skip_the_members_that_only_dcaf_has() {
    let request = AccessTokenRequest::builder()
        .issuer("coaps://as.example.com")
        .redirect_uri("coaps://client.example.com")
        .build();
    assert_eq!(
        TokenRequest::decode(&written(request.unwrap())),
        Ok(TokenRequest::default())
    );
}

#[test]
fn we_read_the_token_responses_of_dcaf() {
    for (theirs, ours) in keys() {
        let response = AccessTokenResponse::builder()
            .access_token(vec![0xd0, 0x83])
            .expires_in(3600_u32)
            .scope(BinaryEncodedScope::try_from([0x80].as_slice()).unwrap())
            .token_type(dcaf::TokenType::ProofOfPossession)
            .refresh_token(vec![4; 16])
            .ace_profile(AceProfile::CoapDtls)
            .cnf(theirs.clone())
            .rs_cnf(theirs)
            .build();
        let wanted = TokenResponse {
            access_token: vec![0xd0, 0x83],
            expires_in: Some(3600),
            scope: Some(Scope::Binary(vec![0x80])),
            token_type: Some(TokenType::Pop),
            refresh_token: Some(vec![4; 16].as_slice().into()),
            ace_profile: Some(1),
            cnf: Some(Confirmation::Key(ours.clone())),
            rs_cnf: Some(Confirmation::Key(ours)),
        };
        let bytes = written(response.unwrap());
        assert_eq!(TokenResponse::decode(&bytes), Ok(wanted));
    }
}

#[test]
fn f27_we_read_the_errors_of_dcaf() {
    let codes = [
        (dcaf::ErrorCode::InvalidRequest, ErrorCode::InvalidRequest),
        (dcaf::ErrorCode::InvalidClient, ErrorCode::InvalidClient),
        (dcaf::ErrorCode::InvalidGrant, ErrorCode::InvalidGrant),
        (
            dcaf::ErrorCode::UnauthorizedClient,
            ErrorCode::UnauthorizedClient,
        ),
        (
            dcaf::ErrorCode::UnsupportedGrantType,
            ErrorCode::UnsupportedGrantType,
        ),
        (dcaf::ErrorCode::InvalidScope, ErrorCode::InvalidScope),
        (
            dcaf::ErrorCode::UnsupportedPopKey,
            ErrorCode::UnsupportedPopKey,
        ),
        (
            dcaf::ErrorCode::IncompatibleAceProfiles,
            ErrorCode::IncompatibleAceProfiles,
        ),
    ];
    for (theirs, ours) in codes {
        let error = dcaf::ErrorResponse::builder()
            .error(theirs)
            .description("why")
            .uri("coap://a")
            .build();
        let wanted = ErrorResponse {
            error: ours,
            description: Some("why".to_owned()),
            uri: Some("coap://a".to_owned()),
        };
        assert_eq!(ErrorResponse::decode(&written(error.unwrap())), Ok(wanted));
    }
}

#[test]
fn f08_we_read_the_hints_of_dcaf() {
    let hints = AuthServerRequestCreationHint::builder()
        .auth_server("coaps://as.example.com/token")
        .audience("gateway")
        .scope(TextEncodedScope::try_from("read").unwrap())
        .client_nonce(vec![7; 8])
        .build();
    let wanted = RequestCreationHints {
        authorization_server: Some("coaps://as.example.com/token".to_owned()),
        audience: Some("gateway".to_owned()),
        scope: Some(Scope::Text("read".to_owned())),
        cnonce: Some(vec![7; 8]),
        kid: None,
    };
    let bytes = written(hints.unwrap());
    assert_eq!(RequestCreationHints::decode(&bytes), Ok(wanted));
}

/// `dcaf` writes AIF as a CBOR array. RFC 9200 Section 5.8.1 has text strings and byte strings only, and RFC 9237
/// Section 3 puts AIF into the byte string: what `dcaf` writes is refused.
#[test]
fn f18_an_array_as_scope_is_refused() {
    let scope = AifEncodedScope::try_from(vec![("/readings".to_owned(), 1)]).unwrap();
    let request = AccessTokenRequest::builder().scope(scope).build();
    let error = TokenRequest::decode(&written(request.unwrap())).unwrap_err();
    let wanted = "scope (9): got an array, wanted a text string or a byte string";
    assert_eq!(error.to_string(), wanted);
}
