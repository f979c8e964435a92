//! Minting and verifying tokens, with the primitive alone beside each, over the bytes that the token gives it. Budgets
//! in CPU time: a signed token (EdDSA) at most a quarter above the signature alone, an encrypted one less than
//! 5 microseconds.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark whose keys do not load must stop"
)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ed25519_dalek::{Signer as _, SigningKey as DalekKey};
use motekey_benches::cpu_time::{CpuTime, cpu_time};
use motekey_benches::sample::{AUDIENCE, NOW, claims};
use motekey_cose::crypto::{AeadAlgorithm, CryptoProvider, SignatureAlgorithm, aws_lc, rust};
use motekey_cose::envelope::Envelope;
use motekey_cose::key::CoseKey;
use motekey_cose::token::{
    ProtectionKey, TokenStyle, TrustedIssuers, VerificationKey, mint, verify,
};

const SEED: [u8; 32] = [5; 32];
const NONCE: [u8; 13] = [9; 13];
const PROVIDERS: [&CryptoProvider; 2] = [&rust::PROVIDER, &aws_lc::PROVIDER];
const ISSUER: &str = "coaps://as.example.com";

fn signed(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("RFC 9052 COSE_Sign1, EdDSA");
    let claims = claims(false);
    for provider in PROVIDERS {
        let name = provider.name;
        let key = CoseKey::ed25519(provider, &SEED, Some(b"as")).unwrap();
        let algorithm = SignatureAlgorithm::EdDsa;
        let signing = key.signing_key(provider, algorithm).unwrap();
        let protection = ProtectionKey::Sign(&signing);
        let token = mint(&claims, &protection, TokenStyle::default()).unwrap();
        let to_be_signed = authenticated_bytes(&token);

        let raw = provider.signature.signer(algorithm, &SEED).unwrap();
        group.bench_function(format!("{name}: signature alone"), |bencher| {
            bencher.iter(|| raw.sign(black_box(&to_be_signed)).unwrap());
        });
        group.bench_function(format!("{name}: mint"), |bencher| {
            bencher.iter(|| mint(black_box(&claims), &protection, TokenStyle::default()).unwrap());
        });
        let verifying = key.verifying_key(provider, algorithm).unwrap();
        let issuers = TrustedIssuers::one(ISSUER, vec![VerificationKey::Signature(verifying)]);
        group.bench_function(format!("{name}: verify"), |bencher| {
            bencher
                .iter(|| verify(provider, black_box(&token), &issuers, NOW, &[AUDIENCE]).unwrap());
        });
    }
    group.finish();
}

/// The primitive of the Rust provider without anything around it.
fn dalek(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("RFC 8032 Ed25519, ed25519-dalek");
    let provider = &rust::PROVIDER;
    let key = CoseKey::ed25519(provider, &SEED, Some(b"as")).unwrap();
    let signing = key
        .signing_key(provider, SignatureAlgorithm::EdDsa)
        .unwrap();
    let protection = ProtectionKey::Sign(&signing);
    let token = mint(&claims(false), &protection, TokenStyle::default()).unwrap();
    let to_be_signed = authenticated_bytes(&token);

    let key = DalekKey::from_bytes(&SEED);
    group.bench_function("sign", |bencher| {
        bencher.iter(|| key.sign(black_box(&to_be_signed)));
    });
    let public = key.verifying_key();
    let signature = key.sign(&to_be_signed);
    group.bench_function("verify strictly", |bencher| {
        bencher.iter(|| {
            let message = black_box(&to_be_signed);
            public.verify_strict(message, &signature).unwrap();
        });
    });
    group.finish();
}

fn encrypted(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("RFC 9052 COSE_Encrypt0, AES-CCM-16-64-128");
    let claims = claims(true);
    let message = claims.encode();
    let key = CoseKey::symmetric(&[4; 16], Some(b"rs"));
    let algorithm = AeadAlgorithm::AesCcm16_64_128;
    for provider in PROVIDERS {
        let name = provider.name;
        let encryption = key.encryption_key(provider, algorithm).unwrap();
        let protection = ProtectionKey::Encrypt {
            key: &encryption,
            nonce: &NONCE,
        };
        let token = mint(&claims, &protection, TokenStyle::default()).unwrap();
        let additional = authenticated_bytes(&token);

        let raw = provider.aead.key(algorithm, &[4; 16]).unwrap();
        group.bench_function(format!("{name}: encryption alone"), |bencher| {
            let mut buffer = Vec::with_capacity(message.len() + algorithm.tag_length());
            bencher.iter(|| {
                buffer.clear();
                buffer.extend_from_slice(black_box(&message));
                raw.seal(&NONCE, &additional, &mut buffer).unwrap();
            });
        });
        group.bench_function(format!("{name}: mint"), |bencher| {
            bencher.iter(|| mint(black_box(&claims), &protection, TokenStyle::default()).unwrap());
        });
        let decryption = key.decryption_key(provider, algorithm).unwrap();
        let issuers = TrustedIssuers::one(ISSUER, vec![VerificationKey::Decryption(decryption)]);
        group.bench_function(format!("{name}: verify"), |bencher| {
            bencher
                .iter(|| verify(provider, black_box(&token), &issuers, NOW, &[AUDIENCE]).unwrap());
        });
    }
    group.finish();
}

/// What the primitive authenticates of a token.
fn authenticated_bytes(token: &[u8]) -> Vec<u8> {
    Envelope::parse(token).unwrap().authenticated_bytes(&[])
}

criterion_group! {
    name = token;
    config = cpu_time();
    targets = signed, dalek, encrypted
}
criterion_main!(token);
