use super::*;
use crate::codec::record::{HEADER, Records};
use crate::crypto::rust::PROVIDER;

const ALGORITHMS: [AeadAlgorithm; 3] = [
    AeadAlgorithm::Aes128Ccm8,
    AeadAlgorithm::Aes128Gcm,
    AeadAlgorithm::ChaCha20Poly1305,
];

fn key(algorithm: AeadAlgorithm) -> TrafficKey {
    TrafficKey::new(
        algorithm,
        &[0x42; 32][..algorithm.key_length()],
        &[0x17; 12][..algorithm.fixed_iv_length()],
    )
}

fn protected(id: &[u8]) -> Protected<'_> {
    Protected {
        content_type: ContentType::ApplicationData,
        epoch: 1,
        sequence: 5,
        connection_id: id,
        content: &[],
    }
}

fn seal(algorithm: AeadAlgorithm, id: &[u8], content: &[u8]) -> Vec<u8> {
    let record = Protected {
        content,
        ..protected(id)
    };
    let mut out = Vec::new();
    key(algorithm).seal(&PROVIDER, &record, &mut out).unwrap();
    out
}

fn open(algorithm: AeadAlgorithm, datagram: &[u8], id: usize) -> Option<Result<Opened, OpenError>> {
    Records::new(datagram, id)
        .next()
        .map(|record| key(algorithm).open(&PROVIDER, &record))
}

#[test]
fn what_is_sealed_opens_with_and_without_connection_id() {
    for algorithm in ALGORITHMS {
        for id in [&[][..], &[1], &[9; 20], &[9; 255]] {
            let sealed = seal(algorithm, id, b"hello");
            let opened = open(algorithm, &sealed, id.len()).unwrap().unwrap();
            assert_eq!(
                opened,
                Opened {
                    content_type: ContentType::ApplicationData,
                    content: b"hello".to_vec()
                }
            );
            let extra = if id.is_empty() { 0 } else { id.len() + 1 };
            assert_eq!(
                sealed.len(),
                13 + 5 + extra + algorithm.overhead(),
                "{algorithm:?}"
            );
        }
    }
}

#[test]
fn every_changed_bit_is_found() {
    for algorithm in ALGORITHMS {
        for id in [&[][..], &[3, 4]] {
            let sealed = seal(algorithm, id, b"hello");
            for bit in 0..sealed.len() * 8 {
                let mut forged = sealed.clone();
                forged[bit / 8] ^= 1 << (bit % 8);
                if let Some(Ok(opened)) = open(algorithm, &forged, id.len()) {
                    panic!("{algorithm:?} bit {bit} opened as {opened:?}");
                }
            }
        }
    }
}

#[test]
fn short_records_are_refused() {
    for algorithm in ALGORITHMS {
        for length in 0..algorithm.overhead() {
            let fragment = [0; 32];
            let record = Record {
                content_type: ContentType::ApplicationData,
                version: DTLS_1_2,
                epoch: 1,
                sequence: 0,
                connection_id: &[],
                fragment: &fragment[..length],
            };
            assert_eq!(
                key(algorithm).open(&PROVIDER, &record),
                Err(OpenError::TooShort),
                "{algorithm:?}"
            );
        }
    }
}

/// The sender counts content, and with a Connection ID one byte of type; the receiver refuses what is longer, even if
/// it would verify.
#[test]
fn records_have_at_most_2_to_the_14_bytes_of_plaintext() {
    for algorithm in ALGORITHMS {
        for id in [&[][..], &[9; 8]] {
            let most = MAX_PLAINTEXT - usize::from(!id.is_empty());
            let mut sealed = seal(algorithm, id, &alloc::vec![7; most]);
            let opened = open(algorithm, &sealed, id.len()).unwrap().unwrap();
            assert_eq!(opened.content.len(), most);
            let mut record = protected(id);
            let long = alloc::vec![7; most + 1];
            record.content = &long;
            assert!(
                key(algorithm)
                    .seal(&PROVIDER, &record, &mut Vec::new())
                    .is_err()
            );
            sealed.push(0);
            let at = HEADER - 2 + id.len();
            let length = u16::from_be_bytes([sealed[at], sealed[at + 1]]) + 1;
            sealed[at..at + 2].copy_from_slice(&length.to_be_bytes());
            let opened = open(algorithm, &sealed, id.len()).unwrap();
            assert_eq!(opened, Err(OpenError::TooLong), "{algorithm:?}");
        }
    }
}

