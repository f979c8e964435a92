//! Keys and protection of records after the handshake: TLS 1.2 key expansion with SHA-256 (RFC 5246 Sections 5 and
//! 6.3) and the AEAD suites with an explicit nonce (RFC 5288, RFC 6655).

use aes::Aes128;
use aes_gcm::Aes128Gcm;
use ccm::Ccm;
use ccm::aead::consts::{U8, U12, U16};
use ccm::aead::{AeadInOut, KeyInit, Nonce, Tag};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::record::{self, HEADER, MAX_PLAINTEXT, Record};

/// Bytes of the explicit part of the nonce.
const EXPLICIT_NONCE: usize = 8;
const KEY: usize = 16;
const SALT: usize = 4;

/// A cipher suite that this crate protects records for. The numbers are those of the IANA registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Suite {
    /// TLS_PSK_WITH_AES_128_CCM_8, the one that must be there (RFC 9202 Section 3.3.2).
    PskAes128Ccm8,
    /// TLS_PSK_WITH_AES_128_CCM.
    PskAes128Ccm,
    /// TLS_PSK_WITH_AES_128_GCM_SHA256.
    PskAes128Gcm,
}

impl Suite {
    pub(crate) fn from_number(number: u16) -> Option<Self> {
        match number {
            0xc0a8 => Some(Self::PskAes128Ccm8),
            0xc0a4 => Some(Self::PskAes128Ccm),
            0x00a8 => Some(Self::PskAes128Gcm),
            _ => None,
        }
    }
}

/// What a handshake leaves behind.
pub(crate) struct Secrets {
    pub(crate) suite: Suite,
    pub(crate) master_secret: Zeroizing<Vec<u8>>,
    pub(crate) client_random: Vec<u8>,
    pub(crate) server_random: Vec<u8>,
    pub(crate) is_client: bool,
}

/// Both directions of an association.
pub(crate) struct Protection {
    seal: Direction,
    open: Direction,
}

struct Direction {
    cipher: Cipher,
    salt: [u8; SALT],
}

enum Cipher {
    Ccm8(Box<Ccm<Aes128, U8, U12>>),
    Ccm(Box<Ccm<Aes128, U16, U12>>),
    Gcm(Box<Aes128Gcm>),
}

/// The bytes cannot be protected or do not verify. No more is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProtectionError;

impl Protection {
    /// Expands the keys of both directions.
    pub(crate) fn new(secrets: &Secrets) -> Result<Self, ProtectionError> {
        let mut seed = secrets.server_random.clone();
        seed.extend_from_slice(&secrets.client_random);
        let mut block = Zeroizing::new([0; 2 * (KEY + SALT)]);
        // RFC 5246 Section 6.3: PRF(master_secret, "key expansion", server_random + client_random).
        prf(&secrets.master_secret, b"key expansion", &seed, &mut *block)?;
        let (client_key, rest) = block.split_first_chunk::<KEY>().ok_or(ProtectionError)?;
        let (server_key, rest) = rest.split_first_chunk::<KEY>().ok_or(ProtectionError)?;
        let (client_salt, rest) = rest.split_first_chunk::<SALT>().ok_or(ProtectionError)?;
        let (server_salt, _) = rest.split_first_chunk::<SALT>().ok_or(ProtectionError)?;
        let client = Direction::new(secrets.suite, client_key, *client_salt)?;
        let server = Direction::new(secrets.suite, server_key, *server_salt)?;
        Ok(if secrets.is_client {
            Self {
                seal: client,
                open: server,
            }
        } else {
            Self {
                seal: server,
                open: client,
            }
        })
    }

