use motekey_coap::dtls::{KeyPair, PreSharedKey};
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::key::CoseKey;
use motekey_cose::message::{ErrorCode, ErrorResponse};

use super::*;

fn endpoint() -> Target {
    Target::parse("coaps://as.example.com/token").unwrap()
}

fn configured() -> ResourceServer {
    ResourceServer::new("coaps://rs.example.com").unwrap()
}

fn hinted() -> RequestCreationHints {
    // The hints of RFC 9200 Figure 3, and a member that does not exist.
    let bytes = [
        &[0xa4, 0x01, 0x78, 0x1c][..],
        b"coaps://as.example.com/token",
        &[0x05, 0x76],
        b"coaps://rs.example.com",
        &[0x09, 0x66],
        b"rTempC",
        &[0x18, 0x27, 0x45, 0xe0, 0xa1, 0x56, 0xbb, 0x3f],
    ]
    .concat();
    let response = Response::new(Code::UNAUTHORIZED).with_payload(ContentFormat::ACE_CBOR, bytes);
    hints(&response).unwrap()
}

fn with_hints(resource_server: &ResourceServer, hints: &RequestCreationHints) -> Wanted {
    let origin = Target::parse("coaps://rs.example.com").unwrap().origin;
    Wanted::hinted(resource_server, &origin, hints).unwrap()
}

fn message(wanted: &Wanted) -> TokenRequest {
    TokenRequest::decode(&wanted.request(&endpoint()).payload).unwrap()
}

#[test]
fn f02_f03_the_parameters_are_one_map_in_the_payload_with_content_format_19() {
    let wanted = Wanted::new(&configured().audience("rs1"));
    let request = wanted.request(&endpoint());
    assert_eq!(request.method, Code::POST);
    assert_eq!(request.path(), "/token");
    assert_eq!(request.options.content_format(), Some(ContentFormat(19)));
    assert!(request.queries().is_empty());
    // {5: "rs1", 38: null}
    assert_eq!(
        request.payload,
        [0xa2, 0x05, 0x63, b'r', b's', b'1', 0x18, 0x26, 0xf6]
    );
}

#[test]
fn f10_f17_the_cnonce_of_the_hints_is_copied_unchanged() {
    let wanted = with_hints(&configured().audience("rs1"), &hinted());
    assert_eq!(
        message(&wanted).cnonce,
        Some(vec![0xe0, 0xa1, 0x56, 0xbb, 0x3f])
    );
    assert_eq!(message(&Wanted::new(&configured())).cnonce, None);
}

#[test]
fn f08_hints_give_audience_and_scope_and_unknown_members_are_skipped() {
    let wanted = with_hints(&configured(), &hinted());
    assert_eq!(wanted.audience.as_deref(), Some("coaps://rs.example.com"));
    assert_eq!(wanted.scope, Some(Scope::Text("rTempC".into())));
    // {5: "a", 77: [1]}
    let unknown = [0xa2, 0x05, 0x61, b'a', 0x18, 0x4d, 0x81, 0x01];
    let response = Response::new(Code::UNAUTHORIZED).with_payload(ContentFormat::ACE_CBOR, unknown);
    assert_eq!(hints(&response).unwrap().audience.as_deref(), Some("a"));
}

#[test]
fn a_hinted_audience_that_is_not_the_host_is_refused() {
    let origin = Target::parse("coaps://rs.example.com").unwrap().origin;
    let foreign = RequestCreationHints {
        audience: Some("evil".into()),
        ..hinted()
    };
    let expected = Error::ForeignAudience {
        resource_server: "coaps://rs.example.com:5684".into(),
        named: "evil".into(),
    };
    let any = ResourceServer::any();
    for resource_server in [&configured(), &any] {
        let result = Wanted::hinted(resource_server, &origin, &foreign);
        assert_eq!(result, Err(expected.clone()));
    }
    let trusting = configured().trust_hinted_audience(true);
    let audience = with_hints(&trusting, &foreign).audience;
    assert_eq!(audience.as_deref(), Some("evil"));
}

#[test]
fn the_configuration_goes_before_the_hints() {
    let own = configured()
        .audience("own")
        .scope(Scope::Text("less".into()));
    let wanted = with_hints(&own, &hinted());
    assert_eq!(wanted.audience.as_deref(), Some("own"));
    assert_eq!(wanted.scope, Some(Scope::Text("less".into())));
}

#[test]
fn f18_both_kinds_of_scope_go_through() {
    for scope in [
        Scope::Text("r_temp".into()),
        Scope::Binary(vec![0x81, 0x82, 0x62, b'/', b'a', 0x01]),
    ] {
        let wanted = Wanted::new(&configured().scope(scope.clone()));
        assert_eq!(message(&wanted).scope, Some(scope));
    }
}

#[test]
fn f24_a_known_profile_is_not_asked_for() {
    assert_eq!(
        message(&Wanted::new(&configured())).ace_profile,
        Some(ProfileRequest::Ask)
    );
    assert_eq!(
        message(&Wanted::new(&configured().profile(1))).ace_profile,
        None
    );
}

