use std::sync::Arc;

use motekey_coap::dtls::{KeyPair, PreSharedKey, PskAnswer};
use motekey_coap::message::Code;
use motekey_cose::claims::ClaimsSet;
use motekey_cose::confirmation::Confirmation;
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::crypto::{AeadAlgorithm, SignatureAlgorithm};
use motekey_cose::envelope::HeaderPlacement;
use motekey_cose::key::CoseKey;
use motekey_cose::revocation::{
    RevocationContent, RevocationResponse, RevocationUpdate, TokenHash, twin,
};
use motekey_cose::token::{
    ProtectionKey, TokenStyle, TokenTags, TrustedIssuer, VerificationKey, mint,
};

use super::super::{
    AuthorizationServerLink, Limits, ResourceServerBuilder, Revocation, RevocationStorage,
    VolatileRevocations, VolatileSequence,
};
use super::support::*;
use crate::event::{Event, TokenEnd};

/// A bench that follows the list of an authorization server which is never reached.
fn following(configure: impl FnOnce(ResourceServerBuilder) -> ResourceServerBuilder) -> Bench {
    let nowhere = "127.0.0.1:9".parse().unwrap();
    let key = PreSharedKey::new(vec![7; 16]);
    let link = AuthorizationServerLink::new(nowhere, b"gateway", key);
    let link = link.revocation(Revocation::default());
    bench_with(|builder| configure(builder.link(link)))
}

fn styled(claims: &ClaimsSet, style: TokenStyle) -> Vec<u8> {
    let key = CoseKey::symmetric(&shared_key("as"), None)
        .encryption_key(&PROVIDER, AeadAlgorithm::AesCcm16_64_128)
        .unwrap();
    let nonce = &PROVIDER.kdf.sha256(&claims.encode())[..13];
    mint(claims, &ProtectionKey::Encrypt { key: &key, nonce }, style).unwrap()
}

fn revocable(claims: &ClaimsSet) -> Vec<u8> {
    styled(claims, TokenStyle::REVOCABLE)
}

/// The claims of the token with `exi` and this sequence number, for the key of the same number.
fn numbered(number: u8) -> ClaimsSet {
    ClaimsSet {
        exp: None,
        exi: Some(300),
        cti: Some(format!("gateway{number}").into_bytes()),
        ..claims(number)
    }
}

fn hash(token: &[u8]) -> TokenHash {
    TokenHash::of_token(&PROVIDER, token)
}

impl Bench {
    fn full(&self, hashes: &[TokenHash]) -> usize {
        self.server.apply_revocations(&RevocationResponse {
            content: RevocationContent::Full(hashes.to_vec()),
            cursor: None,
            more: None,
        })
    }

    fn diff(&self, updates: &[(&[TokenHash], &[TokenHash])]) -> usize {
        let updates = updates.iter().map(|(removed, added)| RevocationUpdate {
            removed: removed.to_vec(),
            added: added.to_vec(),
        });
        self.server.apply_revocations(&RevocationResponse {
            content: RevocationContent::Diff(updates.collect()),
            cursor: None,
            more: None,
        })
    }

    /// How many hashes are held.
    fn held(&self) -> usize {
        self.server.state().revoked.held().len()
    }
}

#[tokio::test]
async fn r21_r22_revoked_token_is_dropped_with_its_session_and_not_taken_again() {
    let bench = following(|builder| builder);
    let tokens = [1, 2].map(|number| revocable(&claims(number)));
    for (session, token) in (1..).zip(&tokens) {
        assert_eq!(bench.upload(token).await, Code::CREATED);
        bench.connect(session, token);
        assert_eq!(bench.get(session, "/a").await, Code::CONTENT);
    }
    bench.events.take();
    assert_eq!(bench.full(&[hash(&tokens[0])]), 1);
    let key_id = b"key-1".to_vec();
    let why = TokenEnd::Revoked;
    assert_eq!(bench.events.take(), [Event::TokenEnded { key_id, why }]);
    assert_eq!(bench.get(1, "/a").await, Code::UNAUTHORIZED);
    assert_eq!(
        bench.get(2, "/a").await,
        Code::CONTENT,
        "the other is left alone"
    );
    let orphans = bench.server.sweep().orphans;
    let sessions: Vec<_> = orphans.iter().map(|orphan| orphan.session.0).collect();
    assert_eq!(sessions, [1]);
    assert_eq!(bench.upload(&tokens[0]).await, Code::UNAUTHORIZED);
    assert_eq!(bench.psk(&tokens[0]), PskAnswer::IllegalParameter);
    assert_eq!(bench.psk(&form_a(1)), PskAnswer::IllegalParameter);
    assert_eq!(bench.full(&[hash(&tokens[0])]), 0);
}

