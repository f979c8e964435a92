use super::*;
use crate::codec::record::Records;
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

fn seal(algorithm: AeadAlgorithm, id: &[u8], content: &[u8]) -> Vec<u8> {
    let connection_id = ConnectionId::new(id).unwrap();
    let record = Protected {
        content_type: ContentType::ApplicationData,
        epoch: 1,
        sequence: 5,
        connection_id,
        content,
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
        for id in [&[][..], &[1], &[9; 20]] {
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
