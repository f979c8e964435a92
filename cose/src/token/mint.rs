//! Making tokens.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::{MintError, TokenStyle, TokenTags};
use crate::{
    cbor::Writer,
    claims::{Audience, ClaimsSet},
    confirmation::Confirmation,
    envelope::{Layout, encrypt0, mac0, sign1},
    key::{EncryptionKey, MacCreationKey, SigningKey},
    registry::tag,
};

/// How a token is protected. Keys are prepared once and used for many tokens; each brings the `kid` that the token
/// carries.
#[derive(Debug, Clone, Copy)]
pub enum ProtectionKey<'a> {
    /// Signed.
    Sign(&'a SigningKey),
    /// MACed under a key that the authorization server shares with one resource server.
    Mac(&'a MacCreationKey),
    /// Encrypted under a key that the authorization server shares with one resource server.
    Encrypt {
        /// The shared key.
        key: &'a EncryptionKey,
        /// Never used twice with this key: the caller keeps the counter (RFC 9053 Section 4.2.1).
        nonce: &'a [u8],
    },
    /// Signed, then encrypted: a nested token.
    SignAndEncrypt {
        /// The key of the inner token.
        signing: &'a SigningKey,
        /// The key of the outer token.
        encryption: &'a EncryptionKey,
        /// The nonce of the outer token, never used twice with its key.
        nonce: &'a [u8],
    },
}

impl ProtectionKey<'_> {
    fn is_encrypted(&self) -> bool {
        matches!(self, Self::Encrypt { .. } | Self::SignAndEncrypt { .. })
    }

    fn is_signed(&self) -> bool {
        matches!(self, Self::Sign(_) | Self::SignAndEncrypt { .. })
    }
}

/// Makes a token of `claims`.
///
/// # Errors
/// [`MintError`]: claims that this protection may not carry, or a key that could not be used.
pub fn mint(
    claims: &ClaimsSet,
    protection: &ProtectionKey<'_>,
    style: TokenStyle,
) -> Result<Vec<u8>, MintError> {
    check_claims(claims, protection)?;
    let payload = Zeroizing::new(claims.encode());
    let layout = Layout {
        headers: style.headers,
        tagged: style.tags != TokenTags::None,
    };
    let token = match protection {
        ProtectionKey::Sign(key) => sign1(&payload, key, &[], layout)?,
        ProtectionKey::Mac(key) => mac0(&payload, key, &[], layout),
        ProtectionKey::Encrypt { key, nonce } => encrypt0(&payload, key, nonce, &[], layout)?,
        ProtectionKey::SignAndEncrypt {
            signing,
            encryption,
            nonce,
        } => {
            // RFC 8392 Section 8: sign first, then encrypt. RFC 8392 Section 7.1: the inner token has its COSE tag.
            let inner = Zeroizing::new(sign1(
                &payload,
                signing,
                &[],
                Layout {
                    tagged: true,
                    ..layout
                },
            )?);
            encrypt0(&inner, encryption, nonce, &[], layout)?
        }
    };
    Ok(if style.tags == TokenTags::CwtAndCose {
        with_cwt_tag(&token)
    } else {
        token
    })
}

fn check_claims(claims: &ClaimsSet, protection: &ProtectionKey<'_>) -> Result<(), MintError> {
    if let Some(Confirmation::Key(key)) = &claims.cnf {
        // RFC 8747 Section 3.2, RFC 9200 Section 6.1: a symmetric key is in encrypted tokens only.
        if key.is_symmetric() && key.has_secret() && !protection.is_encrypted() {
            return Err(MintError::ClearSymmetricKey);
        }
        if !key.is_symmetric() && key.has_secret() {
            return Err(MintError::PrivateKey);
        }
    }
    match &claims.aud {
        // RFC 9200 Section 6.1: whoever shares the key of a MAC can make tokens for the others.
        Some(Audience::Many(names)) if names.len() > 1 && !protection.is_signed() => {
            Err(MintError::SharedSecretAudience)
        }
        _ => Ok(()),
    }
}

fn with_cwt_tag(token: &[u8]) -> Vec<u8> {
    let mut writer = Writer::with_capacity(token.len().saturating_add(2));
    writer.tag(tag::CWT);
    writer.encoded(token);
    writer.finish()
}
