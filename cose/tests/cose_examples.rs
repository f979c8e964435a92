//! The examples of the COSE working group, over both providers. Every file of `tests/vectors/cose-wg-examples` is in
//! the table; what is refused is refused for the reason that stands there.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use motekey_cose::{
    crypto::{CryptoError, CryptoProvider},
    envelope::{Algorithm, Envelope, EnvelopeError, EnvelopeKind, HeaderLabel},
    key::{CoseKey, Ec2Key, KeyAttributes, YCoordinate},
};
use serde_json::Value;
use support::{base64url, directory, hex, providers};

/// What a file shows.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Shows {
    /// Verifies or decrypts to the plaintext of the file.
    Opens,
    /// Signature, MAC or ciphertext is wrong.
    NotAuthentic,
    /// The signature has a length that no supported algorithm has.
    SignatureLength(usize),
    /// A tag that is no tag of COSE.
    WrongTag(u64),
    /// Not read here: a structure with recipients or several signers, refused by its tag.
    OtherStructure(u64),
    /// `alg` is a number that is not supported.
    Algorithm(i64),
    /// `alg` is a text that nobody has registered.
    AlgorithmName(&'static str),
}

use Shows::{
    Algorithm as Unsupported, AlgorithmName, NotAuthentic, Opens, OtherStructure, SignatureLength,
    WrongTag,
};

