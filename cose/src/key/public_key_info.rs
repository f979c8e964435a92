//! SubjectPublicKeyInfo (RFC 5280 Section 4.1), the form in which DTLS and certificates show public keys.

use alloc::vec::Vec;

use super::{CoseKey, Ec2Key, KeyAttributes, KeyError, OkpKey, YCoordinate, split_point};
use crate::crypto::CryptoProvider;

/// DER before the 65 bytes of an uncompressed P-256 point (RFC 5480 Section 2).
const P256_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// DER before the 32 bytes of an Ed25519 public key (RFC 8410 Section 4).
const ED25519_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

impl CoseKey {
    /// The SubjectPublicKeyInfo of the public part, DER; after a check that the point is on its curve.
    ///
    /// # Errors
    /// [`KeyError::NotAPoint`], also for a symmetric key, which has no public part.
    pub fn public_key_info(&self, provider: &CryptoProvider) -> Result<Vec<u8>, KeyError> {
        match self {
            Self::Symmetric(_) => Err(KeyError::NotAPoint),
            Self::Ec2(key) => Ok([P256_PREFIX.as_slice(), &key.point(provider)?].concat()),
            Self::Okp(key) => {
                self.check_point(provider)?;
                Ok([ED25519_PREFIX.as_slice(), &key.x].concat())
            }
        }
    }

    /// The public key of a SubjectPublicKeyInfo, DER: P-256 as an uncompressed point, or Ed25519. Nothing else is
    /// read, no other spelling either.
    ///
    /// # Errors
    /// [`KeyError::NotAPoint`] for other algorithms and forms, and for points off the curve.
    pub fn from_public_key_info(
        provider: &CryptoProvider,
        info: &[u8],
        kid: Option<&[u8]>,
    ) -> Result<Self, KeyError> {
        let attributes = KeyAttributes {
            kid: kid.map(<[u8]>::to_vec),
            ..KeyAttributes::default()
        };
        let key = if let Some(point) = info.strip_prefix(&P256_PREFIX) {
            if point.first() != Some(&4) {
                return Err(KeyError::NotAPoint);
            }
            let (x, y) = split_point(point)?;
            Self::Ec2(Ec2Key {
                attributes,
                x,
                y: YCoordinate::Value(y),
                private: None,
            })
        } else {
            let x = info.strip_prefix(&ED25519_PREFIX);
            let x = x.and_then(|x| x.try_into().ok());
            Self::Okp(OkpKey {
                attributes,
                x: x.ok_or(KeyError::NotAPoint)?,
                private: None,
            })
        };
        key.check_point(provider)?;
        Ok(key)
    }
}

#[cfg(all(test, feature = "rust-crypto"))]
mod tests {
    use super::*;
    use crate::crypto::rust::PROVIDER;

    #[test]
    fn public_keys_come_back_from_their_info() {
        for key in [
            CoseKey::p256(&PROVIDER, &[7; 32], Some(b"a")).unwrap(),
            CoseKey::ed25519(&PROVIDER, &[7; 32], Some(b"a")).unwrap(),
        ] {
            let info = key.public_key_info(&PROVIDER).unwrap();
            let read = CoseKey::from_public_key_info(&PROVIDER, &info, Some(b"a"));
            assert_eq!(read.unwrap(), key.public().unwrap());
        }
        let symmetric = CoseKey::symmetric(&[1; 16], None);
        assert_eq!(
            symmetric.public_key_info(&PROVIDER),
            Err(KeyError::NotAPoint)
        );
    }

    #[test]
    fn c12_other_infos_and_points_off_the_curve_are_refused() {
        let key = CoseKey::p256(&PROVIDER, &[7; 32], None).unwrap();
        let good = key.public_key_info(&PROVIDER).unwrap();
        let mut off = good.clone();
        off[90] ^= 1;
        let mut compressed = good.clone();
        compressed[26] = 2;
        let long = [good.as_slice(), &[0]].concat();
        let cases: [&[u8]; 6] = [&[], &good[..90], &long, &off, &compressed, &ED25519_PREFIX];
        for info in cases {
            let read = CoseKey::from_public_key_info(&PROVIDER, info, None);
            assert_eq!(read, Err(KeyError::NotAPoint), "{info:02x?}");
        }
    }
}
