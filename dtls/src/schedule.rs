//! The key schedule: premaster secret, extended master secret, key block, Finished, exporter.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::codec::handshake::{HandshakeType, transcript_header};
use crate::codec::key_exchange::VERIFY_DATA;
use crate::crypto::{CryptoProvider, HashContext};
use crate::record::TrafficKey;
use crate::suite::CipherSuite;

/// Which end of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The end that began.
    Client,
    /// The end that answered.
    Server,
}

/// A master secret.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub(crate) struct MasterSecret([u8; 48]);

impl fmt::Debug for MasterSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MasterSecret")
    }
}

/// Both hellos' random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Randoms {
    pub(crate) client: [u8; 32],
    pub(crate) server: [u8; 32],
}

/// The keys of both directions.
pub(crate) struct KeyBlock {
    pub(crate) client: TrafficKey,
    pub(crate) server: TrafficKey,
}

impl MasterSecret {
    pub(crate) const fn new(secret: [u8; 48]) -> Self {
        Self(secret)
    }

    pub(crate) const fn expose(&self) -> &[u8; 48] {
        &self.0
    }

    /// Keying material for others (RFC 5705 Section 4).
    pub(crate) fn export(
        &self,
        provider: &CryptoProvider,
        randoms: &Randoms,
        label: &[u8],
        context: Option<&[u8]>,
        output: &mut [u8],
    ) {
        let Randoms { client, server } = randoms;
        let length = context.map(|context| {
            u16::try_from(context.len())
                .unwrap_or(u16::MAX)
                .to_be_bytes()
        });
        let length = length.as_ref().map_or(&[][..], |length| &length[..]);
        provider.hash.prf(
            &self.0,
            label,
            &[client, server, length, context.unwrap_or_default()],
            output,
        );
    }

    /// `PRF(pre_master_secret, "extended master secret", session_hash)[0..47]` (RFC 7627 Section 4).
    pub(crate) fn extended(
        provider: &CryptoProvider,
        premaster: &[u8],
        session_hash: &[u8; 32],
    ) -> Self {
        let mut secret = Self([0; 48]);
        provider.hash.prf(
            premaster,
            b"extended master secret",
            &[session_hash],
            &mut secret.0,
        );
        secret
    }

    /// `PRF(master_secret, "key expansion", server_random + client_random)` (RFC 5246 Section 6.3); no MAC keys, as
    /// all suites are AEAD.
    pub(crate) fn key_block(
        &self,
        provider: &CryptoProvider,
        suite: CipherSuite,
        randoms: &Randoms,
    ) -> KeyBlock {
        let aead = suite.aead();
        let (key, iv) = (aead.key_length(), aead.fixed_iv_length());
        let mut block = Zeroizing::new([0; 88]);
        let used = block.get_mut(..2 * (key + iv)).unwrap_or_default();
        provider.hash.prf(
            &self.0,
            b"key expansion",
            &[&randoms.server, &randoms.client],
            used,
        );
        let (keys, ivs) = used.split_at(2 * key);
        let (client_key, server_key) = keys.split_at(key);
        let (client_iv, server_iv) = ivs.split_at(iv);
        KeyBlock {
            client: TrafficKey::new(aead, client_key, client_iv),
            server: TrafficKey::new(aead, server_key, server_iv),
        }
    }

    /// `verify_data` (RFC 5246 Section 7.4.9) of the Finished that `sender` sends.
    pub(crate) fn verify_data(
        &self,
        provider: &CryptoProvider,
        sender: Role,
        transcript: &[u8; 32],
    ) -> [u8; VERIFY_DATA] {
        let label: &[u8] = match sender {
            Role::Client => b"client finished",
            Role::Server => b"server finished",
        };
        let mut data = [0; VERIFY_DATA];
        provider.hash.prf(&self.0, label, &[transcript], &mut data);
        data
    }
}

