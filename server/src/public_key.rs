//! Public keys as DTLS shows them: SubjectPublicKeyInfo (RFC 7250), compared with the COSE_Key of the registry.

use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::key::CoseKey;

/// The kinds of public keys that devices and resource servers can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicKeyKind {
    /// EC2 on P-256.
    P256,
    /// OKP with Ed25519.
    Ed25519,
}

impl PublicKeyKind {
    /// The kind of a key; `None` for a symmetric one.
    pub fn of(key: &CoseKey) -> Option<Self> {
        match key {
            CoseKey::Symmetric(_) => None,
            CoseKey::Ec2(_) => Some(Self::P256),
            CoseKey::Okp(_) => Some(Self::Ed25519),
        }
    }
}

/// The SubjectPublicKeyInfo of a public key, DER. `None` for a symmetric key or a point that is not on its curve.
pub fn subject_public_key_info(key: &CoseKey) -> Option<Vec<u8>> {
    key.public_key_info(&PROVIDER).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symmetric_keys_have_no_public_form() {
        assert_eq!(
            subject_public_key_info(&CoseKey::symmetric(&[1; 16], None)),
            None
        );
    }

    #[test]
    fn c12_points_off_the_curve_have_no_public_form() {
        let mut key = motekey_cose::key::Ec2Key {
            attributes: Default::default(),
            x: [0x11; 32],
            y: motekey_cose::key::YCoordinate::Value([0x22; 32]),
            private: None,
        };
        assert_eq!(subject_public_key_info(&CoseKey::Ec2(key.clone())), None);
        // The generator of P-256 with its sign bit: y is odd.
        key.x = [
            0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4,
            0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45,
            0xd8, 0x98, 0xc2, 0x96,
        ];
        key.y = motekey_cose::key::YCoordinate::SignBit(true);
        let info = subject_public_key_info(&CoseKey::Ec2(key)).unwrap();
        assert_eq!(info.len(), 91);
        assert_eq!(info[26], 4);
        assert_eq!(info[90], 0xf5);
    }
}