    /// A protected record.
    pub(crate) fn seal(
        &self,
        content_type: u8,
        epoch: u16,
        sequence: u64,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, ProtectionError> {
        let overhead = EXPLICIT_NONCE + self.seal.cipher.tag_length();
        let length = u16::try_from(plaintext.len() + overhead).map_err(|_| ProtectionError)?;
        let mut out = Vec::with_capacity(HEADER + usize::from(length));
        out.extend_from_slice(&record::header(content_type, epoch, sequence, length));
        // RFC 6655 Section 3: the explicit nonce may be epoch and sequence number, which never repeat.
        let explicit = record_number(epoch, sequence);
        out.extend_from_slice(&explicit);
        out.extend_from_slice(plaintext);
        let data = additional_data(explicit, content_type, record::VERSION, plaintext.len())?;
        let nonce = self.seal.nonce(explicit);
        let body = out
            .get_mut(HEADER + EXPLICIT_NONCE..)
            .ok_or(ProtectionError)?;
        let tag = self.seal.cipher.seal(&nonce, &data, body)?;
        out.extend_from_slice(&tag);
        Ok(out)
    }

    /// The plaintext of a record, if it verifies.
    pub(crate) fn open(&self, record: &Record<'_>) -> Result<Vec<u8>, ProtectionError> {
        let (explicit, rest) = record
            .fragment
            .split_first_chunk::<EXPLICIT_NONCE>()
            .ok_or(ProtectionError)?;
        let length = rest
            .len()
            .checked_sub(self.open.cipher.tag_length())
            .ok_or(ProtectionError)?;
        if length > MAX_PLAINTEXT {
            return Err(ProtectionError);
        }
        let (ciphertext, tag) = rest.split_at(length);
        let number = record_number(record.epoch, record.sequence);
        let data = additional_data(number, record.content_type, record.version, length)?;
        let mut body = ciphertext.to_vec();
        self.open
            .cipher
            .open(&self.open.nonce(*explicit), &data, &mut body, tag)?;
        Ok(body)
    }
}

impl Direction {
    fn new(suite: Suite, key: &[u8; KEY], salt: [u8; SALT]) -> Result<Self, ProtectionError> {
        let key: &[u8] = key;
        let cipher = match suite {
            Suite::PskAes128Ccm8 => Cipher::Ccm8(Box::new(make(key)?)),
            Suite::PskAes128Ccm => Cipher::Ccm(Box::new(make(key)?)),
            Suite::PskAes128Gcm => Cipher::Gcm(Box::new(make(key)?)),
        };
        Ok(Self { cipher, salt })
    }

    fn nonce(&self, explicit: [u8; EXPLICIT_NONCE]) -> [u8; SALT + EXPLICIT_NONCE] {
        let mut nonce = [0; SALT + EXPLICIT_NONCE];
        for (to, from) in nonce.iter_mut().zip(self.salt.into_iter().chain(explicit)) {
            *to = from;
        }
        nonce
    }
}

impl Cipher {
    fn tag_length(&self) -> usize {
        match self {
            Self::Ccm8(_) => 8,
            Self::Ccm(_) | Self::Gcm(_) => 16,
        }
    }

    fn seal(&self, nonce: &[u8], data: &[u8], body: &mut [u8]) -> Result<Vec<u8>, ProtectionError> {
        match self {
            Self::Ccm8(cipher) => seal_with(&**cipher, nonce, data, body),
            Self::Ccm(cipher) => seal_with(&**cipher, nonce, data, body),
            Self::Gcm(cipher) => seal_with(&**cipher, nonce, data, body),
        }
    }

