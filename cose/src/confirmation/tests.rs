use alloc::format;
use alloc::string::ToString;
use alloc::vec;

use super::*;

const KEY: &[u8] = &[0xa2, 1, 4, 0x20, 0x43, 9, 9, 9];

fn map(members: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![0xa0 + members.len() as u8];
    members
        .iter()
        .for_each(|member| bytes.extend_from_slice(member));
    bytes
}

fn key_member() -> Vec<u8> {
    [&[1], KEY].concat()
}

#[test]
fn p10_members_that_are_not_understood_are_ignored() {
    let wanted = Confirmation::Key(CoseKey::symmetric(&[9, 9, 9], None));
    let strangers: [&[u8]; 3] = [&[0x18, 99, 0], &[0x61, b'x', 0x80], &[4, 0xa0]];
    for stranger in strangers {
        let before = map(&[stranger, &key_member()]);
        let behind = map(&[&key_member(), stranger]);
        assert_eq!(
            Confirmation::decode(&before).as_ref(),
            Ok(&wanted),
            "{stranger:02x?}"
        );
        assert_eq!(
            Confirmation::decode(&behind).as_ref(),
            Ok(&wanted),
            "{stranger:02x?}"
        );
    }
}

#[test]
fn p10_a_confirmation_without_anything_usable_is_refused() {
    let cases: &[(&str, &[u8], &str)] = &[
        (
            "empty",
            &[0xa0],
            "no COSE_Key (1), Encrypted_COSE_Key (2), kid (3), x5t (6) or x5chain (24)",
        ),
        (
            "only unknown",
            &[0xa1, 0x18, 99, 0],
            "no COSE_Key (1), Encrypted_COSE_Key (2), kid (3), x5t (6) or x5chain (24)",
        ),
        ("no map", &[0x41, 1], "got a byte string, wanted a map"),
        (
            "key that is bytes",
            &[0xa1, 1, 0x40],
            "COSE_Key (1): got a byte string, wanted a map",
        ),
        (
            "kid that is text",
            &[0xa1, 3, 0x60],
            "kid (3): got a text string, wanted a byte string",
        ),
        (
            "encrypted that is bytes",
            &[0xa1, 2, 0x40],
            "Encrypted_COSE_Key (2): got a byte string, wanted a COSE_Encrypt0 or COSE_Encrypt",
        ),
    ];
    for (name, bytes, wanted) in cases {
        assert_eq!(
            Confirmation::decode(bytes).unwrap_err().to_string(),
            *wanted,
            "{name}"
        );
    }
}

#[test]
fn p11_more_than_one_key_is_refused() {
    let encrypted: &[u8] = &[2, 0x83, 0x40, 0xa0, 0x40];
    let kid: &[u8] = &[3, 0x41, 7];
    let hash: &[u8] = &[6, 0x82, 0x2e, 0x48, 1, 2, 3, 4, 5, 6, 7, 8];
    let chain: &[u8] = &[0x18, 24, 0x41, 7];
    let key = key_member();
    for members in [
        [&key, hash],
        [hash, chain],
        [kid, chain],
        [&key, encrypted],
        [encrypted, &key],
        [&key, kid],
        [encrypted, kid],
    ] {
        let bytes = map(&members);
        assert_eq!(
            Confirmation::decode(&bytes),
            Err(ConfirmationError::SeveralKeys),
            "{bytes:02x?}"
        );
    }
    for member in [key.as_slice(), encrypted, kid, hash, chain] {
        let bytes = map(&[member]);
        assert_eq!(Confirmation::decode(&bytes).unwrap().encode(), bytes);
    }
}

#[test]
fn p12_a_key_without_a_member_that_its_type_needs_is_refused() {
    let cases: &[(&str, &[u8])] = &[
        ("EC2 without y", &[0xa3, 1, 2, 0x20, 1, 0x21, 0x58, 32]),
        ("OKP without x", &[0xa2, 1, 1, 0x20, 6]),
        ("symmetric without k and kid", &[0xa1, 1, 4]),
        ("no kty", &[0xa1, 0x20, 0x41, 0]),
    ];
    for (name, key) in cases {
        let mut key = key.to_vec();
        if key.ends_with(&[0x58, 32]) {
            key.extend([5; 32]);
        }
        let bytes = map(&[&[&[1], key.as_slice()].concat()]);
        assert!(
            matches!(Confirmation::decode(&bytes), Err(ConfirmationError::Key(_))),
            "{name}"
        );
    }
}

