//! The tokens: every algorithm in every form of tags and headers, with every kind of proof-of-possession key.

use motekey_cose::claims::{Audience, ClaimsSet, NumericDate};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::crypto::{AeadAlgorithm, MacAlgorithm, SignatureAlgorithm};
use motekey_cose::envelope::{Algorithm, HeaderPlacement, seal_key};
use motekey_cose::key::CoseKey;
use motekey_cose::scope::{Aif, Method, MethodSet, Scope};
use motekey_cose::token::{
    Protection, ProtectionKey, TokenStyle, TokenTags, TrustedIssuers, VerificationKey, mint,
};

pub(crate) const AUDIENCE: &str = "gateway";
pub(crate) const ISSUER: &str = "as";
/// After this test was written: python-cwt looks at the clock.
const EXPIRY: i64 = 4_102_444_800;
/// Our time.
pub(crate) const NOW: i64 = 1_800_000_000;
pub(crate) const NONCE: [u8; 13] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13];
/// For the key inside of a token, under the same key as the token.
const OTHER_NONCE: [u8; 13] = [0xff; 13];

/// A token to be.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) algorithm: Algorithm,
    /// The key of the algorithm; for a nested token, the key of the signature after it. With `alg` and `kid`.
    pub(crate) keys: Vec<CoseKey>,
    pub(crate) claims: ClaimsSet,
    pub(crate) proof: Option<CoseKey>,
    pub(crate) tags: TokenTags,
    pub(crate) headers: HeaderPlacement,
}

const SIGNATURES: [SignatureAlgorithm; 2] = [SignatureAlgorithm::EdDsa, SignatureAlgorithm::Es256];
const MACS: [MacAlgorithm; 2] = [MacAlgorithm::Hmac256_64, MacAlgorithm::Hmac256_256];

pub(crate) fn cases() -> Vec<Case> {
    let signatures = SIGNATURES.map(Algorithm::Signature);
    let macs = MACS.map(Algorithm::Mac);
    let aeads = AeadAlgorithm::ALL.map(Algorithm::Aead);
    let mut all = Vec::new();
    for algorithm in signatures.into_iter().chain(macs).chain(aeads) {
        let key = key(algorithm);
        for (what, confirmation, proof) in confirmations(algorithm, &key) {
            for tags in [TokenTags::None, TokenTags::Cose, TokenTags::CwtAndCose] {
                for headers in [HeaderPlacement::Protected, HeaderPlacement::Unprotected] {
                    all.push(Case {
                        name: format!("{algorithm:?}, {what}, {tags:?}, kid {headers:?}"),
                        algorithm,
                        keys: vec![key.clone()],
                        claims: claims(confirmation.clone()),
                        proof: proof.clone(),
                        tags,
                        headers,
                    });
                }
            }
        }
    }
    for headers in [HeaderPlacement::Protected, HeaderPlacement::Unprotected] {
        all.extend(SIGNATURES.map(|signature| nested(signature, headers)));
    }
    all
}

/// Signed, then encrypted (RFC 8392 Section 7.1).
fn nested(signature: SignatureAlgorithm, headers: HeaderPlacement) -> Case {
    let algorithm = Algorithm::Aead(AeadAlgorithm::AesCcm16_64_128);
    let proof = CoseKey::symmetric(&[0x5a; 16], Some(b"pop"));
    Case {
        name: format!("{signature:?} in {algorithm:?}, {headers:?}"),
        algorithm,
        keys: vec![key(algorithm), key(Algorithm::Signature(signature))],
        claims: claims(Some(Confirmation::Key(proof.clone()))),
        proof: Some(proof),
        tags: TokenTags::CwtAndCose,
        headers,
    }
}

fn key(algorithm: Algorithm) -> CoseKey {
    let secret = [0x31; 32];
    let mut key = match algorithm {
        Algorithm::Signature(SignatureAlgorithm::EdDsa) => {
            CoseKey::ed25519(&PROVIDER, &secret, Some(b"ed")).unwrap()
        }
        Algorithm::Signature(_) => CoseKey::p256(&PROVIDER, &secret, Some(b"p256")).unwrap(),
        Algorithm::Mac(mac) => CoseKey::symmetric(&secret[..mac.key_length()], Some(b"mac")),
        Algorithm::Aead(aead) => CoseKey::symmetric(&secret[..aead.key_length()], Some(b"aead")),
    };
    key.attributes_mut().alg = Some(algorithm.to_cose());
    key
}

