//! The examples of RFC 8392, 8747, 9200, 9201, 9202 and 9237, read and written again.

use std::fmt::Debug;

use motekey_cose::claims::{Audience, ClaimsSet, NumericDate};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::key::CoseKey;
use motekey_cose::message::{
    ErrorCode, ErrorResponse, IntrospectionRequest, IntrospectionResponse, MessageError,
    PskIdentity, RequestCreationHints, TokenRequest, TokenResponse, TokenType,
};
use motekey_cose::scope::{Aif, Method, MethodSet, Scope};

use crate::support::{Vector, bytes, file, sorted, vectors};

/// Decodes and encodes again, whatever message it is.
type Again = fn(&[u8]) -> Result<Vec<u8>, String>;

fn again<M, E: Debug + ToString>(
    decode: fn(&[u8]) -> Result<M, E>,
    encode: fn(&M) -> Vec<u8>,
) -> impl Fn(&[u8]) -> Result<Vec<u8>, String> {
    move |bytes| {
        decode(bytes)
            .map(|message| encode(&message))
            .map_err(|error| error.to_string())
    }
}

const TOKEN_REQUEST: Again = |bytes| again(TokenRequest::decode, TokenRequest::encode)(bytes);
const TOKEN_RESPONSE: Again = |bytes| again(TokenResponse::decode, TokenResponse::encode)(bytes);
const ERROR_RESPONSE: Again = |bytes| again(ErrorResponse::decode, ErrorResponse::encode)(bytes);
const HINTS: Again =
    |bytes| again(RequestCreationHints::decode, RequestCreationHints::encode)(bytes);
const INTROSPECTION_REQUEST: Again =
    |bytes| again(IntrospectionRequest::decode, IntrospectionRequest::encode)(bytes);
const INTROSPECTION_RESPONSE: Again =
    |bytes| again(IntrospectionResponse::decode, IntrospectionResponse::encode)(bytes);
const CLAIMS: Again = |bytes| again(ClaimsSet::decode, ClaimsSet::encode)(bytes);
const IDENTITY: Again = |bytes| again(PskIdentity::decode, PskIdentity::encode)(bytes);
const KEY: Again = |bytes| again(CoseKey::from_cbor, CoseKey::to_cbor)(bytes);

/// Every entry of the file, none left out, is read as the message that the table says and written to the same bytes,
/// but for the order of keys.
fn round_trips(path: &str, messages: &[(&str, Again)], exceptions: &[&str]) {
    let entries = vectors(path);
    assert_eq!(entries.len(), messages.len(), "{path}");
    for Vector { id, cbor, .. } in entries {
        let (_, again) = messages
            .iter()
            .find(|(name, _)| *name == id)
            .unwrap_or_else(|| panic!("{id}"));
        if !exceptions.contains(&id.as_str()) {
            assert_eq!(again(&cbor), Ok(sorted(&cbor)), "{id}");
        }
    }
}

fn entry(path: &str, id: &str) -> Vector {
    vectors(path)
        .into_iter()
        .find(|vector| vector.id == id)
        .unwrap()
}

#[test]
fn c09_f35_messages_of_rfc_9200() {
    let messages = [
        ("RFC9200-Fig2", HINTS),
        ("RFC9200-Fig3", HINTS),
        ("RFC9200-Fig4", TOKEN_REQUEST),
        ("RFC9200-Fig5", TOKEN_REQUEST),
        ("RFC9200-Fig6", TOKEN_REQUEST),
        ("RFC9200-Fig7", TOKEN_RESPONSE),
        ("RFC9200-Fig9", INTROSPECTION_REQUEST),
        ("RFC9200-Fig10", INTROSPECTION_RESPONSE),
        ("RFC9200-Fig13", CLAIMS),
        ("RFC9200-Fig12-request", TOKEN_REQUEST),
        ("RFC9200-Fig12-response", TOKEN_RESPONSE),
        ("RFC9200-Fig17-request", TOKEN_REQUEST),
        ("RFC9200-Fig17-response", TOKEN_RESPONSE),
        ("RFC9200-Fig19-request", INTROSPECTION_REQUEST),
        ("RFC9200-Fig19-response", INTROSPECTION_RESPONSE),
    ];
    round_trips(
        "rfc9200/messages.json",
        &messages,
        &["RFC9200-Fig7", "RFC9200-Fig9"],
    );
}

