//! What we write, read by `dcaf`.

use dcaf::common::cbor_values::ProofOfPossessionKey;
use dcaf::common::scope::AifEncodedScope;
use dcaf::{AccessTokenRequest, AccessTokenResponse, AuthServerRequestCreationHint};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::crypto::AeadAlgorithm;
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::envelope::{HeaderPlacement, seal_key};
use motekey_cose::key::CoseKey;
use motekey_cose::message::{
    ErrorCode, ErrorResponse, GrantType, ProfileRequest, RequestCreationHints, Secret,
    TokenRequest, TokenResponse, TokenType,
};
use motekey_cose::scope::{Aif, Method, MethodSet, Scope};

use crate::{read, written};

const KID: &[u8] = b"key-1";

fn aif() -> Aif {
    let methods = MethodSet::EMPTY.with(Method::Get).with(Method::Post);
    Aif::new([
        ("/readings", methods),
        ("/led?on", MethodSet::EMPTY.with(Method::Put)),
    ])
}

fn p256() -> CoseKey {
    let pair = CoseKey::p256(&PROVIDER, &[7; 32], Some(KID)).unwrap();
    pair.public().unwrap()
}

fn ed25519() -> CoseKey {
    let pair = CoseKey::ed25519(&PROVIDER, &[7; 32], None).unwrap();
    pair.public().unwrap()
}

fn symmetric() -> CoseKey {
    CoseKey::symmetric(&[0x5a; 16], Some(KID))
}

/// `Encrypted_COSE_Key` without a tag, as RFC 8747 Section 3.3 prints it.
fn encrypted() -> Confirmation {
    let key = CoseKey::symmetric(&[9; 16], Some(b"as"));
    let algorithm = AeadAlgorithm::AesCcm16_64_128;
    let key = key.encryption_key(&PROVIDER, algorithm).unwrap();
    let sealed = seal_key(&symmetric(), &key, &[3; 13], HeaderPlacement::Unprotected);
    Confirmation::Encrypted(sealed.unwrap())
}

fn confirmations() -> Vec<Confirmation> {
    vec![
        Confirmation::Key(p256()),
        Confirmation::Key(ed25519()),
        Confirmation::Key(symmetric()),
        Confirmation::Key(CoseKey::symmetric_name(KID)),
        Confirmation::KeyId(KID.to_vec()),
        encrypted(),
    ]
}

fn scopes() -> Vec<Scope> {
    vec![
        Scope::Text("read write".to_owned()),
        Scope::from(&aif()),
        Scope::Binary(vec![0, 1, 2]),
    ]
}

fn requests() -> Vec<TokenRequest> {
    let base = TokenRequest {
        audience: Some("gateway".to_owned()),
        ..TokenRequest::default()
    };
    let mut all = vec![TokenRequest::default(), base.clone()];
    all.extend(scopes().into_iter().map(|scope| TokenRequest {
        scope: Some(scope),
        ace_profile: Some(ProfileRequest::Ask),
        ..base.clone()
    }));
    all.extend(confirmations().into_iter().map(|cnf| TokenRequest {
        req_cnf: Some(cnf),
        cnonce: Some(vec![1, 2, 3]),
        ..base.clone()
    }));
    for number in 0..5 {
        all.push(TokenRequest {
            grant_type: Some(GrantType::from_u64(number)),
            client_id: Some("meter-1".to_owned()),
            ..base.clone()
        });
    }
    all
}

fn responses() -> Vec<TokenResponse> {
    let base = TokenResponse {
        access_token: vec![0xd0, 0x83, 0x43, 0xa1],
        ..TokenResponse::default()
    };
    let mut all = vec![base.clone()];
    for expires_in in [0, 3600, u64::from(u32::MAX)] {
        all.push(TokenResponse {
            expires_in: Some(expires_in),
            ace_profile: Some(1),
            refresh_token: Some(Secret::new(vec![1; 16])),
            ..base.clone()
        });
    }
    for number in [1, 2, 3] {
        all.push(TokenResponse {
            token_type: Some(TokenType::from_i64(number)),
            ace_profile: Some(number),
            ..base.clone()
        });
    }
    all.extend(scopes().into_iter().map(|scope| TokenResponse {
        scope: Some(scope),
        ..base.clone()
    }));
    for confirmation in confirmations() {
        all.push(TokenResponse {
            cnf: Some(confirmation.clone()),
            rs_cnf: Some(confirmation),
            ..base.clone()
        });
    }
    all
}

