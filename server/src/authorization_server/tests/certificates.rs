use std::sync::Arc;

use motekey_coap::dtls::PeerIdentity;
use motekey_cose::confirmation::{CertificateHash, Confirmation};
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::message::TokenRequest;

use super::support::*;
use crate::registry::{
    Device, Registry, RegistryError, ResourceServerRecord, ScopeRule, SharedKey,
};
use crate::store::MemoryStore;

const AUDIENCE: &str = "camera";

/// A registry with a device and a resource server that have certificates: any bytes, as the channel validates them.
fn registered() -> Registry {
    let mut registry = registry();
    let mut camera = ResourceServerRecord::new(AUDIENCE, SharedKey::new(key(31)));
    camera.certificate = Some(b"camera".to_vec());
    registry.put_resource_server(camera).unwrap();
    let rights = ScopeRule::Aif(aif(&[("/image", &[motekey_cose::scope::Method::Get])]));
    let device = Device::with_certificate("viewer", b"viewer");
    let device = device
        .allow(AUDIENCE, rights.clone())
        .allow("gateway", rights);
    registry.put_device(device).unwrap();
    registry
}

async fn certified() -> Bench {
    bench_on(Arc::new(MemoryStore::with_registry(registered()))).await
}

/// The device, and the authority that it sends along.
fn viewer() -> PeerIdentity {
    PeerIdentity::Certificate(vec![b"viewer".to_vec(), b"authority".to_vec()])
}

fn hash(certificate: &[u8]) -> CertificateHash {
    CertificateHash::of_certificate(&PROVIDER, certificate)
}

fn ask_for(audience: &str, wanted: Confirmation) -> TokenRequest {
    TokenRequest {
        req_cnf: Some(wanted),
        ..ask(audience)
    }
}

#[tokio::test]
async fn x03_the_token_and_rs_cnf_have_the_end_entity_in_the_form_of_the_request() {
    let bench = certified().await;
    let by_value = |certificate: &[u8]| Confirmation::CertificateChain(vec![certificate.to_vec()]);
    let by_hash = |certificate: &[u8]| Confirmation::CertificateHash(hash(certificate));
    let chain = Confirmation::CertificateChain(vec![b"viewer".to_vec(), b"authority".to_vec()]);
    let truncated = Confirmation::CertificateHash(hash(b"viewer").truncated());
    let cases = [
        (
            by_value(b"viewer"),
            by_value(b"viewer"),
            by_value(b"camera"),
        ),
        (chain, by_value(b"viewer"), by_value(b"camera")),
        (by_hash(b"viewer"), by_hash(b"viewer"), by_hash(b"camera")),
        (truncated, by_hash(b"viewer"), by_hash(b"camera")),
    ];
    for (wanted, cnf, rs_cnf) in cases {
        let request = ask_for(AUDIENCE, wanted.clone());
        let granted = bench.grant(&viewer(), &request).await;
        assert_eq!(
            (granted.cnf.as_ref(), granted.rs_cnf.as_ref()),
            (None, Some(&rs_cnf))
        );
        let (claims, _) = open(&granted, AUDIENCE, Some(31));
        assert_eq!(claims.cnf, Some(cnf), "{wanted:?}");
        assert_eq!(claims.sub.as_deref(), Some("viewer"));
    }
}

#[tokio::test]
async fn x03_a_certificate_is_bound_only_if_the_session_proved_it() {
    let bench = certified().await;
    let own = || Confirmation::CertificateHash(hash(b"viewer"));
    let foreign = || Confirmation::CertificateHash(hash(b"other"));
    let by_value = || Confirmation::CertificateChain(vec![b"other".to_vec(), b"viewer".to_vec()]);
    let authority = || Confirmation::CertificateHash(hash(b"authority"));
    // RFC 9200 Section 5.8.3: unsupported_pop_key is 7.
    let cases = [
        ("another certificate", viewer(), AUDIENCE, foreign(), 7),
        ("another end entity", viewer(), AUDIENCE, by_value(), 7),
        ("the authority", viewer(), AUDIENCE, authority(), 7),
        ("no certificate there", viewer(), "gateway", own(), 7),
        ("another channel", sensor(), "lock", own(), 7),
    ];
    for (what, peer, audience, wanted, error) in cases {
        let request = post(&ask_for(audience, wanted).encode());
        bench.refused(&peer, &request, error, what).await;
    }
    let stranger = PeerIdentity::Certificate(vec![b"other".to_vec(), b"viewer".to_vec()]);
    let request = post(&ask_for(AUDIENCE, own()).encode());
    // invalid_client is 2.
    bench
        .refused(&stranger, &request, 2, "not registered")
        .await;
}

#[tokio::test]
async fn x03_a_hash_by_another_algorithm_is_an_unsupported_key() {
    let bench = certified().await;
    let mut request = ask_for(AUDIENCE, Confirmation::CertificateHash(hash(b"viewer"))).encode();
    // -16 becomes -44, SHA-512.
    let at = request
        .windows(3)
        .position(|bytes| bytes == [6, 0x82, 0x2f]);
    request.splice(at.unwrap() + 2..at.unwrap() + 3, [0x38, 43]);
    bench
        .refused(&viewer(), &post(&request), 7, "SHA-512")
        .await;
}

#[test]
fn a_certificate_belongs_to_one_party() {
    let mut registry = registered();
    let second = registry.put_device(Device::with_certificate("second", b"viewer"));
    let in_use = RegistryError::CertificateInUse {
        name: "second".into(),
    };
    assert_eq!(second, Err(in_use));
    // A renewed certificate takes the place of the former one, which anybody may have then.
    registry
        .put_device(Device::with_certificate("viewer", b"renewed"))
        .unwrap();
    registry
        .put_device(Device::with_certificate("second", b"viewer"))
        .unwrap();
    let owner = |certificate: &[u8]| {
        let thumbprint = crate::certificates::thumbprint(certificate);
        let party = registry.party_by_certificate(&thumbprint);
        party.map(|party| party.name().to_string())
    };
    assert_eq!(owner(b"viewer").as_deref(), Some("second"));
    assert_eq!(owner(b"renewed").as_deref(), Some("viewer"));
    assert_eq!(owner(b"camera"), None);
}
