//! Ephemeral keys: P-256 by `p256`, X25519 by `curve25519-dalek`.

use alloc::boxed::Box;

use curve25519_dalek::MontgomeryPoint;
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::{PublicKey, SecretKey};
use zeroize::Zeroizing;

use crate::crypto::{CryptoError, EphemeralKey, KeyExchangeProvider, NamedGroup, RandomSource};

/// The key exchanges.
#[derive(Debug)]
pub struct RustKeyExchange;

/// How often a scalar is drawn: one in 2^32 is not below the order of P-256.
const ATTEMPTS: usize = 8;

impl KeyExchangeProvider for RustKeyExchange {
    fn generate(
        &self,
        group: NamedGroup,
        random: &mut dyn RandomSource,
    ) -> Result<Box<dyn EphemeralKey>, CryptoError> {
        let mut secret = Zeroizing::new([0; 32]);
        match group {
            NamedGroup::X25519 => {
                random.fill(&mut *secret).map_err(|_| CryptoError)?;
                let public = MontgomeryPoint::mul_base_clamped(*secret).to_bytes();
                Ok(Box::new(X25519 { secret, public }))
            }
            NamedGroup::Secp256r1 => {
                for _ in 0..ATTEMPTS {
                    random.fill(&mut *secret).map_err(|_| CryptoError)?;
                    if let Ok(secret) = SecretKey::from_slice(&*secret) {
                        return P256::new(secret).map(|key| Box::new(key) as Box<dyn EphemeralKey>);
                    }
                }
                Err(CryptoError)
            }
        }
    }
}

struct X25519 {
    secret: Zeroizing<[u8; 32]>,
    public: [u8; 32],
}

impl EphemeralKey for X25519 {
    fn public(&self) -> &[u8] {
        &self.public
    }

    fn agree(self: Box<Self>, peer: &[u8]) -> Result<Zeroizing<[u8; 32]>, CryptoError> {
        let peer = MontgomeryPoint(peer.try_into().map_err(|_| CryptoError)?);
        let shared = Zeroizing::new(peer.mul_clamped(*self.secret).to_bytes());
        // RFC 8422 Section 5.11: abort if the shared secret is all zeros.
        let nonzero = shared.iter().fold(0, |bits, byte| bits | byte) != 0;
        if nonzero {
            Ok(shared)
        } else {
            Err(CryptoError)
        }
    }
}

struct P256 {
    secret: SecretKey,
    public: [u8; 65],
}

impl P256 {
    fn new(secret: SecretKey) -> Result<Self, CryptoError> {
        let point = secret.public_key().to_sec1_point(false);
        let public = point.as_bytes().try_into().map_err(|_| CryptoError)?;
        Ok(Self { secret, public })
    }
}

impl EphemeralKey for P256 {
    fn public(&self) -> &[u8] {
        &self.public
    }

    fn agree(self: Box<Self>, peer: &[u8]) -> Result<Zeroizing<[u8; 32]>, CryptoError> {
        // RFC 8422 Section 5.1.2: uncompressed points only; Section 5.11: the point is checked to be on the curve.
        if peer.first() != Some(&4) {
            return Err(CryptoError);
        }
        let peer = PublicKey::from_sec1_bytes(peer).map_err(|_| CryptoError)?;
        let shared = p256::ecdh::diffie_hellman(self.secret.to_nonzero_scalar(), peer.as_affine());
        let mut bytes = Zeroizing::new([0; 32]);
        bytes.copy_from_slice(shared.raw_secret_bytes());
        Ok(bytes)
    }
}