const FILES: &[(&str, Shows)] = &[
    ("CWT/A_3.json", Opens),
    ("CWT/A_4.json", Opens),
    ("CWT/A_5.json", Opens),
    ("CWT/A_6.json", Opens),
    ("CWT/A_7.json", Opens),
    ("RFC8152/Appendix_B.json", OtherStructure(96)),
    ("RFC8152/Appendix_C_1_1.json", OtherStructure(98)),
    ("RFC8152/Appendix_C_1_2.json", OtherStructure(98)),
    ("RFC8152/Appendix_C_1_3.json", OtherStructure(98)),
    ("RFC8152/Appendix_C_1_4.json", OtherStructure(98)),
    ("RFC8152/Appendix_C_2_1.json", Opens),
    ("RFC8152/Appendix_C_3_1.json", OtherStructure(96)),
    ("RFC8152/Appendix_C_3_2.json", OtherStructure(96)),
    ("RFC8152/Appendix_C_3_3.json", OtherStructure(96)),
    ("RFC8152/Appendix_C_3_4.json", OtherStructure(96)),
    ("RFC8152/Appendix_C_4_1.json", Opens),
    ("RFC8152/Appendix_C_4_2.json", Opens),
    ("RFC8152/Appendix_C_5_1.json", OtherStructure(97)),
    ("RFC8152/Appendix_C_5_2.json", OtherStructure(97)),
    ("RFC8152/Appendix_C_5_3.json", OtherStructure(97)),
    ("RFC8152/Appendix_C_5_4.json", OtherStructure(97)),
    // AES-MAC 256/64.
    ("RFC8152/Appendix_C_6_1.json", Unsupported(15)),
    ("aes-ccm-examples/aes-ccm-01.json", OtherStructure(96)),
    ("aes-ccm-examples/aes-ccm-02.json", OtherStructure(96)),
    ("aes-ccm-examples/aes-ccm-03.json", OtherStructure(96)),
    ("aes-ccm-examples/aes-ccm-04.json", OtherStructure(96)),
    ("aes-ccm-examples/aes-ccm-06.json", OtherStructure(96)),
    ("aes-ccm-examples/aes-ccm-07.json", OtherStructure(96)),
    ("aes-ccm-examples/aes-ccm-08.json", OtherStructure(96)),
    ("aes-ccm-examples/aes-ccm-enc-01.json", Opens),
    ("aes-ccm-examples/aes-ccm-enc-02.json", Opens),
    // AES-CCM with 64-bit lengths, or with a 256-bit key.
    ("aes-ccm-examples/aes-ccm-enc-04.json", Unsupported(32)),
    ("aes-ccm-examples/aes-ccm-enc-05.json", Unsupported(11)),
    ("aes-ccm-examples/aes-ccm-enc-06.json", Unsupported(31)),
    ("aes-ccm-examples/aes-ccm-enc-07.json", Unsupported(13)),
    ("aes-ccm-examples/aes-ccm-enc-08.json", Unsupported(33)),
    ("aes-gcm-examples/aes-gcm-01.json", OtherStructure(96)),
    ("aes-gcm-examples/aes-gcm-02.json", OtherStructure(96)),
    ("aes-gcm-examples/aes-gcm-03.json", OtherStructure(96)),
    ("aes-gcm-examples/aes-gcm-04.json", OtherStructure(96)),
    ("aes-gcm-examples/aes-gcm-05.json", OtherStructure(96)),
    ("aes-gcm-examples/aes-gcm-enc-01.json", Opens),
    ("aes-gcm-examples/aes-gcm-enc-02.json", Opens),
    ("aes-gcm-examples/aes-gcm-enc-03.json", Opens),
    ("aes-gcm-examples/aes-gcm-enc-04.json", NotAuthentic),
    ("ecdsa-examples/ecdsa-01.json", OtherStructure(98)),
    ("ecdsa-examples/ecdsa-02.json", OtherStructure(98)),
    ("ecdsa-examples/ecdsa-03.json", OtherStructure(98)),
    ("ecdsa-examples/ecdsa-04.json", OtherStructure(98)),
    // ES384 and ES512.
    ("ecdsa-examples/ecdsa-sig-02.json", Unsupported(-35)),
    ("ecdsa-examples/ecdsa-sig-03.json", Unsupported(-36)),
    ("ecdsa-examples/ecdsa-sig-04.json", Unsupported(-36)),
    ("eddsa-examples/eddsa-01.json", OtherStructure(98)),
    ("eddsa-examples/eddsa-02.json", OtherStructure(98)),
    // EdDSA with Ed448.
    ("eddsa-examples/eddsa-sig-02.json", SignatureLength(114)),
    ("encrypted-tests/aes-gcm-01.json", Opens),
    ("encrypted-tests/enc-fail-01.json", WrongTag(995)),
    ("encrypted-tests/enc-fail-02.json", NotAuthentic),
    ("encrypted-tests/enc-fail-03.json", Unsupported(-999)),
    ("encrypted-tests/enc-fail-06.json", NotAuthentic),
    ("encrypted-tests/enc-pass-01.json", Opens),
    ("encrypted-tests/enc-pass-02.json", Opens),
    ("encrypted-tests/enc-pass-03.json", Opens),
    ("hmac-examples/HMac-01.json", OtherStructure(97)),
    ("hmac-examples/HMac-02.json", OtherStructure(97)),
    ("hmac-examples/HMac-03.json", OtherStructure(97)),
    ("hmac-examples/HMac-04.json", OtherStructure(97)),
    ("hmac-examples/HMac-05.json", OtherStructure(97)),
    ("hmac-examples/HMac-enc-01.json", Opens),
    // HMAC with SHA-384 and SHA-512.
    ("hmac-examples/HMac-enc-02.json", Unsupported(6)),
    ("hmac-examples/HMac-enc-03.json", Unsupported(7)),
    ("hmac-examples/HMac-enc-04.json", NotAuthentic),
    ("hmac-examples/HMac-enc-05.json", Opens),
    ("mac0-tests/mac-fail-01.json", WrongTag(992)),
    ("mac0-tests/mac-fail-02.json", NotAuthentic),
    ("mac0-tests/mac-fail-04.json", AlgorithmName("Unknown")),
    ("mac0-tests/mac-fail-06.json", NotAuthentic),
    ("mac0-tests/mac-pass-01.json", Opens),
    ("mac0-tests/mac-pass-02.json", Opens),
    ("mac0-tests/mac-pass-03.json", Opens),
    ("sign1-tests/sign-fail-01.json", WrongTag(998)),
    ("sign1-tests/sign-fail-03.json", Unsupported(-999)),
    ("sign1-tests/sign-fail-04.json", AlgorithmName("unknown")),
    ("sign1-tests/sign-fail-07.json", NotAuthentic),
    ("sign1-tests/sign-pass-01.json", Opens),
    ("sign1-tests/sign-pass-03.json", Opens),
];

#[test]
fn c01_c05_c06_c07_w06_examples_of_the_working_group() {
    for provider in providers() {
        for (path, shows) in FILES {
            let file = support::json(&format!("cose-wg-examples/{path}"));
            let found = run(&provider, &file);
            assert_eq!(found, *shows, "{path} with {}", provider.name);
        }
    }
}

#[test]
fn every_file_of_the_examples_is_in_the_table() {
    let listed: Vec<&str> = FILES.iter().map(|(path, _)| *path).collect();
    for found in directory("cose-wg-examples") {
        assert!(
            listed.contains(&found.as_str()),
            "{found} is not in the table"
        );
    }
}

