//! The keys that a resource server shares with authorization servers, checked and prepared.

use motekey_cose::crypto::CryptoError;
use motekey_cose::key::{CoseKey, KeyError};
use motekey_cose::token::{TrustedIssuer, TrustedIssuers, VerificationKey};

use super::{BuildError, ResourceServerBuilder};

/// Shortest key in bytes that others are derived from.
const SHORTEST_DERIVATION_KEY: usize = 16;

impl ResourceServerBuilder {
    /// RFC 9202 Section 3.3.1: one derivation key for each pair, apart from every other secret.
    pub(super) fn check_derivation_keys(&self) -> Result<(), BuildError> {
        let shared = self.shared_keys.iter().map(|(_, secret)| &secret.key);
        let others = |index: usize| {
            let derivation = self.derivation_keys.iter().enumerate();
            let derivation = derivation.filter(move |(other, _)| *other != index);
            shared.clone().chain(derivation.map(|(_, (_, key))| key))
        };
        for (index, (issuer, key)) in self.derivation_keys.iter().enumerate() {
            if key.expose().len() < SHORTEST_DERIVATION_KEY {
                return Err(BuildError::SharedKey {
                    issuer: issuer.clone(),
                    error: KeyError::Crypto(CryptoError::KeyLength {
                        got: key.expose().len(),
                        wanted: SHORTEST_DERIVATION_KEY,
                    }),
                });
            }
            if others(index).any(|other| other == key) {
                return Err(BuildError::KeyInUse {
                    issuer: issuer.clone(),
                });
            }
        }
        Ok(())
    }

    pub(super) fn trusted_issuers(&mut self) -> Result<TrustedIssuers, BuildError> {
        let mut issuers = std::mem::take(&mut self.issuers);
        let secrets = std::mem::take(&mut self.shared_keys);
        for (index, (issuer, secret)) in secrets.iter().enumerate() {
            // RFC 9200 Section 6.3: no secret is shared by more than two parties.
            if secrets
                .iter()
                .take(index)
                .any(|(other, known)| other != issuer && known.key == secret.key)
            {
                return Err(BuildError::KeyInUse {
                    issuer: issuer.clone(),
                });
            }
            let key = CoseKey::symmetric(secret.key.expose(), secret.key_id.as_deref());
            let key = key
                .decryption_key(&self.crypto, secret.algorithm)
                .map_err(|error| BuildError::SharedKey {
                    issuer: issuer.clone(),
                    error,
                })?;
            let key = VerificationKey::Decryption(key);
            match issuers.iter_mut().find(|known| known.name == *issuer) {
                Some(known) => known.keys.push(key),
                None => issuers.push(TrustedIssuer {
                    name: issuer.clone(),
                    keys: vec![key],
                }),
            }
        }
        if issuers.is_empty() {
            return Err(BuildError::NoIssuer);
        }
        Ok(TrustedIssuers { issuers })
    }
}
