//! Minting and verifying tokens, with the raw primitive beside each. Budgets: a signed token (EdDSA) at most a quarter
//! above the raw signature, an encrypted one less than 5 microseconds.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark whose keys do not load must stop"
)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ed25519_dalek::{Signer as _, SigningKey as DalekKey};
use motekey_benches::sample::{AUDIENCE, NOW, claims};
use motekey_cose::crypto::{AeadAlgorithm, CryptoProvider, SignatureAlgorithm, aws_lc, rust};
use motekey_cose::key::CoseKey;
use motekey_cose::token::{
    ProtectionKey, TokenStyle, TrustedIssuers, VerificationKey, mint, verify,
};

const SEED: [u8; 32] = [5; 32];
const NONCE: [u8; 13] = [9; 13];
const PROVIDERS: [&CryptoProvider; 2] = [&rust::PROVIDER, &aws_lc::PROVIDER];
const ISSUER: &str = "coaps://as.example.com";

fn signed(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("token, Sign1 EdDSA");
    let claims = claims(false);
    let message = claims.encode();
    for provider in PROVIDERS {
        let raw = provider
            .signature
            .signer(SignatureAlgorithm::EdDsa, &SEED)
            .unwrap();
        group.bench_function(format!("{}: signature alone", provider.name), |bencher| {
            bencher.iter(|| raw.sign(black_box(&message)).unwrap());
        });
        let key = CoseKey::ed25519(provider, &SEED, Some(b"as")).unwrap();
        let signing = key
            .signing_key(provider, SignatureAlgorithm::EdDsa)
            .unwrap();
        let protection = ProtectionKey::Sign(&signing);
        group.bench_function(format!("{}: mint", provider.name), |bencher| {
            bencher.iter(|| mint(black_box(&claims), &protection, TokenStyle::default()).unwrap());
        });
        let token = mint(&claims, &protection, TokenStyle::default()).unwrap();
        let verifying = key
            .verifying_key(provider, SignatureAlgorithm::EdDsa)
            .unwrap();
        let issuers = TrustedIssuers::one(ISSUER, vec![VerificationKey::Signature(verifying)]);
        group.bench_function(format!("{}: verify", provider.name), |bencher| {
            bencher
                .iter(|| verify(provider, black_box(&token), &issuers, NOW, &[AUDIENCE]).unwrap());
        });
    }
    let dalek = DalekKey::from_bytes(&SEED);
    group.bench_function("ed25519-dalek itself: signature", |bencher| {
        bencher.iter(|| dalek.sign(black_box(&message)));
    });
    let public = dalek.verifying_key();
    let signature = dalek.sign(&message);
    group.bench_function("ed25519-dalek itself: verification", |bencher| {
        bencher.iter(|| {
            public
                .verify_strict(black_box(&message), &signature)
                .unwrap()
        });
    });
    group.finish();
}

fn encrypted(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("token, Encrypt0 AES-CCM-16-64-128");
    let claims = claims(true);
    let message = claims.encode();
    let key = CoseKey::symmetric(&[4; 16], Some(b"rs"));
    let algorithm = AeadAlgorithm::AesCcm16_64_128;
    for provider in PROVIDERS {
        let raw = provider.aead.key(algorithm, &[4; 16]).unwrap();
        group.bench_function(format!("{}: encryption alone", provider.name), |bencher| {
            bencher.iter(|| {
                let mut buffer = black_box(&message).clone();
                raw.seal(&NONCE, &[], &mut buffer).unwrap();
                buffer
            });
        });
        let encryption = key.encryption_key(provider, algorithm).unwrap();
        let protection = ProtectionKey::Encrypt {
            key: &encryption,
            nonce: &NONCE,
        };
        group.bench_function(format!("{}: mint", provider.name), |bencher| {
            bencher.iter(|| mint(black_box(&claims), &protection, TokenStyle::default()).unwrap());
        });
        let token = mint(&claims, &protection, TokenStyle::default()).unwrap();
        let decryption = key.decryption_key(provider, algorithm).unwrap();
        let issuers = TrustedIssuers::one(ISSUER, vec![VerificationKey::Decryption(decryption)]);
        group.bench_function(format!("{}: verify", provider.name), |bencher| {
            bencher
                .iter(|| verify(provider, black_box(&token), &issuers, NOW, &[AUDIENCE]).unwrap());
        });
    }
    group.finish();
}

criterion_group!(token, signed, encrypted);
criterion_main!(token);
