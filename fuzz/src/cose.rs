//! Targets for the CBOR formats.

use motekey_cose::cbor::{self, Kind, Limits, Value};
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::key::CoseKey;
use motekey_cose::scope::{Aif, Permission};

/// Items that the walk of [`cbor`] visits at most: an array of 64 KiB has no more.
const MAX_ITEMS: usize = 1 << 16;

/// What the pre-pass lets through can be walked to its end, and every item keeps inside the bytes.
pub fn cbor(data: &[u8]) {
    let limits = Limits::default();
    let checked = cbor::check(data, limits);
    let value = Value::parse(data, limits);
    assert_eq!(
        checked.is_ok(),
        value.is_ok(),
        "pre-pass and reader disagree"
    );
    let Ok(value) = value else { return };
    let mut open = vec![value];
    let mut items = 0;
    while let Some(value) = open.pop() {
        items += 1;
        assert!(items <= MAX_ITEMS, "more items than bytes");
        match value.kind() {
            Kind::Array => {
                let Ok(mut elements) = value.array() else {
                    continue;
                };
                while let Ok(Some(element)) = elements.next_element() {
                    open.push(element);
                }
            }
            Kind::Map => {
                let Ok(mut members) = value.map(&[]) else {
                    continue;
                };
                while let Ok(Some((_, member))) = members.next_member() {
                    open.push(member);
                }
            }
            _ => {
                let _ = (value.text(), value.bytes(), value.integer(), value.number());
                let _ = (value.unsigned(), value.boolean(), value.is_null());
            }
        }
    }
}

/// A scope that was read is written to bytes that read as the same scope; the set operations keep their laws.
pub fn scope_aif(data: &[u8]) {
    let Ok(scope) = Aif::decode(data) else { return };
    assert_eq!(
        Aif::decode(&scope.encode()).as_ref(),
        Ok(&scope),
        "round trip"
    );
    let understood = scope.understood();
    assert!(
        understood.is_subset_of(&scope),
        "understanding grants nothing"
    );
    assert_eq!(scope.union(&scope), scope, "union with itself");
    assert!(
        scope.intersection(&understood).is_subset_of(&scope),
        "an intersection grants nothing"
    );
    for (path, methods) in understood.iter() {
        for method in methods.iter() {
            let permission = understood.permits(path, method);
            assert_eq!(
                permission,
                scope.permits(path, method),
                "bits without a meaning change nothing"
            );
            assert_ne!(
                permission,
                Permission::MethodNotCovered,
                "a listed method is covered"
            );
        }
    }
}

/// A key that was read is written to bytes that read as the same key, and its public form holds no secret.
pub fn cose_key(data: &[u8]) {
    let Ok(key) = CoseKey::from_cbor(data) else {
        return;
    };
    let written = key.to_cbor();
    assert!(
        CoseKey::from_cbor(&written).is_ok_and(|again| again == key),
        "round trip"
    );
    let on_curve = key.check_point(&PROVIDER).is_ok();
    if let Some(public) = key.to_cbor_public() {
        let public = CoseKey::from_cbor(&public);
        assert!(
            public.is_ok_and(|public| !public.has_secret()),
            "the public form is a public key"
        );
    } else {
        assert!(
            key.is_symmetric() || !on_curve,
            "only a symmetric key has no public form"
        );
    }
}
