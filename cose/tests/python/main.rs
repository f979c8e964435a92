//! Tokens against two other implementations, python-cwt and pycose: they open ours and we open theirs. `peer.py` calls
//! them, in the environment that `scripts/test tools` makes from `requirements.txt`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests may panic, that is how they fail; and these print what they left out"
)]

mod cases;
mod peer;

use std::collections::BTreeMap;

use motekey_cose::claims::{ClaimsSet, NumericDate};
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::envelope::{Algorithm, HeaderPlacement};
use motekey_cose::key::CoseKey;
use motekey_cose::token::{TokenTags, verify};

use cases::{AUDIENCE, Case, NOW, cases};
use peer::{Action, Answer, LIBRARIES, Library, Peer, Task};

/// What a library cannot do, and why. Everything else it does.
fn left_out(library: Library, action: Action, case: &Case) -> Option<&'static str> {
    let aead = matches!(case.algorithm, Algorithm::Aead(_));
    match (library, action) {
        (_, Action::Make) if case.headers == HeaderPlacement::Protected => {
            Some("where its kid and IV go is the choice of the library")
        }
        (Library::Cwt, _) if case.tags == TokenTags::None => {
            Some("python-cwt takes and makes only tokens with the tag of the COSE structure")
        }
        (Library::Cwt, Action::Open) if aead && case.headers == HeaderPlacement::Protected => {
            Some("python-cwt looks for the IV in the unprotected header only")
        }
        _ => None,
    }
}

/// The cases that a library can do; says which it cannot.
fn possible(library: Library, action: Action) -> Vec<Case> {
    let mut reasons = BTreeMap::new();
    let mut possible = Vec::new();
    for case in cases() {
        match left_out(library, action, &case) {
            Some(reason) => *reasons.entry(reason).or_insert(0) += 1,
            None => possible.push(case),
        }
    }
    println!("{library:?}: {action:?} {} tokens", possible.len());
    for (reason, count) in reasons {
        println!("{library:?}: {action:?} skipped {count}: {reason}");
    }
    possible
}

#[test]
fn python_opens_our_tokens() {
    let Some(peer) = Peer::find() else { return };
    for library in LIBRARIES {
        let possible = possible(library, Action::Open);
        let tasks = possible
            .iter()
            .map(|case| Task::open(library, &case.keys, &case.token()));
        let answers = peer.ask(&tasks.collect::<Vec<_>>());
        for (case, answer) in possible.iter().zip(answers) {
            let Answer::Opened { claims, key } = answer else {
                panic!("{library:?}, {}: {answer:?}", case.name)
            };
            let claims = ClaimsSet::decode(&claims).unwrap();
            assert_eq!(claims, case.claims, "{library:?}, {}", case.name);
            // The key of the claim cnf as the library understands it.
            let key = key.map(|key| CoseKey::from_cbor(&key).unwrap());
            let proof = case.proof.as_ref();
            assert_eq!(key.is_some(), proof.is_some(), "{}", case.name);
            if let (Some(key), Some(proof)) = (key, proof) {
                assert!(same(&key, proof), "{library:?}, {}: {key:?}", case.name);
            }
        }
    }
}

#[test]
fn python_refuses_our_tokens_when_a_bit_is_changed() {
    let Some(peer) = Peer::find() else { return };
    for library in LIBRARIES {
        let possible = possible(library, Action::Open);
        let damaged = |case: &Case| {
            let mut token = case.token();
            *token.last_mut().unwrap() ^= 1;
            Task::open(library, &case.keys, &token)
        };
        let tasks: Vec<_> = possible.iter().map(damaged).collect();
        for (case, answer) in possible.iter().zip(peer.ask(&tasks)) {
            let refused = matches!(answer, Answer::Refused(_));
            assert!(refused, "{library:?}, {}: {answer:?}", case.name);
        }
    }
}

#[test]
fn we_open_the_tokens_of_python() {
    let Some(peer) = Peer::find() else { return };
    for library in LIBRARIES {
        let possible = possible(library, Action::Make);
        let tasks: Vec<_> = possible
            .iter()
            .map(|case| Task::make(library, case))
            .collect();
        for (case, answer) in possible.iter().zip(peer.ask(&tasks)) {
            let Answer::Made(token) = answer else {
                panic!("{library:?}, {}: {answer:?}", case.name)
            };
            let issuers = case.issuers();
            let now = NumericDate::from_seconds(NOW);
            let verified = verify(&PROVIDER, &token, &issuers, now, &[AUDIENCE]);
            let verified =
                verified.unwrap_or_else(|error| panic!("{library:?}, {}: {error}", case.name));
            assert_eq!(verified.claims(), &case.claims, "{}", case.name);
            assert_eq!(verified.protection(), case.protection(), "{}", case.name);
            let proof = verified.proof_key();
            assert_eq!(proof.is_some(), case.proof.is_some(), "{}", case.name);
            if let (Some(key), Some(proof)) = (proof, &case.proof) {
                assert!(same(key, proof), "{library:?}, {}: {key:?}", case.name);
            }
            // The check does look at it.
            let mut damaged = token.clone();
            *damaged.last_mut().unwrap() ^= 1;
            let refused = verify(&PROVIDER, &damaged, &issuers, now, &[AUDIENCE]);
            assert!(refused.is_err(), "{library:?}, {}", case.name);
        }
    }
}

/// Equal key values and identifiers; libraries add what a key may be used for.
fn same(one: &CoseKey, other: &CoseKey) -> bool {
    let plain = |key: &CoseKey| {
        let mut key = key.clone();
        let attributes = key.attributes_mut();
        attributes.alg = None;
        attributes.key_ops = None;
        key.to_cbor()
    };
    plain(one) == plain(other)
}