/// The premaster secret of a PSK key exchange (RFC 4279 Section 2): as many zeros as the key has bytes, then the
/// key, each with its length. `other` stands for the zeros where there is an ECDH secret (RFC 5489 Section 2).
pub(crate) fn psk_premaster(key: &[u8], other: Option<&[u8]>) -> Zeroizing<Vec<u8>> {
    let length = |bytes: usize| u16::try_from(bytes).unwrap_or(u16::MAX).to_be_bytes();
    let other_length = other.map_or(key.len(), <[u8]>::len);
    // With its whole capacity from the start: a vector that grows leaves secrets behind.
    let mut out = Zeroizing::new(Vec::with_capacity(
        other_length.saturating_add(key.len()).saturating_add(4),
    ));
    out.extend_from_slice(&length(other_length));
    match other {
        Some(secret) => out.extend_from_slice(secret),
        None => out.extend(core::iter::repeat_n(0, key.len())),
    }
    out.extend_from_slice(&length(key.len()));
    out.extend_from_slice(key);
    out
}

/// The hash over all handshake messages, as if each had come in one fragment (RFC 6347 Section 4.2.6).
pub(crate) struct Transcript {
    hash: Box<dyn HashContext>,
    /// The messages themselves, where they are signed.
    kept: Option<Vec<u8>>,
}

impl Transcript {
    pub(crate) fn new(provider: &CryptoProvider) -> Self {
        Self {
            hash: provider.hash.start(),
            kept: None,
        }
    }

    /// A transcript that keeps the messages: CertificateVerify signs them, and Ed25519 takes no hash (RFC 8422
    /// Section 5.8).
    pub(crate) fn keeping(provider: &CryptoProvider) -> Self {
        Self {
            kept: Some(Vec::new()),
            ..Self::new(provider)
        }
    }

    /// The messages so far; empty if they are not kept.
    pub(crate) fn messages(&self) -> &[u8] {
        self.kept.as_deref().unwrap_or_default()
    }

    /// RFC 6347 Section 4.2.6: MUST be computed as if each message had come in one fragment.
    pub(crate) fn add(&mut self, kind: HandshakeType, message_sequence: u16, body: &[u8]) {
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let header = transcript_header(kind, length, message_sequence);
        self.hash.update(&header);
        self.hash.update(body);
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(&header);
            kept.extend_from_slice(body);
        }
    }

    pub(crate) fn hash(&self) -> [u8; 32] {
        self.hash.current()
    }
}

impl fmt::Debug for Transcript {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Transcript")
    }
}

#[cfg(feature = "rust-crypto")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::rust::PROVIDER;
    use alloc::format;
    use alloc::string::String;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn the_prf_gives_the_published_vector() {
        // "P_SHA256 test vectors", IETF TLS mailing list, 2009.
        let mut output = [0; 100];
        let (secret, seed) = (
            unhex("9bbe436ba940f017b17652849a71db35"),
            unhex("a0ba9f936cda311827a6f796ffd5198c"),
        );
        PROVIDER.hash.prf(
            &secret,
            b"test label",
            &[&seed[..5], &seed[5..]],
            &mut output,
        );
        assert_eq!(
            hex(&output),
            "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa0\
             22f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66"
        );
    }

    #[test]
    fn l03_the_premaster_is_zeros_and_key_with_lengths() {
        assert_eq!(*psk_premaster(&[7, 8], None), [0, 2, 0, 0, 0, 2, 7, 8]);
        assert_eq!(
            *psk_premaster(&[7], Some(&[1, 2, 3])),
            [0, 3, 1, 2, 3, 0, 1, 7]
        );
        let long = psk_premaster(&[9; 64], None);
        assert_eq!(
            (long.len(), &long[..2], &long[66..69]),
            (132, &[0, 64][..], &[0, 64, 9][..])
        );
    }

    #[test]
    fn keys_of_both_directions_differ_and_depend_on_both_randoms() {
        let randoms = Randoms {
            client: [1; 32],
            server: [2; 32],
        };
        let master = MasterSecret::extended(&PROVIDER, b"premaster", &[3; 32]);
        for suite in CipherSuite::ALL {
            let block = master.key_block(&PROVIDER, suite, &randoms);
            assert_ne!(block.client.bytes(), block.server.bytes());
            let swapped = Randoms {
                client: [2; 32],
                server: [1; 32],
            };
            let other = master.key_block(&PROVIDER, suite, &swapped);
            assert_ne!(block.client.bytes(), other.client.bytes());
        }
        let hash = [4; 32];
        assert_ne!(
            master.verify_data(&PROVIDER, Role::Client, &hash),
            master.verify_data(&PROVIDER, Role::Server, &hash)
        );
    }
}