#[test]
fn a_symmetric_key_in_clear_is_told_from_its_name() {
    let value = Confirmation::Key(CoseKey::symmetric(&[200; 16], Some(b"kid")));
    let name = Confirmation::Key(CoseKey::symmetric_name(b"kid"));
    let reference = Confirmation::KeyId(b"kid".to_vec());
    assert!(value.has_symmetric_value());
    assert!(!name.has_symmetric_value() && !reference.has_symmetric_value());
    for confirmation in [&value, &name, &reference] {
        assert_eq!(confirmation.kid(), Some(b"kid".as_slice()));
    }
    assert_eq!(Confirmation::Encrypted(vec![0x80]).kid(), None);
    assert!(!format!("{value:?}").contains("200"), "{value:?}");
}

#[test]
fn x03_the_certificate_that_is_meant_is_the_end_entity() {
    let provider = crate::crypto::rust::PROVIDER;
    let hash = CertificateHash::of_certificate(&provider, b"leaf");
    for chain in [
        vec![b"leaf".to_vec()],
        vec![b"leaf".to_vec(), b"authority".to_vec()],
    ] {
        let by_value = Confirmation::CertificateChain(chain);
        let again = Confirmation::decode(&by_value.encode()).unwrap();
        assert_eq!(again, by_value);
        assert_eq!(again.certificate(&provider), Some(hash));
    }
    for hash in [hash, hash.truncated()] {
        let by_hash = Confirmation::CertificateHash(hash);
        let again = Confirmation::decode(&by_hash.encode()).unwrap();
        assert_eq!(again.certificate(&provider), Some(hash));
        assert!(hash.is_of(&provider, b"leaf") && !hash.is_of(&provider, b"authority"));
        assert_eq!(CertificateHash::from_bytes(hash.as_bytes()), Some(hash));
    }
    assert!(hash.agrees_with(&hash.truncated()) && hash.truncated().agrees_with(&hash));
    assert_eq!(CertificateHash::from_bytes(&[1; 9]), None);
}

#[test]
fn x03_a_certificate_that_cannot_be_read_is_refused() {
    let cases: &[(&str, &[u8], &str)] = &[
        (
            "no array",
            &[6, 0x41, 1],
            "x5t (6): got a byte string, wanted an array",
        ),
        (
            "no hash",
            &[6, 0x81, 0x2e],
            "x5t (6): got an array, wanted an array of hash algorithm and hash",
        ),
        (
            "three elements",
            &[6, 0x83, 0x2e, 0x40, 0],
            "x5t (6): got an array, wanted an array of hash algorithm and hash",
        ),
        (
            "hash that is text",
            &[6, 0x82, 0x2e, 0x60],
            "x5t (6): got a text string, wanted a byte string",
        ),
        (
            "SHA-1",
            &[6, 0x82, 0x2d, 0x40],
            "x5t (6): a hash by another algorithm than SHA-256",
        ),
        (
            "algorithm by name",
            &[6, 0x82, 0x61, b'x', 0x40],
            "x5t (6): a hash by another algorithm than SHA-256",
        ),
        (
            "short",
            &[6, 0x82, 0x2f, 0x48, 1, 2, 3, 4, 5, 6, 7, 8],
            "x5t (6): the hash has not the length of its algorithm",
        ),
        (
            "no certificate",
            &[0x18, 24, 0x80],
            "x5chain (24): wanted one certificate, or an array of 2 to 8",
        ),
        (
            "empty certificate",
            &[0x18, 24, 0x40],
            "x5chain (24): wanted one certificate, or an array of 2 to 8",
        ),
        (
            "one in an array",
            &[0x18, 24, 0x81, 0x41, 1],
            "x5chain (24): wanted one certificate, or an array of 2 to 8",
        ),
        (
            "nine",
            &[
                0x18, 24, 0x89, 0x41, 1, 0x41, 1, 0x41, 1, 0x41, 1, 0x41, 1, 0x41, 1, 0x41, 1,
                0x41, 1, 0x41, 1,
            ],
            "x5chain (24): wanted one certificate, or an array of 2 to 8",
        ),
        (
            "certificate that is text",
            &[0x18, 24, 0x82, 0x41, 1, 0x61, b'x'],
            "x5chain (24): got a text string, wanted a byte string",
        ),
    ];
    for (name, member, wanted) in cases {
        let error = Confirmation::decode(&map(&[member])).unwrap_err();
        assert_eq!(error.to_string(), *wanted, "{name}");
    }
}

#[test]
fn c13_a_certificate_by_location_is_no_key() {
    // x5u (7), and x5bag (25): neither is fetched nor chosen from.
    let uri: &[u8] = &[7, 0x65, b'h', b't', b't', b'p', b':'];
    let bag: &[u8] = &[0x18, 25, 0x41, 1];
    for member in [uri, bag] {
        let refused = Confirmation::decode(&map(&[member]));
        assert_eq!(refused, Err(ConfirmationError::NoKey), "{member:02x?}");
    }
}