#[tokio::test]
async fn r21_r23_token_that_comes_after_its_revocation_is_refused() {
    let bench = following(|builder| builder);
    let token = revocable(&claims(1));
    assert_eq!(bench.diff(&[(&[], &[hash(&token)])]), 0);
    assert_eq!(bench.upload(&token).await, Code::UNAUTHORIZED);
    assert_eq!(bench.server.tokens(), 0);
}

#[tokio::test]
async fn r22_tokens_in_another_form_are_refused() {
    let bench = following(|builder| builder);
    let claims = claims(1);
    let style = |tags, headers| styled(&claims, TokenStyle { tags, headers });
    let (protected, unprotected) = (HeaderPlacement::Protected, HeaderPlacement::Unprotected);
    let mut longer_tag = vec![0xd9, 0x00, 0x3d];
    longer_tag.extend(&revocable(&claims)[2..]);
    let mut two_tags = vec![0xd8, 0x3d];
    two_tags.extend(revocable(&claims));
    for (what, token) in [
        ("no tags", style(TokenTags::None, protected)),
        ("COSE tag only", style(TokenTags::Cose, protected)),
        (
            "unprotected headers",
            style(TokenTags::CwtAndCose, unprotected),
        ),
        ("longer tag", longer_tag),
        ("CWT tag twice", two_tags),
    ] {
        assert_eq!(bench.upload(&token).await, Code::BAD_REQUEST, "{what}");
        assert_eq!(bench.psk(&token), PskAnswer::IllegalParameter, "{what}");
    }
    assert_eq!(bench.upload(&revocable(&claims)).await, Code::CREATED);
}

#[tokio::test]
async fn r04_text_form_of_a_token_is_taken_and_has_the_same_hash() {
    let bench = following(|builder| builder);
    let token = revocable(&claims(1));
    let text = base64url(&token);
    assert_eq!(bench.upload(text.as_bytes()).await, Code::CREATED);
    bench.connect(1, text.as_bytes());
    assert_eq!(bench.get(1, "/a").await, Code::CONTENT);
    assert_eq!(bench.full(&[hash(&token)]), 1);
    assert_eq!(bench.get(1, "/a").await, Code::UNAUTHORIZED);
    for form in [text.as_bytes(), &token] {
        assert_eq!(bench.upload(form).await, Code::UNAUTHORIZED);
    }
    assert_eq!(bench.upload(b"bm8gdG9rZW4").await, Code::BAD_REQUEST);
}

#[tokio::test]
async fn r23_a_hash_is_held_until_its_token_was_seen_and_has_expired() {
    let bench = following(|builder| builder);
    let [seen, unseen] = [1, 2].map(|number| revocable(&claims(number)));
    bench.full(&[hash(&seen), hash(&unseen)]);
    assert_eq!(bench.upload(&seen).await, Code::UNAUTHORIZED);
    // The list forgets both, as one of a server that was restored would: the first token has not expired.
    bench.full(&[]);
    assert_eq!(bench.held(), 2);
    assert_eq!(bench.upload(&seen).await, Code::UNAUTHORIZED);
    bench.clock.advance(600);
    bench.server.sweep();
    assert_eq!(bench.held(), 1, "the one that was never seen");
    assert_eq!(bench.upload(&unseen).await, Code::UNAUTHORIZED);
    assert_eq!(bench.held(), 0, "seen now, and expired");
}

#[tokio::test]
async fn r23_when_memory_is_short_the_oldest_hash_goes_first() {
    let limits = Limits {
        revoked_tokens: 2,
        ..Limits::default()
    };
    let bench = following(|builder| builder.limits(limits));
    let tokens = [1, 2, 3].map(|number| revocable(&claims(number)));
    for token in &tokens {
        bench.diff(&[(&[], &[hash(token)])]);
    }
    assert_eq!(bench.held(), 2);
    let mut codes = Vec::new();
    for token in &tokens {
        codes.push(bench.upload(token).await);
    }
    assert_eq!(
        codes,
        [Code::CREATED, Code::UNAUTHORIZED, Code::UNAUTHORIZED]
    );
}

#[tokio::test]
async fn r24_sequence_number_is_taken_over_before_a_hash_is_dropped() {
    let bench = following(|builder| builder.sequence_storage(VolatileSequence::default()));
    let [lower, revoked, higher] = [1, 2, 3].map(|number| revocable(&numbered(number)));
    bench.full(&[hash(&revoked)]);
    assert_eq!(bench.upload(&revoked).await, Code::UNAUTHORIZED);
    assert_eq!(
        bench.upload(&lower).await,
        Code::CREATED,
        "nothing has expired yet"
    );
    // Seen, and the list says that it has expired: the hash goes, its number stays.
    bench.diff(&[(&[hash(&revoked)], &[])]);
    assert_eq!(bench.held(), 0);
    assert_eq!(bench.upload(&revoked).await, Code::UNAUTHORIZED);
    assert_eq!(bench.upload(&higher).await, Code::CREATED);
}

