//! The authorization servers that a resource server believes, with their keys.

use alloc::{string::String, vec::Vec};

use crate::{
    envelope::{Algorithm, Headers},
    key::{DecryptionKey, MacVerificationKey, VerifyingKey},
};

/// Most keys that are tried for one token: bounds what a hostile token can cost to so many signature checks.
pub const MAXIMUM_TRIES: usize = 8;

/// A key with which protection is checked.
#[derive(Debug)]
pub enum VerificationKey {
    /// Verifies signatures.
    Signature(VerifyingKey),
    /// Verifies MACs.
    Mac(MacVerificationKey),
    /// Decrypts tokens and Encrypted_COSE_Keys.
    Decryption(DecryptionKey),
}

impl VerificationKey {
    /// The algorithm of the key.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Signature(key) => Algorithm::Signature(key.algorithm()),
            Self::Mac(key) => Algorithm::Mac(key.algorithm()),
            Self::Decryption(key) => Algorithm::Aead(key.algorithm()),
        }
    }

    /// The key identifier.
    #[must_use]
    pub fn kid(&self) -> Option<&[u8]> {
        match self {
            Self::Signature(key) => key.kid(),
            Self::Mac(key) => key.kid(),
            Self::Decryption(key) => key.kid(),
        }
    }

    /// Whether the key could be the one of an envelope: same algorithm, and no `kid` that says otherwise.
    fn fits(&self, headers: &Headers) -> bool {
        let same_kid = match (self.kid(), headers.kid.as_deref()) {
            (Some(mine), Some(theirs)) => mine == theirs,
            _ => true,
        };
        same_kid && self.algorithm() == headers.algorithm
    }
}

/// An authorization server that may issue tokens for this resource server.
#[derive(Debug)]
pub struct TrustedIssuer {
    /// Its name, as in `iss`.
    pub name: String,
    /// Its keys.
    pub keys: Vec<VerificationKey>,
}

impl TrustedIssuer {
    /// The keys of this issuer that could be the one of an envelope. An equal `kid` decides nothing: two keys may have
    /// one (RFC 8747 Section 3.4).
    pub(super) fn candidates<'a>(
        &'a self,
        headers: &'a Headers,
    ) -> impl Iterator<Item = &'a VerificationKey> {
        self.keys.iter().filter(|key| key.fits(headers))
    }
}

/// The authorization servers that are believed. Filled by configuration, never by the network.
#[derive(Debug, Default)]
pub struct TrustedIssuers {
    /// In the order in which their keys are tried.
    pub issuers: Vec<TrustedIssuer>,
}

impl TrustedIssuers {
    /// A table with one issuer.
    #[must_use]
    pub fn one(name: impl Into<String>, keys: Vec<VerificationKey>) -> Self {
        Self {
            issuers: Vec::from([TrustedIssuer {
                name: name.into(),
                keys,
            }]),
        }
    }

    /// The keys that could be the one of an envelope, each with its issuer.
    pub(super) fn candidates<'a>(
        &'a self,
        headers: &'a Headers,
    ) -> impl Iterator<Item = (&'a TrustedIssuer, &'a VerificationKey)> {
        self.issuers
            .iter()
            .flat_map(|issuer| issuer.candidates(headers).map(move |key| (issuer, key)))
    }
}