/// RFC 6655 Section 3, RFC 5288 Section 3: the nonce is the write IV and, on the wire, epoch and sequence number; RFC
/// 7905 Section 2: it is XORed into the IV.
#[test]
fn nonces_are_made_of_epoch_and_sequence_number() {
    let number = sequence_number(1, 0x0203_0405_0607);
    assert_eq!(number, [0, 1, 2, 3, 4, 5, 6, 7]);
    for algorithm in [AeadAlgorithm::Aes128Ccm8, AeadAlgorithm::Aes128Gcm] {
        let nonce = key(algorithm).nonce(&number);
        assert_eq!(nonce, [0x17, 0x17, 0x17, 0x17, 0, 1, 2, 3, 4, 5, 6, 7]);
        let sealed = seal(algorithm, &[], b"hello");
        assert_eq!(sealed[HEADER..HEADER + 8], sequence_number(1, 5));
    }
    let nonce = key(AeadAlgorithm::ChaCha20Poly1305).nonce(&number);
    assert_eq!(
        nonce,
        [
            0x17, 0x17, 0x17, 0x17, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, 0x10
        ]
    );
}

/// A sender may pad (RFC 9146 Section 4); the padding counts in the length of the additional data (Section 5.3).
#[test]
fn padded_records_open() {
    for algorithm in ALGORITHMS {
        let id = [3, 4];
        let number = sequence_number(1, 5);
        let mut content = b"hello\x17\0\0\0".to_vec();
        let additional =
            Additional::new(ContentType::Tls12Cid, DTLS_1_2, &number, &id, content.len());
        let key = key(algorithm);
        let tag = PROVIDER
            .aead
            .seal(
                algorithm,
                key.key(),
                &key.nonce(&number),
                additional.as_bytes(),
                &mut content,
            )
            .unwrap();
        let explicit = &number[..algorithm.explicit_nonce_length()];
        let fragment = [explicit, &content, &tag[..algorithm.tag_length()]].concat();
        let record = Record {
            content_type: ContentType::Tls12Cid,
            version: DTLS_1_2,
            epoch: 1,
            sequence: 5,
            connection_id: &id,
            fragment: &fragment,
        };
        let opened = Opened {
            content_type: ContentType::ApplicationData,
            content: b"hello".to_vec(),
        };
        assert_eq!(key.open(&PROVIDER, &record), Ok(opened), "{algorithm:?}");
    }
}

#[test]
fn additional_data_is_that_of_the_rfcs() {
    let number = sequence_number(1, 0x0203);
    let plain = Additional::new(ContentType::Alert, DTLS_1_2, &number, &[], 2);
    assert_eq!(
        plain.as_bytes(),
        [0, 1, 0, 0, 0, 0, 2, 3, 21, 0xfe, 0xfd, 0, 2]
    );
    let with_id = Additional::new(ContentType::Tls12Cid, DTLS_1_2, &number, &[7, 8], 2);
    assert_eq!(
        with_id.as_bytes(),
        [
            255, 255, 255, 255, 255, 255, 255, 255, 25, 2, 25, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 2, 3,
            7, 8, 0, 2
        ]
    );
}

#[test]
fn padding_is_stripped_and_a_record_of_padding_only_is_refused() {
    assert_eq!(
        inner_type(&mut [b'a', 23, 0, 0].to_vec()),
        Some(ContentType::ApplicationData)
    );
    assert_eq!(inner_type(&mut [0, 0].to_vec()), None);
    assert_eq!(
        inner_type(&mut [b'a', 25].to_vec()),
        None,
        "a record with Connection ID inside one"
    );
    assert_eq!(inner_type(&mut [b'a', 99].to_vec()), None);
}

#[test]
fn debug_prints_no_key() {
    assert_eq!(
        alloc::format!("{:?}", key(AeadAlgorithm::Aes128Ccm8)),
        "TrafficKey(Aes128Ccm8)"
    );
}