#[test]
fn c09_f35_messages_of_rfc_9201_and_9202() {
    let messages = [
        ("RFC9201-Fig1", TOKEN_REQUEST),
        ("RFC9201-Fig2", TOKEN_RESPONSE),
        ("RFC9201-Fig3", TOKEN_RESPONSE),
        ("RFC9201-Fig4", INTROSPECTION_RESPONSE),
    ];
    round_trips("rfc9201/messages.json", &messages, &[]);
    let messages = [
        ("RFC9202-Fig3", TOKEN_REQUEST),
        ("RFC9202-Fig4", TOKEN_RESPONSE),
        ("RFC9202-Fig5", TOKEN_REQUEST),
        ("RFC9202-Fig6", TOKEN_RESPONSE),
        ("RFC9202-Fig8", ERROR_RESPONSE),
        ("RFC9202-Fig9", IDENTITY),
        ("RFC9202-psk_identity-hex", IDENTITY),
    ];
    // The coordinates in Figures 3 and 4 are shortened by the RFC.
    round_trips(
        "rfc9202/messages.json",
        &messages,
        &["RFC9202-Fig3", "RFC9202-Fig4"],
    );
}

#[test]
fn c09_claims_of_rfc_8747_and_8392() {
    let messages = [
        ("RFC8747-1", CLAIMS),
        ("RFC8747-2", KEY),
        ("RFC8747-3", CLAIMS),
        ("RFC8747-4", CLAIMS),
    ];
    round_trips("rfc8747/cnf.json", &messages, &[]);
    let claims_set = bytes(&file("rfc8392/cwt.json")["claims_set"]);
    assert_eq!(CLAIMS(&claims_set), Ok(claims_set));
}

#[test]
fn f08_hints_have_the_bytes_of_figure_3() {
    let hints = RequestCreationHints {
        authorization_server: Some("coaps://as.example.com/token".into()),
        audience: Some("coaps://rs.example.com".into()),
        scope: Some(Scope::Text("rTempC".into())),
        cnonce: Some(vec![0xe0, 0xa1, 0x56, 0xbb, 0x3f]),
        kid: None,
    };
    assert_eq!(
        hints.encode(),
        entry("rfc9200/messages.json", "RFC9200-Fig3").cbor
    );
}

#[test]
fn f16_the_smallest_request_has_only_an_audience() {
    let Vector { cbor, .. } = entry("rfc9202/messages.json", "RFC9202-Fig5");
    let request = TokenRequest {
        audience: Some("smokeSensor1807".into()),
        ..TokenRequest::default()
    };
    assert_eq!(request.encode(), cbor);
    assert_eq!(TokenRequest::decode(&cbor), Ok(request));
}

#[test]
fn f27_an_error_has_the_bytes_of_figure_8() {
    let Vector { cbor, .. } = entry("rfc9202/messages.json", "RFC9202-Fig8");
    assert_eq!(
        ErrorResponse::decode(&cbor),
        Ok(ErrorResponse::new(ErrorCode::InvalidRequest))
    );
}

#[test]
fn f33_p03_a_response_with_a_pre_shared_key_is_read() {
    let Vector { cbor, elided, .. } = entry("rfc9202/messages.json", "RFC9202-Fig6");
    assert!(elided);
    let kid = [0x3d, 0x02, 0x78, 0x33, 0xfc, 0x62, 0x67, 0xce];
    let wanted = TokenResponse {
        access_token: vec![0xd0, 0x83, 0x43, 0xa1],
        expires_in: Some(86_400),
        cnf: Some(Confirmation::Key(CoseKey::symmetric(
            b"sessionkey",
            Some(&kid),
        ))),
        token_type: Some(TokenType::Pop),
        ace_profile: Some(1),
        ..TokenResponse::default()
    };
    assert_eq!(TokenResponse::decode(&cbor), Ok(wanted));
}

#[test]
fn f34_figure_7_is_refused_because_it_names_the_profile_by_text() {
    let Vector { cbor, .. } = entry("rfc9200/messages.json", "RFC9200-Fig7");
    let error = TokenResponse::decode(&cbor).unwrap_err();
    assert_eq!(
        error.to_string(),
        "ace_profile (38): got a text string, wanted an integer"
    );
}

#[test]
fn f38_figure_9_gives_the_hint_as_a_number_which_is_dropped() {
    let Vector { cbor, .. } = entry("rfc9200/messages.json", "RFC9200-Fig9");
    let token = vec![0xee, 0x08, 0xf4, 0x75, 0x72, 0x50, 0xe3, 0x75];
    assert_eq!(
        IntrospectionRequest::decode(&cbor),
        Ok(IntrospectionRequest::new(token))
    );
}