type Proof = (&'static str, Option<Confirmation>, Option<CoseKey>);

/// Keys in the claim `cnf`; symmetric ones in clear only where the token is encrypted, and encrypted ones only where
/// the key of the token can encrypt.
fn confirmations(algorithm: Algorithm, key: &CoseKey) -> Vec<Proof> {
    let p256 = CoseKey::p256(&PROVIDER, &[2; 32], Some(b"p")).unwrap();
    let ed25519 = CoseKey::ed25519(&PROVIDER, &[2; 32], Some(b"e")).unwrap();
    let mut all = vec![("no cnf", None, None)];
    for (name, pair) in [("P-256", p256), ("Ed25519", ed25519)] {
        let public = pair.public().unwrap();
        all.push((name, Some(Confirmation::Key(public.clone())), Some(public)));
    }
    all.push(("kid", Some(Confirmation::KeyId(b"k".to_vec())), None));
    if let Algorithm::Aead(aead) = algorithm {
        let pop = CoseKey::symmetric(&[0x5a; 16], Some(b"pop"));
        all.push((
            "symmetric",
            Some(Confirmation::Key(pop.clone())),
            Some(pop.clone()),
        ));
        let key = key.encryption_key(&PROVIDER, aead).unwrap();
        let nonce = &OTHER_NONCE[..aead.nonce_length()];
        let sealed = seal_key(&pop, &key, nonce, HeaderPlacement::Unprotected).unwrap();
        let sealed = Confirmation::Encrypted(sealed);
        all.push(("Encrypted_COSE_Key", Some(sealed), Some(pop)));
    }
    all
}

fn claims(cnf: Option<Confirmation>) -> ClaimsSet {
    let methods = MethodSet::EMPTY.with(Method::Get).with(Method::Post);
    ClaimsSet {
        iss: Some(ISSUER.to_owned()),
        sub: Some("meter-1".to_owned()),
        aud: Some(Audience::One(AUDIENCE.to_owned())),
        exp: Some(NumericDate::from_seconds(EXPIRY)),
        nbf: Some(NumericDate::from_seconds(1_700_000_000)),
        iat: Some(NumericDate::from_seconds(1_700_000_000)),
        cti: Some(vec![1, 2]),
        cnf,
        scope: Some(Scope::from(&Aif::new([("/readings", methods)]))),
        ace_profile: Some(1),
        cnonce: Some(vec![3; 8]),
        exi: Some(60),
    }
}

impl Case {
    /// Our token.
    pub(crate) fn token(&self) -> Vec<u8> {
        let style = TokenStyle {
            tags: self.tags,
            headers: self.headers,
        };
        let nonce = &NONCE[..self.nonce_length()];
        let outer = &self.keys[0];
        let token = match (self.algorithm, self.keys.get(1)) {
            (Algorithm::Signature(algorithm), _) => {
                let key = outer.signing_key(&PROVIDER, algorithm).unwrap();
                mint(&self.claims, &ProtectionKey::Sign(&key), style)
            }
            (Algorithm::Mac(algorithm), _) => {
                let key = outer.mac_creation_key(&PROVIDER, algorithm).unwrap();
                mint(&self.claims, &ProtectionKey::Mac(&key), style)
            }
            (Algorithm::Aead(algorithm), None) => {
                let key = &outer.encryption_key(&PROVIDER, algorithm).unwrap();
                mint(&self.claims, &ProtectionKey::Encrypt { key, nonce }, style)
            }
            (Algorithm::Aead(algorithm), Some(inner)) => {
                let encryption = &outer.encryption_key(&PROVIDER, algorithm).unwrap();
                let signing = &inner.signing_key(&PROVIDER, signature_of(inner)).unwrap();
                let protection = ProtectionKey::SignAndEncrypt {
                    signing,
                    encryption,
                    nonce,
                };
                mint(&self.claims, &protection, style)
            }
        };
        token.unwrap()
    }

    /// Who is believed.
    pub(crate) fn issuers(&self) -> TrustedIssuers {
        let verification = |key: &CoseKey| match Algorithm::from_cose(key.attributes().alg.unwrap())
        {
            Some(Algorithm::Signature(algorithm)) => {
                VerificationKey::Signature(key.verifying_key(&PROVIDER, algorithm).unwrap())
            }
            Some(Algorithm::Mac(algorithm)) => {
                VerificationKey::Mac(key.mac_verification_key(&PROVIDER, algorithm).unwrap())
            }
            Some(Algorithm::Aead(algorithm)) => {
                VerificationKey::Decryption(key.decryption_key(&PROVIDER, algorithm).unwrap())
            }
            None => panic!("a key without an algorithm"),
        };
        TrustedIssuers::one(ISSUER, self.keys.iter().map(verification).collect())
    }

    pub(crate) fn protection(&self) -> Protection {
        match (self.algorithm, self.keys.len()) {
            (Algorithm::Signature(_), _) => Protection::Signed,
            (Algorithm::Mac(_), _) => Protection::Maced,
            (Algorithm::Aead(_), 1) => Protection::Encrypted,
            (Algorithm::Aead(_), _) => Protection::SignedAndEncrypted,
        }
    }

    pub(crate) fn nonce_length(&self) -> usize {
        match self.algorithm {
            Algorithm::Aead(algorithm) => algorithm.nonce_length(),
            _ => 0,
        }
    }
}

fn signature_of(key: &CoseKey) -> SignatureAlgorithm {
    match key {
        CoseKey::Okp(_) => SignatureAlgorithm::EdDsa,
        _ => SignatureAlgorithm::Es256,
    }
}
