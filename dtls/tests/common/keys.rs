//! Records under the keys of a session, as an end makes them that has the secrets and lies.

use motekey_dtls::Connection;
use motekey_dtls::codec::record::{ContentType, Record, Records, put_header};
use motekey_dtls::crypto::AeadAlgorithm;
use motekey_dtls::crypto::rust::PROVIDER;

use super::KEY;

/// Key and salt of one direction of an AES_128_CCM_8 session, as an honest end derives them (RFC 5246 Section 6.3).
pub(crate) struct WriteKey {
    key: [u8; 16],
    salt: [u8; 4],
}

/// A master secret, as an honest end derives it (RFC 7627 Section 4).
pub(crate) fn master_secret(premaster: &[u8], messages: &[&[u8]]) -> [u8; 48] {
    let mut transcript = PROVIDER.hash.start();
    messages
        .iter()
        .for_each(|message| transcript.update(message));
    let (mut master, hash) = ([0; 48], transcript.current());
    PROVIDER
        .hash
        .prf(premaster, b"extended master secret", &[&hash], &mut master);
    master
}

/// The premaster secret of [`KEY`] (RFC 4279 Section 2).
pub(crate) fn psk_premaster() -> Vec<u8> {
    let length = [0, u8::try_from(KEY.len()).unwrap()];
    [&length[..], &[0; KEY.len()], &length, &KEY].concat()
}

/// The content of the first record of a datagram.
pub(crate) fn content(datagram: &[u8]) -> &[u8] {
    Records::new(datagram, 0).next().unwrap().fragment
}

/// The random of the hello that a datagram begins with: behind the header of 12 bytes and the version.
pub(crate) fn random_of(datagram: &[u8]) -> [u8; 32] {
    content(datagram)[14..46].try_into().unwrap()
}

/// The keys of client and server.
pub(crate) fn write_keys(master: &[u8], client: [u8; 32], server: [u8; 32]) -> [WriteKey; 2] {
    let mut block = [0; 40];
    PROVIDER
        .hash
        .prf(master, b"key expansion", &[&server, &client], &mut block);
    [0, 1].map(|end| WriteKey {
        key: block[16 * end..][..16].try_into().unwrap(),
        salt: block[32 + 4 * end..][..4].try_into().unwrap(),
    })
}

/// The master secret and the randoms of an established session, from what it saves.
pub(crate) fn secrets_of(connection: &mut Connection) -> ([u8; 48], [u8; 32], [u8; 32]) {
    let saved = connection.export(None, 1000).unwrap();
    let part = |from: usize, length: usize| saved[from..from + length].to_vec();
    (
        part(68, 48).try_into().unwrap(),
        part(4, 32).try_into().unwrap(),
        part(36, 32).try_into().unwrap(),
    )
}

impl WriteKey {
    /// A record of epoch 1 (RFC 6655 Section 3).
    pub(crate) fn record(
        &self,
        sequence: u8,
        content_type: ContentType,
        content: &[u8],
    ) -> Vec<u8> {
        let number = [0, 1, 0, 0, 0, 0, 0, sequence];
        let mut nonce = [0; 12];
        nonce[..4].copy_from_slice(&self.salt);
        nonce[4..].copy_from_slice(&number);
        let length = u8::try_from(content.len()).unwrap();
        let additional = [&number[..], &[content_type.number(), 0xfe, 0xfd, 0, length]].concat();
        let mut sealed = content.to_vec();
        let algorithm = AeadAlgorithm::Aes128Ccm8;
        let tag = PROVIDER
            .aead
            .seal(algorithm, &self.key, &nonce, &additional, &mut sealed)
            .unwrap();
        let fragment = [&number[..], &sealed, &tag[..8]].concat();
        let mut record = Vec::new();
        let length = u16::try_from(fragment.len()).unwrap();
        let sequence = u64::from(sequence);
        put_header(&mut record, content_type, 0xfefd, 1, sequence, &[], length);
        record.extend(fragment);
        record
    }

    /// What a record with a Connection ID holds, its real type at the end (RFC 9146 Section 5.3).
    pub(crate) fn open_with_id(&self, record: &Record<'_>) -> Vec<u8> {
        let (number, sealed) = record.fragment.split_at(8);
        let (sealed, tag) = sealed.split_at(sealed.len() - 8);
        let mut nonce = [0; 12];
        nonce[..4].copy_from_slice(&self.salt);
        nonce[4..].copy_from_slice(number);
        let id = record.connection_id;
        let lengths = [id.len(), sealed.len()].map(|length| u8::try_from(length).unwrap());
        let additional = [
            &[0xff; 8][..],
            &[25, lengths[0], 25, 0xfe, 0xfd],
            number,
            id,
            &[0, lengths[1]],
        ]
        .concat();
        let mut opened = sealed.to_vec();
        let algorithm = AeadAlgorithm::Aes128Ccm8;
        PROVIDER
            .aead
            .open(algorithm, &self.key, &nonce, &additional, &mut opened, tag)
            .unwrap();
        opened
    }
}
