//! Reading and writing messages, without cryptography. Budget: a token request read and its response written in less
//! than 5 microseconds of CPU time.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark whose input does not read must stop"
)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use motekey_benches::cpu_time::{CpuTime, cpu_time};
use motekey_benches::sample;
use motekey_coap::message::{ContentFormat, Kind, Message, Request, Token};
use motekey_cose::claims::ClaimsSet;
use motekey_cose::confirmation::Confirmation;
use motekey_cose::key::CoseKey;
use motekey_cose::message::{ProfileRequest, TokenRequest, TokenResponse};
use motekey_cose::scope::{Aif, Method, Scope};

fn token_request() -> TokenRequest {
    TokenRequest {
        audience: Some("gateway".into()),
        scope: Some(Scope::Binary(sample::scope().encode())),
        ace_profile: Some(ProfileRequest::Ask),
        cnonce: Some(vec![7; 8]),
        ..TokenRequest::default()
    }
}

fn token_response() -> TokenResponse {
    TokenResponse {
        access_token: vec![0xd0; 180],
        expires_in: Some(3600),
        cnf: Some(Confirmation::Key(CoseKey::symmetric(
            &[1; 16],
            Some(&[2; 8]),
        ))),
        ace_profile: Some(1),
        ..TokenResponse::default()
    }
}

fn token_endpoint(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("RFC 9200 token endpoint messages");
    let request = token_request().encode();
    let response = token_response();
    group.bench_function("read request", |bencher| {
        bencher.iter(|| TokenRequest::decode(black_box(&request)).unwrap());
    });
    group.bench_function("write response", |bencher| {
        bencher.iter(|| black_box(&response).encode());
    });
    group.bench_function("read request and write response", |bencher| {
        bencher.iter(|| {
            let request = TokenRequest::decode(black_box(&request)).unwrap();
            (request, black_box(&response).encode())
        });
    });
    let encoded = response.encode();
    group.bench_function("read response", |bencher| {
        bencher.iter(|| TokenResponse::decode(black_box(&encoded)).unwrap());
    });
    group.finish();
}

fn claims(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("RFC 8392 claims");
    for (secret, confirmation) in [(false, "kid"), (true, "COSE_Key")] {
        let claims = sample::claims(secret);
        group.bench_function(format!("write, cnf with {confirmation}"), |bencher| {
            bencher.iter(|| black_box(&claims).encode());
        });
        let encoded = claims.encode();
        group.bench_function(format!("read, cnf with {confirmation}"), |bencher| {
            bencher.iter(|| ClaimsSet::decode(black_box(&encoded)).unwrap());
        });
    }
    group.finish();
}

fn scope(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("RFC 9237 scope");
    let scope = sample::scope().encode();
    group.bench_function("read and look up", |bencher| {
        bencher.iter(|| {
            let scope = Aif::decode(black_box(&scope)).unwrap();
            scope.permits("/clock", Method::Get)
        });
    });
    group.finish();
}

fn coap(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("RFC 7252 message");
    let request = Request::post("/token").with_payload(ContentFormat(19), token_request().encode());
    let message = Message {
        kind: Kind::Confirmable,
        code: request.method,
        id: 0x1234,
        token: Token::from_counter(1),
        options: request.options,
        payload: request.payload,
    };
    let datagram = message.encode();
    group.bench_function("write", |bencher| {
        bencher.iter(|| black_box(&message).encode());
    });
    group.bench_function("read", |bencher| {
        bencher.iter(|| Message::decode(black_box(&datagram), 1152).unwrap());
    });
    group.finish();
}

criterion_group! {
    name = codec;
    config = cpu_time();
    targets = token_endpoint, claims, scope, coap
}
criterion_main!(codec);