#[tokio::test]
async fn r23_r24_hashes_survive_a_restart() {
    let storage = Arc::new(VolatileRevocations::default());
    let bench = following(|builder| builder.revocation_storage(storage.clone()));
    let token = revocable(&claims(1));
    bench.full(&[hash(&token)]);
    assert_eq!(storage.load().len(), 1);
    let again = following(|builder| builder.revocation_storage(storage.clone()));
    assert_eq!(again.upload(&token).await, Code::UNAUTHORIZED);
    assert!(storage.load().iter().all(|held| held.seen));
}

#[tokio::test]
async fn r20_a_hash_added_and_removed_in_one_answer_is_held_all_the_same() {
    let bench = following(|builder| builder);
    let token = revocable(&claims(1));
    let hash = hash(&token);
    // Newest first: the removal came after the addition.
    bench.diff(&[(&[hash], &[]), (&[], &[hash])]);
    assert_eq!(bench.held(), 1);
    assert_eq!(bench.upload(&token).await, Code::UNAUTHORIZED);
}

#[tokio::test]
async fn r21_a_newer_token_of_the_same_key_is_not_touched() {
    let bench = following(|builder| builder);
    let old = revocable(&claims(1));
    let mut newer = claims(1);
    newer.iat = Some(motekey_cose::claims::NumericDate::from_seconds(NOW));
    let newer = revocable(&newer);
    assert_eq!(bench.upload(&old).await, Code::CREATED);
    bench.connect(1, &old);
    assert_eq!(bench.upload(&newer).await, Code::CREATED);
    assert_eq!(bench.full(&[hash(&old)]), 0);
    assert_eq!(bench.get(1, "/a").await, Code::CONTENT);
    assert_eq!(bench.full(&[hash(&newer)]), 1);
    assert_eq!(bench.get(1, "/a").await, Code::UNAUTHORIZED);
}

#[tokio::test]
async fn r21_r22_the_second_signature_of_a_token_does_not_save_it() {
    let issuer = CoseKey::p256(&PROVIDER, &[7; 32], None).unwrap();
    let signing = issuer
        .signing_key(&PROVIDER, SignatureAlgorithm::Es256)
        .unwrap();
    let public = issuer.public().unwrap();
    let verifying = public
        .verifying_key(&PROVIDER, SignatureAlgorithm::Es256)
        .unwrap();
    let bench = following(|builder| {
        let own = KeyPair::ed25519(&[9; 32]);
        builder.key_pair(own).trust(TrustedIssuer {
            name: "signs".to_owned(),
            keys: vec![VerificationKey::Signature(verifying)],
        })
    });
    let mut originals = Vec::new();
    for number in [1, 2] {
        let device = CoseKey::ed25519(&PROVIDER, &[number; 32], None).unwrap();
        let claims = ClaimsSet {
            cnf: Some(Confirmation::Key(device.public().unwrap())),
            ..claims(number)
        };
        let protection = ProtectionKey::Sign(&signing);
        originals.push(mint(&claims, &protection, TokenStyle::REVOCABLE).unwrap());
    }
    // One comes as its twin before it is revoked, the other one after.
    let twins: Vec<_> = originals.iter().map(|token| twin(token).unwrap()).collect();
    assert_eq!(bench.upload(&twins[0]).await, Code::CREATED);
    assert_eq!(bench.full(&[hash(&originals[0]), hash(&originals[1])]), 1);
    assert_eq!(bench.server.tokens(), 0);
    for token in originals.iter().chain(&twins) {
        assert_eq!(bench.upload(token).await, Code::UNAUTHORIZED);
    }
}

/// base64url without padding.
fn base64url(bytes: &[u8]) -> String {
    let alphabet: Vec<char> = ('A'..='Z')
        .chain('a'..='z')
        .chain('0'..='9')
        .chain(['-', '_'])
        .collect();
    let bits: Vec<u8> = bytes
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1))
        .collect();
    let digit = |chunk: &[u8]| {
        (0..6).fold(0, |value, at| {
            value << 1 | usize::from(*chunk.get(at).unwrap_or(&0))
        })
    };
    bits.chunks(6).map(|chunk| alphabet[digit(chunk)]).collect()
}
