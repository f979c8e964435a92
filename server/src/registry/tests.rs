use motekey_coap::dtls::PreSharedKey;
use motekey_cose::key::{CoseKey, Ec2Key, YCoordinate};

use super::*;

fn key(number: u8) -> PreSharedKey {
    PreSharedKey::new(
        (0..16u8)
            .map(|index| index.wrapping_mul(index).wrapping_add(number))
            .collect(),
    )
}

fn device(name: &str, number: u8) -> Device {
    Device::with_pre_shared_key(name, name.as_bytes(), key(number))
}

fn resource_server(name: &str, number: u8) -> ResourceServerRecord {
    ResourceServerRecord::new(name, SharedKey::new(key(number)))
}

/// The generator of P-256 with either sign of y: two different public keys of one algorithm.
fn p256(odd: bool) -> CoseKey {
    let x = [
        0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40,
        0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98,
        0xc2, 0x96,
    ];
    CoseKey::Ec2(Ec2Key {
        attributes: Default::default(),
        x,
        y: YCoordinate::SignBit(odd),
        private: None,
    })
}

#[test]
fn d22_a_derivation_key_belongs_to_one_resource_server_and_has_one_use() {
    let with = |name: &str, number: u8, derivation: u8| {
        resource_server(name, number).with_derivation_key(key(derivation))
    };
    let mut registry = Registry::new();
    registry.put_device(device("meter", 1)).unwrap();
    registry.put_resource_server(with("gateway", 2, 3)).unwrap();
    // The same record again.
    registry.put_resource_server(with("gateway", 2, 3)).unwrap();
    let in_use = |name: &str, owner: &str| {
        Err(RegistryError::KeyInUse {
            name: name.into(),
            owner: owner.into(),
        })
    };
    let twice = Err(RegistryError::KeyUsedTwice {
        name: "pump".into(),
    });
    let session = with("pump", 4, 5).with_credential(b"pump", key(5));
    let cases = [
        (with("pump", 4, 3), in_use("pump", "gateway")),
        (with("pump", 4, 2), in_use("pump", "gateway")),
        (with("pump", 3, 5), in_use("pump", "gateway")),
        (with("pump", 4, 1), in_use("pump", "meter")),
        (with("pump", 4, 4), twice.clone()),
        (session, twice),
    ];
    for (record, expected) in cases {
        assert_eq!(registry.put_resource_server(record), expected);
    }
    let mut short = resource_server("pump", 4);
    short.derivation_key = Some(PreSharedKey::new((0..15).collect()));
    let refused = registry.put_resource_server(short);
    assert!(matches!(refused, Err(RegistryError::KeyLength { .. })));
    // A key that nobody has any more may be had.
    registry.put_resource_server(with("gateway", 2, 6)).unwrap();
    registry.put_resource_server(with("pump", 4, 3)).unwrap();
}

#[test]
fn f72_a_key_in_use_is_refused_for_every_other_party() {
    let mut registry = Registry::new();
    registry.put_device(device("meter", 1)).unwrap();
    registry
        .put_resource_server(resource_server("gateway", 2))
        .unwrap();
    let in_use = |name: &str, owner: &str| RegistryError::KeyInUse {
        name: name.into(),
        owner: owner.into(),
    };
    assert_eq!(
        registry.put_device(device("other", 1)),
        Err(in_use("other", "meter"))
    );
    assert_eq!(
        registry.put_device(device("other", 2)),
        Err(in_use("other", "gateway"))
    );
    assert_eq!(
        registry.put_resource_server(resource_server("pump", 2)),
        Err(in_use("pump", "gateway"))
    );
    assert_eq!(
        registry.put_resource_server(resource_server("pump", 1)),
        Err(in_use("pump", "meter"))
    );
    assert_eq!(
        registry.put_device(device("meter", 1)),
        Ok(()),
        "its own key again"
    );
    registry.put_device(device("meter", 3)).unwrap();
    assert_eq!(
        registry.put_device(device("other", 1)),
        Ok(()),
        "a key that nobody has any more"
    );
}

#[test]
fn p09_a_second_key_of_one_algorithm_is_refused() {
    let mut record = ResourceServerRecord::with_public_key("gateway", p256(true));
    let mut registry = Registry::new();
    assert_eq!(registry.put_resource_server(record.clone()), Ok(()));
    record.public_keys.push(p256(false));
    let error = registry.put_resource_server(record);
    assert_eq!(
        error,
        Err(RegistryError::TwoKeysOfOneAlgorithm {
            name: "gateway".into()
        })
    );
    assert_eq!(
        registry
            .resource_server("gateway")
            .map(|record| record.public_keys.len()),
        Some(1)
    );
}