/// `dcaf` keeps every member of every message (it refuses those that it does not know), so that what it writes again
/// is the whole message.
#[test]
fn dcaf_reads_our_token_requests() {
    for ours in requests() {
        let theirs: AccessTokenRequest = read(&ours.encode()).unwrap();
        assert_eq!(theirs.audience, ours.audience, "{ours:?}");
        assert_eq!(theirs.client_id, ours.client_id, "{ours:?}");
        assert_eq!(theirs.client_nonce, ours.cnonce, "{ours:?}");
        assert_eq!(theirs.ace_profile.is_some(), ours.asks_for_profile());
        let number = theirs.grant_type.map(i32::from).map(i64::from);
        let wanted = ours.grant_type.map(|grant| grant.to_u64() as i64);
        assert_eq!(number, wanted, "{ours:?}");
        let kid = theirs.req_cnf.as_ref().map(|cnf| cnf.key_id().as_slice());
        let wanted = ours.req_cnf.as_ref().map(|cnf| match cnf {
            // The kid of the key that encrypts.
            Confirmation::Encrypted(_) => b"as",
            other => other.kid().unwrap_or_default(),
        });
        assert_eq!(kid, wanted, "{ours:?}");
        assert_eq!(TokenRequest::decode(&written(theirs)), Ok(ours));
    }
}

#[test]
fn dcaf_reads_our_token_responses() {
    for ours in responses() {
        let theirs: AccessTokenResponse = read(&ours.encode()).unwrap();
        assert_eq!(theirs.access_token, ours.access_token, "{ours:?}");
        assert_eq!(theirs.expires_in.map(u64::from), ours.expires_in);
        let number = theirs.ace_profile.map(i32::from).map(i64::from);
        assert_eq!(number, ours.ace_profile, "{ours:?}");
        let number = theirs.token_type.map(i32::from).map(i64::from);
        assert_eq!(number, ours.token_type.map(TokenType::to_i64), "{ours:?}");
        assert_eq!(theirs.cnf, theirs.rs_cnf, "{ours:?}");
        if let (Some(Confirmation::Key(ours)), Some(theirs)) = (&ours.cnf, &theirs.cnf) {
            let ProofOfPossessionKey::PlainCoseKey(theirs) = theirs else {
                unreachable!("not a key: {theirs:?}")
            };
            assert_eq!(parameters(ours), theirs.params.len(), "{theirs:?}");
        }
        assert_eq!(TokenResponse::decode(&written(theirs)), Ok(ours));
    }
}

/// Parameters of a key beside `kty` and `kid`.
fn parameters(key: &CoseKey) -> usize {
    match key {
        CoseKey::Symmetric(_) if key.has_secret() => 1,
        CoseKey::Symmetric(_) => 0,
        CoseKey::Okp(_) => 2,
        _ => 3,
    }
}

#[test]
fn dcaf_reads_our_errors() {
    for number in 1..10 {
        for (description, uri) in [
            (None, None),
            (Some("no"), None),
            (Some("no"), Some("coap://a")),
        ] {
            let ours = ErrorResponse {
                error: ErrorCode::from_i64(number),
                description: description.map(str::to_owned),
                uri: uri.map(str::to_owned),
            };
            let theirs: dcaf::ErrorResponse = read(&ours.encode()).unwrap();
            assert_eq!(i64::from(i32::from(theirs.error)), number);
            assert_eq!(theirs.description, ours.description);
            assert_eq!(theirs.uri, ours.uri);
            assert_eq!(ErrorResponse::decode(&written(theirs)), Ok(ours));
        }
    }
}