#[test]
fn d34_an_update_names_the_kid_of_the_running_session() {
    let running = ProofKey::PreShared {
        kid: vec![0x3d, 0x02],
        secret: PreSharedKey::new(vec![0x42; 16]),
    };
    let wanted = Wanted {
        running: Some(running),
        profile: Some(1),
        ..Wanted::new(&configured())
    };
    // {4: {3: h'3d02'}}: the name of the key and nothing of the key.
    assert_eq!(
        wanted.request(&endpoint()).payload,
        [0xa1, 0x04, 0xa1, 0x03, 0x42, 0x3d, 0x02]
    );
}

#[test]
fn d03_a_public_key_is_in_each_request_by_value_or_by_its_identifier() {
    let pair = KeyPair::p256(&[9; 32]).unwrap();
    let info = pair.public_key_info();
    let running = ProofKey::Public {
        own: info.to_vec(),
        kid: None,
        server: vec![1],
    };
    for key_id in [None, Some(b"key-9".as_slice())] {
        let own = OwnKey::new(&pair, key_id).unwrap();
        let expected = match key_id {
            Some(key_id) => Confirmation::KeyId(key_id.to_vec()),
            None => {
                let key = CoseKey::from_public_key_info(&PROVIDER, info, None).unwrap();
                assert!(!key.has_secret());
                Confirmation::Key(key)
            }
        };
        for running in [None, Some(running.clone())] {
            let wanted = Wanted::new(&configured()).bound_to(Some(own.clone()));
            let request = message(&wanted.for_running(running));
            assert_eq!(request.req_cnf.as_ref(), Some(&expected));
        }
    }
    // A session with a symmetric key keeps that one.
    let own = OwnKey::new(&pair, None).unwrap();
    let shared = ProofKey::PreShared {
        kid: vec![1],
        secret: PreSharedKey::new(vec![0x42; 16]),
    };
    let wanted = Wanted::new(&configured()).bound_to(Some(own));
    let request = message(&wanted.for_running(Some(shared)));
    assert_eq!(request.req_cnf, Some(Confirmation::KeyId(vec![1])));
}

#[test]
fn f74_d42_the_unauthorized_request_has_no_payload_and_no_query() {
    let target = Target::parse("coaps://192.0.2.1/meters/1?secret=1").unwrap();
    let request = unauthorized_request(&target);
    assert_eq!(request.method, Code::GET);
    assert_eq!(request.path(), "/meters/1");
    assert!(request.payload.is_empty());
    assert_eq!(request.options.iter().count(), 2);
}

#[test]
fn answers_without_usable_hints_are_told_apart() {
    let cases = [
        Response::new(Code::CONTENT).with_payload(ContentFormat::ACE_CBOR, [0xa0]),
        Response::new(Code::UNAUTHORIZED),
        Response::new(Code::UNAUTHORIZED).with_payload(ContentFormat::CBOR, [0xa0]),
        Response::new(Code::UNAUTHORIZED).with_payload(ContentFormat::ACE_CBOR, [0xa1, 0x01]),
        Response::new(Code::UNAUTHORIZED).with_payload(ContentFormat::ACE_CBOR, [0xa1, 0x01, 0x02]),
        // The same member twice.
        Response::new(Code::UNAUTHORIZED).with_payload(
            ContentFormat::ACE_CBOR,
            [0xa2, 0x05, 0x61, b'a', 0x05, 0x61, b'b'],
        ),
    ];
    for response in cases {
        assert!(hints(&response).is_err(), "{response:?}");
    }
}

#[test]
fn f03_f33_f34_malformed_token_responses_are_not_used() {
    let cases: [(Option<ContentFormat>, &[u8]); 7] = [
        (None, &[0xa1, 0x01, 0x41, 0x00]),
        (Some(ContentFormat::CBOR), &[0xa1, 0x01, 0x41, 0x00]),
        (Some(ContentFormat::ACE_CBOR), &[]),
        // No access_token.
        (Some(ContentFormat::ACE_CBOR), &[0xa1, 0x02, 0x01]),
        // ace_profile and token_type as text.
        (
            Some(ContentFormat::ACE_CBOR),
            &[0xa2, 0x01, 0x41, 0x00, 0x18, 0x26, 0x61, b'c'],
        ),
        (
            Some(ContentFormat::ACE_CBOR),
            &[0xa2, 0x01, 0x41, 0x00, 0x18, 0x22, 0x61, b'P'],
        ),
        // Trailing bytes.
        (
            Some(ContentFormat::ACE_CBOR),
            &[0xa1, 0x01, 0x41, 0x00, 0x00],
        ),
    ];
    for (format, payload) in cases {
        let mut response = Response::new(Code::CREATED);
        response.payload = payload.to_vec();
        if let Some(format) = format {
            response = response.with_payload(format, payload);
        }
        let result = token_response(&response);
        assert!(matches!(result, Err(Error::UnusableToken(_))), "{result:?}");
    }
}

#[test]
fn refusals_keep_the_oauth_error() {
    let payload = ErrorResponse::with_description(ErrorCode::InvalidScope, "no").encode();
    let response = Response::new(Code::BAD_REQUEST).with_payload(ContentFormat::ACE_CBOR, payload);
    let Err(Error::TokenRefused {
        code: Code::BAD_REQUEST,
        error: Some(error),
    }) = token_response(&response)
    else {
        panic!("not a refusal");
    };
    assert_eq!(error.error, ErrorCode::InvalidScope);
    let bare = token_response(&Response::new(Code::UNAUTHORIZED));
    assert_eq!(
        bare,
        Err(Error::TokenRefused {
            code: Code::UNAUTHORIZED,
            error: None
        })
    );
}