#[test]
fn f39_figure_19_is_read() {
    let Vector { cbor, .. } = entry("rfc9200/messages.json", "RFC9200-Fig19-response");
    let claims = ClaimsSet {
        aud: Some(Audience::One("lockOfDoor4711".into())),
        iat: Some(NumericDate::from_seconds(1_563_454_000)),
        cnf: Some(Confirmation::KeyId(b"some public key id".to_vec())),
        scope: Some(Scope::Text("open close".into())),
        ..ClaimsSet::default()
    };
    assert_eq!(
        IntrospectionResponse::decode(&cbor),
        Ok(IntrospectionResponse::active(claims))
    );
}

#[test]
fn p12_keys_with_shortened_coordinates_are_refused() {
    for (id, again) in [
        ("RFC9202-Fig3", TOKEN_REQUEST),
        ("RFC9202-Fig4", TOKEN_RESPONSE),
    ] {
        let Vector { cbor, elided, .. } = entry("rfc9202/messages.json", id);
        assert!(elided && again(&cbor).is_err(), "{id}");
    }
    let Vector { cbor, .. } = entry("rfc9202/messages.json", "RFC9202-Fig3");
    let error = TokenRequest::decode(&cbor).unwrap_err();
    let MessageError::Confirmation {
        label: Some(label), ..
    } = error
    else {
        panic!("{error:?}")
    };
    assert_eq!((label.number, label.name), (4, "req_cnf"));
}

#[test]
fn w01_the_date_of_rfc_8392_a_7_is_read_and_written() {
    let claims_set = bytes(&serde_json::Value::from("a106fb41d584367c20000000"));
    let claims = ClaimsSet::decode(&claims_set[..11]).unwrap();
    assert_eq!(claims.iat.map(|iat| iat.as_seconds()), Some(1_443_944_944));
    assert_eq!(claims.encode(), claims_set[..11]);
}

#[test]
fn a03_aif_has_the_bytes_of_the_rfc() {
    for vector in file("rfc9237/aif.json")["vectors"].as_array().unwrap() {
        let cbor = bytes(&vector["cbor"]);
        let pairs = vector["json"].as_array().unwrap();
        let pair = |pair: &serde_json::Value| {
            let bits = pair[1].as_u64().unwrap();
            (
                pair[0].as_str().unwrap().to_owned(),
                MethodSet::from_bits(bits),
            )
        };
        let aif = Aif::new(pairs.iter().map(pair));
        assert_eq!(aif.encode(), cbor);
        assert_eq!(Scope::Binary(cbor).aif(), Ok(aif));
    }
    let table_1 = [
        ("/s/temp", MethodSet::EMPTY.with(Method::Get)),
        (
            "/a/led",
            MethodSet::EMPTY.with(Method::Put).with(Method::Get),
        ),
        ("/dtls", MethodSet::EMPTY.with(Method::Post)),
    ];
    let bytes = Aif::new(table_1).encode();
    assert_eq!(bytes.len(), 28);
    assert_eq!(
        bytes,
        self::bytes(&file("rfc9237/aif.json")["vectors"][0]["cbor"])
    );
}

#[test]
fn x03_messages_of_the_draft_with_certificates() {
    let path = "authcred/messages.json";
    let messages = [
        ("authcred-04-Fig5-1", TOKEN_REQUEST),
        ("authcred-04-Fig6-1", TOKEN_RESPONSE),
        ("authcred-04-Fig7-1", TOKEN_REQUEST),
        ("authcred-04-Fig8-1", TOKEN_RESPONSE),
    ];
    round_trips(path, &messages, &[]);
    // The figures with hashes are of the certificates in the others.
    let requested = |id| TokenRequest::decode(&entry(path, id).cbor).unwrap().req_cnf;
    let shown = |id| TokenResponse::decode(&entry(path, id).cbor).unwrap().rs_cnf;
    let pairs = [
        [
            requested("authcred-04-Fig5-1"),
            requested("authcred-04-Fig7-1"),
        ],
        [shown("authcred-04-Fig6-1"), shown("authcred-04-Fig8-1")],
    ];
    for pair in pairs {
        let [by_value, by_hash] = pair.map(|cnf| cnf.unwrap().certificate(&PROVIDER).unwrap());
        assert_eq!(by_value.truncated(), by_hash);
    }
}