/// Opens the message of one file and compares every intermediate value that the file gives.
fn run(provider: &CryptoProvider, file: &Value) -> Shows {
    let message = hex(file["output"]["cbor"].as_str().unwrap());
    let envelope = match Envelope::parse(&message) {
        Ok(envelope) => envelope,
        Err(EnvelopeError::WrongTag {
            got: got @ (96..=98),
        }) => return OtherStructure(got),
        Err(EnvelopeError::WrongTag { got }) => return WrongTag(got),
        Err(EnvelopeError::UnsupportedAlgorithm(HeaderLabel::Integer(number))) => {
            return Unsupported(number);
        }
        Err(EnvelopeError::UnsupportedAlgorithm(HeaderLabel::Text(name))) => {
            return AlgorithmName(
                ["unknown", "Unknown"]
                    .into_iter()
                    .find(|known| *known == name)
                    .unwrap(),
            );
        }
        Err(other) => panic!("{other:?}"),
    };
    let external = hex(part(file)["external"].as_str().unwrap_or_default());
    let opened = match open(provider, file, &envelope, &external) {
        Ok(opened) => opened,
        Err(EnvelopeError::Crypto(CryptoError::NotAuthentic)) => return NotAuthentic,
        Err(EnvelopeError::Crypto(CryptoError::SignatureLength { got })) => {
            return SignatureLength(got);
        }
        Err(other) => panic!("{other:?}"),
    };
    let plaintext = match file["input"]["plaintext"].as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => hex(file["input"]["plaintext_hex"].as_str().unwrap()),
    };
    assert_eq!(opened, plaintext);
    let name = ["ToBeSign_hex", "ToMac_hex", "AAD_hex"][envelope.kind() as usize];
    assert_eq!(
        envelope.authenticated_bytes(&external),
        hex(file["intermediates"][name].as_str().unwrap())
    );
    Opens
}

fn part(file: &Value) -> &Value {
    ["sign0", "mac0", "encrypted"]
        .into_iter()
        .map(|name| &file["input"][name])
        .find(|part| part.is_object())
        .unwrap()
}

fn open(
    provider: &CryptoProvider,
    file: &Value,
    envelope: &Envelope,
    external: &[u8],
) -> Result<Vec<u8>, EnvelopeError> {
    let key = match envelope.kind() {
        EnvelopeKind::Sign1 => public_key(provider, &part(file)["key"]),
        _ => CoseKey::symmetric(
            &hex(file["intermediates"]["CEK_hex"].as_str().unwrap()),
            None,
        ),
    };
    match envelope.headers().algorithm {
        Algorithm::Signature(algorithm) => {
            let key = key.verifying_key(provider, algorithm).unwrap();
            envelope
                .verify_signature(&key, external)
                .map(<[u8]>::to_vec)
        }
        Algorithm::Mac(algorithm) => {
            let key = key.mac_verification_key(provider, algorithm).unwrap();
            envelope.verify_mac(&key, external).map(<[u8]>::to_vec)
        }
        Algorithm::Aead(algorithm) => {
            let mut key = key;
            if let (CoseKey::Symmetric(key), Some(iv)) =
                (&mut key, part(file)["unsent"]["IV_hex"].as_str())
            {
                // The file gives the whole IV; its last two bytes are the Partial IV that is sent.
                let mut base = hex(iv);
                base[11..].fill(0);
                key.base_iv = Some(base);
            }
            envelope.decrypt(&key.decryption_key(provider, algorithm).unwrap(), external)
        }
    }
}

fn public_key(provider: &CryptoProvider, key: &Value) -> CoseKey {
    let coordinate = |name: &str| -> [u8; 32] {
        let bytes = match key[name].as_str() {
            Some(text) => base64url(text),
            None => hex(key[&format!("{name}_hex")].as_str().unwrap()),
        };
        bytes.try_into().unwrap()
    };
    match key["kty"].as_str().unwrap() {
        "EC" => CoseKey::Ec2(Ec2Key {
            attributes: KeyAttributes::default(),
            x: coordinate("x"),
            y: YCoordinate::Value(coordinate("y")),
            private: None,
        }),
        // Ed448 in the only such file; any Ed25519 key shows that the signature is refused by its length.
        _ => CoseKey::ed25519(provider, &[1; 32], None).unwrap(),
    }
}