#[test]
fn dcaf_reads_our_hints() {
    let base = RequestCreationHints {
        authorization_server: Some("coaps://as.example.com/token".to_owned()),
        ..RequestCreationHints::default()
    };
    let mut all = vec![RequestCreationHints::default(), base.clone()];
    all.extend(scopes().into_iter().map(|scope| RequestCreationHints {
        audience: Some("gateway".to_owned()),
        scope: Some(scope),
        cnonce: Some(vec![7; 8]),
        ..base.clone()
    }));
    for ours in all {
        let theirs: AuthServerRequestCreationHint = read(&ours.encode()).unwrap();
        assert_eq!(theirs.auth_server, ours.authorization_server);
        assert_eq!(theirs.audience, ours.audience);
        assert_eq!(theirs.client_nonce, ours.cnonce);
        assert_eq!(RequestCreationHints::decode(&written(theirs)), Ok(ours));
    }
    // With a kid only one way: it is read, but written as an array of numbers.
    let ours = RequestCreationHints {
        kid: Some(KID.to_vec()),
        ..base
    };
    let theirs: AuthServerRequestCreationHint = read(&ours.encode()).unwrap();
    assert_eq!(theirs.kid.as_deref(), Some(KID));
    assert!(RequestCreationHints::decode(&written(theirs)).is_err());
}

/// AIF is a byte string to `dcaf`; what is in it, it reads as AIF when it is given by itself.
#[test]
fn a03_dcaf_reads_the_aif_in_our_scopes() {
    let request = TokenRequest {
        scope: Some(Scope::Binary(aif().encode())),
        ..TokenRequest::default()
    };
    let theirs: AccessTokenRequest = read(&request.encode()).unwrap();
    let Some(dcaf::Scope::BinaryEncoded(bytes)) = theirs.scope else {
        unreachable!("not a byte string")
    };
    let bytes = bytes.elements(None).unwrap().concat();
    // {scope: AIF}: the form in which dcaf reads AIF.
    let request = [&[0xa1, 9], bytes.as_slice()].concat();
    let theirs: AccessTokenRequest = read(&request).unwrap();
    let scope = AifEncodedScope::try_from(theirs.scope.unwrap()).unwrap();
    let entries = scope.elements().iter();
    let entries: Vec<_> = entries
        .map(|entry| (entry.path.as_str(), entry.permissions.bits()))
        .collect();
    let wanted: Vec<_> = aif()
        .iter()
        .map(|(path, methods)| (path.to_owned(), methods.bits()))
        .collect();
    let wanted: Vec<_> = wanted
        .iter()
        .map(|(path, bits)| (path.as_str(), *bits))
        .collect();
    assert_eq!(entries, wanted);
}

/// What we may write and `dcaf` does not take: requests, and its complaint.
fn limits() -> Vec<(&'static str, TokenRequest, &'static str)> {
    let none = TokenRequest::default;
    let Confirmation::Encrypted(sealed) = encrypted() else {
        unreachable!("not encrypted")
    };
    let tagged = Confirmation::Encrypted([&[0xd0], sealed.as_slice()].concat());
    let secret = || Some(Secret::new(vec![1]));
    let with_refresh_token = TokenRequest {
        refresh_token: secret(),
        ..none()
    };
    let with_client_secret = TokenRequest {
        client_secret: secret(),
        ..none()
    };
    let with_profile = TokenRequest {
        ace_profile: Some(ProfileRequest::Use(1)),
        ..none()
    };
    let with_empty_scope = TokenRequest {
        scope: Some(Scope::Text(String::new())),
        ..none()
    };
    let with_tagged_key = TokenRequest {
        req_cnf: Some(tagged),
        ..none()
    };
    vec![
        ("no refresh tokens", with_refresh_token, "37"),
        ("no client secrets", with_client_secret, "25"),
        ("a profile is null", with_profile, "38"),
        ("no empty text scope", with_empty_scope, "scope"),
        ("no tag on encrypted keys", with_tagged_key, "CoseEncrypt0"),
    ]
}

/// Fails when a later version can do more: then the limit goes away here.
#[test]
fn dcaf_still_has_these_limits() {
    for (what, ours, complaint) in limits() {
        let error = read::<AccessTokenRequest>(&ours.encode()).unwrap_err();
        assert!(error.contains(complaint), "{what}: {error}");
    }
    let ours = TokenResponse {
        access_token: vec![1],
        expires_in: Some(1 << 32),
        ..TokenResponse::default()
    };
    let error = read::<AccessTokenResponse>(&ours.encode()).unwrap_err();
    assert!(error.contains("expires_in"), "32-bit lifetimes: {error}");
}
