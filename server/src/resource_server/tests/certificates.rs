use std::sync::Arc;

use motekey_coap::dtls::{
    CertificateCheck, CertificateError, CertificateVerifier, CertifiedKey, CredentialSource,
    KeyPair, PeerIdentity, SessionId,
};
use motekey_coap::message::Code;
use motekey_cose::claims::ClaimsSet;
use motekey_cose::confirmation::{CertificateHash, Confirmation};
use motekey_cose::crypto::rust::PROVIDER;

use super::support::*;
use crate::certificates::Certificates;

/// Validation has no part here: the driver's backend runs it before it asks.
struct Nobody;

impl CertificateVerifier for Nobody {
    fn verify(&self, _: &[&[u8]]) -> Result<Vec<u8>, CertificateError> {
        Err(CertificateError::UnknownAuthority)
    }
}

fn certified() -> Bench {
    let own = CertifiedKey {
        chain: vec![b"gateway".to_vec()],
        key: KeyPair::p256(&[1; 32]).unwrap(),
    };
    let peers = CertificateCheck::new(Nobody);
    bench_with(|builder| builder.certificates(Certificates { own, peers }))
}

fn bound_to(number: u8, cnf: Confirmation) -> ClaimsSet {
    ClaimsSet {
        cnf: Some(cnf),
        ..claims(number)
    }
}

fn hash(certificate: &[u8]) -> CertificateHash {
    CertificateHash::of_certificate(&PROVIDER, certificate)
}

#[tokio::test]
async fn x03_a_token_selects_the_end_entity_by_value_and_by_hash() {
    let forms = [
        Confirmation::CertificateChain(vec![b"leaf".to_vec()]),
        Confirmation::CertificateChain(vec![b"leaf".to_vec(), b"authority".to_vec()]),
        Confirmation::CertificateHash(hash(b"leaf")),
        Confirmation::CertificateHash(hash(b"leaf").truncated()),
    ];
    for form in forms {
        let bench = certified();
        let credentials: Arc<dyn CredentialSource> = bench.server.credentials();
        let lets_in = |chain: &[&[u8]]| credentials.certificate(chain);
        assert!(!lets_in(&[b"leaf"]), "not uploaded yet");
        let token = token(&bound_to(1, form.clone()));
        assert_eq!(bench.upload(&token).await, Code::CREATED, "{form:?}");
        assert!(lets_in(&[b"leaf"]) && lets_in(&[b"leaf", b"authority"]));
        assert!(!lets_in(&[b"authority"]) && !lets_in(&[b"other", b"leaf"]) && !lets_in(&[]));
        let peer = PeerIdentity::Certificate(vec![b"leaf".to_vec()]);
        bench.server.bind_session(SessionId(1), Some(&peer));
        assert_eq!(bench.get(1, "/a").await, Code::CONTENT, "{form:?}");
        bench.clock.advance(601);
        assert!(!lets_in(&[b"leaf"]), "the token has ended");
    }
}

#[tokio::test]
async fn x03_another_form_of_the_same_certificate_is_the_same_key() {
    let bench = certified();
    let whole = hash(b"leaf");
    let first = token(&bound_to(
        1,
        Confirmation::CertificateHash(whole.truncated()),
    ));
    let second = token(&bound_to(1, Confirmation::CertificateHash(whole)));
    assert_eq!(bench.upload(&first).await, Code::CREATED);
    assert_eq!(bench.upload(&second).await, Code::CREATED);
    assert_eq!(bench.server.tokens(), 1);
    // The same first 64 bits, and another certificate.
    let mut bytes: [u8; 32] = whole.as_bytes().try_into().unwrap();
    bytes[31] ^= 1;
    let bench = certified();
    let other = Confirmation::CertificateHash(CertificateHash::of_digest(bytes));
    assert_eq!(bench.upload(&second).await, Code::CREATED);
    let collision = token(&bound_to(1, other));
    assert_eq!(bench.upload(&collision).await, Code::UNAUTHORIZED);
}

#[tokio::test]
async fn c13_a_token_with_a_certificate_that_would_have_to_be_fetched_is_refused() {
    let bench = certified();
    let good = bound_to(1, Confirmation::CertificateHash(hash(b"leaf")));
    let encoded = good.encode();
    // x5t (6) becomes x5u (7) in cnf (8): {8: {6: ..}}.
    let at = encoded.windows(3).position(|bytes| bytes == [8, 0xa1, 6]);
    let mut changed = encoded;
    changed[at.unwrap() + 2] = 7;
    let token = token_of_content("as", &changed);
    assert_eq!(bench.upload(&token).await, Code::BAD_REQUEST);
    assert_eq!(bench.upload(&token_of("as", &good)).await, Code::CREATED);
}

#[tokio::test]
async fn x03_a_server_without_a_certificate_refuses_tokens_for_certificates() {
    let bench = bench();
    let token = token(&bound_to(1, Confirmation::CertificateHash(hash(b"leaf"))));
    assert_eq!(bench.upload(&token).await, Code::BAD_REQUEST);
    assert_eq!(bench.server.tokens(), 0);
}