#[test]
fn l02_identities_are_bytes() {
    let mut registry = Registry::new();
    let names: [(&str, &[u8]); 4] = [
        ("a", b"id\0one"),
        ("b", b"id"),
        ("c", b"\xff\xfe"),
        ("d", b"ID"),
    ];
    for (number, (name, identity)) in (1..).zip(names) {
        registry
            .put_device(Device::with_pre_shared_key(name, identity, key(number)))
            .unwrap();
    }
    for (name, identity) in names {
        assert_eq!(
            registry
                .device_by_identity(identity)
                .map(|device| &*device.name),
            Some(name)
        );
    }
    let error = registry.put_device(Device::with_pre_shared_key("e", b"ID", key(9)));
    assert_eq!(
        error,
        Err(RegistryError::IdentityInUse { name: "e".into() })
    );
}

#[test]
fn unusable_records_are_refused_with_the_reason() {
    let with_key = |bytes: &[u8]| {
        Device::with_pre_shared_key("meter", b"id", PreSharedKey::new(bytes.to_vec()))
    };
    let weak = || RegistryError::WeakKey {
        name: "meter".into(),
    };
    let sequence: Vec<u8> = (0..32).collect();
    let mut short = resource_server("gateway", 1);
    short.shared_key = Some(SharedKey::new(PreSharedKey::new(sequence.clone())));
    let mut endless = resource_server("gateway", 1);
    endless.token_lifetime = 0;
    let refused: [(&str, Result<(), RegistryError>, RegistryError); 9] = [
        (
            "short",
            Registry::new().put_device(with_key(b"0123456789abcde")),
            weak(),
        ),
        (
            "one byte",
            Registry::new().put_device(with_key(&[7; 32])),
            weak(),
        ),
        (
            "pattern",
            Registry::new().put_device(with_key(b"secretsecretsecret")),
            weak(),
        ),
        (
            "sequence",
            Registry::new().put_device(with_key(&sequence)),
            weak(),
        ),
        (
            "no identity",
            Registry::new().put_device(Device::with_pre_shared_key("meter", b"", key(1))),
            RegistryError::UnusableIdentity {
                name: "meter".into(),
                got: 0,
            },
        ),
        (
            "long identity",
            Registry::new().put_device(Device::with_pre_shared_key("meter", &[1; 129], key(1))),
            RegistryError::UnusableIdentity {
                name: "meter".into(),
                got: 129,
            },
        ),
        (
            "no name",
            Registry::new().put_device(device("", 1)),
            RegistryError::UnusableName,
        ),
        (
            "key length",
            Registry::new().put_resource_server(short),
            RegistryError::KeyLength {
                name: "gateway".into(),
                got: 32,
                wanted: 16,
            },
        ),
        (
            "no lifetime",
            Registry::new().put_resource_server(endless),
            RegistryError::UnusableLifetime {
                name: "gateway".into(),
            },
        ),
    ];
    for (what, got, wanted) in refused {
        assert_eq!(got, Err(wanted), "{what}");
    }
}

#[test]
fn groups_follow_their_members() {
    let mut registry = Registry::new();
    registry
        .put_resource_server(resource_server("one", 1))
        .unwrap();
    registry
        .put_resource_server(resource_server("two", 2))
        .unwrap();
    registry
        .put_group(Group {
            audience: "all".into(),
            members: vec!["one".into(), "two".into()],
        })
        .unwrap();
    let mut changed = resource_server("one", 1);
    changed.token_lifetime = 7;
    registry.put_resource_server(changed).unwrap();
    let lifetimes: Vec<u64> = registry
        .audience("all")
        .map(|audience| {
            audience
                .resource_servers()
                .iter()
                .map(|record| record.token_lifetime)
                .collect()
        })
        .unwrap_or_default();
    assert_eq!(lifetimes, [7, 3600]);
    let taken = registry.put_resource_server(resource_server("all", 3));
    assert_eq!(taken, Err(RegistryError::NameInUse { name: "all".into() }));
    assert!(registry.remove("two"));
    assert!(
        registry.audience("all").is_none(),
        "a group with a missing member is dropped"
    );
}