    fn open(
        &self,
        nonce: &[u8],
        data: &[u8],
        body: &mut [u8],
        tag: &[u8],
    ) -> Result<(), ProtectionError> {
        match self {
            Self::Ccm8(cipher) => open_with(&**cipher, nonce, data, body, tag),
            Self::Ccm(cipher) => open_with(&**cipher, nonce, data, body, tag),
            Self::Gcm(cipher) => open_with(&**cipher, nonce, data, body, tag),
        }
    }
}

fn make<C: KeyInit>(key: &[u8]) -> Result<C, ProtectionError> {
    C::new_from_slice(key).map_err(|_| ProtectionError)
}

fn seal_with<C: AeadInOut>(
    cipher: &C,
    nonce: &[u8],
    data: &[u8],
    body: &mut [u8],
) -> Result<Vec<u8>, ProtectionError> {
    let nonce = <&Nonce<C>>::try_from(nonce).map_err(|_| ProtectionError)?;
    let tag = cipher
        .encrypt_inout_detached(nonce, data, body.into())
        .map_err(|_| ProtectionError)?;
    Ok(tag.to_vec())
}

fn open_with<C: AeadInOut>(
    cipher: &C,
    nonce: &[u8],
    data: &[u8],
    body: &mut [u8],
    tag: &[u8],
) -> Result<(), ProtectionError> {
    let nonce = <&Nonce<C>>::try_from(nonce).map_err(|_| ProtectionError)?;
    let tag = <&Tag<C>>::try_from(tag).map_err(|_| ProtectionError)?;
    cipher
        .decrypt_inout_detached(nonce, data, body.into(), tag)
        .map_err(|_| ProtectionError)
}

fn record_number(epoch: u16, sequence: u64) -> [u8; 8] {
    (u64::from(epoch) << 48 | sequence).to_be_bytes()
}

/// RFC 5246 Section 6.2.3.3, with epoch and sequence number as in RFC 6347 Section 4.1.2.1.
fn additional_data(
    number: [u8; 8],
    content_type: u8,
    version: [u8; 2],
    length: usize,
) -> Result<[u8; 13], ProtectionError> {
    let [n0, n1, n2, n3, n4, n5, n6, n7] = number;
    let [v0, v1] = version;
    let [l0, l1] = u16::try_from(length)
        .map_err(|_| ProtectionError)?
        .to_be_bytes();
    Ok([n0, n1, n2, n3, n4, n5, n6, n7, content_type, v0, v1, l0, l1])
}

/// P_SHA256 over label and seed (RFC 5246 Section 5).
fn prf(secret: &[u8], label: &[u8], seed: &[u8], out: &mut [u8]) -> Result<(), ProtectionError> {
    let mac = |parts: &[&[u8]]| -> Result<Zeroizing<[u8; 32]>, ProtectionError> {
        let mut mac =
            <Hmac<Sha256> as KeyInit>::new_from_slice(secret).map_err(|_| ProtectionError)?;
        for part in parts {
            mac.update(part);
        }
        Ok(Zeroizing::new(mac.finalize().into_bytes().into()))
    };
    let mut a = mac(&[label, seed])?;
    for chunk in out.chunks_mut(32) {
        let block = mac(&[&*a, label, seed])?;
        for (to, from) in chunk.iter_mut().zip(block.iter()) {
            *to = *from;
        }
        a = mac(&[&*a])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(suite: Suite) -> (Protection, Protection) {
        let secrets = |is_client| Secrets {
            suite,
            master_secret: Zeroizing::new(vec![7; 48]),
            client_random: vec![1; 32],
            server_random: vec![2; 32],
            is_client,
        };
        (
            Protection::new(&secrets(true)).unwrap(),
            Protection::new(&secrets(false)).unwrap(),
        )
    }

    #[test]
    fn prf_gives_the_bytes_of_the_published_example() {
        // The TLS 1.2 PRF example with SHA-256 that the TLS working group published in 2009.
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len())
                .step_by(2)
                .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
                .collect()
        };
        let mut out = [0; 100];
        prf(
            &hex("9bbe436ba940f017b17652849a71db35"),
            b"test label",
            &hex("a0ba9f936cda311827a6f796ffd5198c"),
            &mut out,
        )
        .unwrap();
        let wanted = "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa0\
                      22f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66";
        assert_eq!(out.to_vec(), hex(&wanted.replace(' ', "")));
    }

    #[test]
    fn what_is_sealed_opens_at_the_other_end_and_only_unchanged() {
        for suite in [
            Suite::PskAes128Ccm8,
            Suite::PskAes128Ccm,
            Suite::PskAes128Gcm,
        ] {
            let (client, server) = pair(suite);
            let sealed = client.seal(23, 1, 5, b"hello").unwrap();
            let (record, rest) = Record::split(&sealed).unwrap();
            assert!(rest.is_empty());
            assert_eq!(server.open(&record).unwrap(), b"hello");
            assert_eq!(client.open(&record), Err(ProtectionError), "own direction");
            for position in 0..sealed.len() {
                let mut garbled = sealed.clone();
                garbled[position] ^= 1;
                if let Some((record, _)) = Record::split(&garbled) {
                    assert_eq!(
                        server.open(&record),
                        Err(ProtectionError),
                        "{suite:?} {position}"
                    );
                }
            }
            for length in 0..sealed.len() {
                let mut short = sealed[..length].to_vec();
                if let Some(low) = short.get_mut(12) {
                    *low = u8::try_from(length - HEADER).unwrap();
                }
                if let Some((record, _)) = Record::split(&short) {
                    assert_eq!(
                        server.open(&record),
                        Err(ProtectionError),
                        "{suite:?} {length}"
                    );
                }
            }
        }
    }
}
