//! Alerts (RFC 5246 Section 7.2).

use super::{DecodeError, Reader};

/// An `AlertDescription`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AlertDescription(pub u8);

impl AlertDescription {
    /// The sender will send no more.
    pub const CLOSE_NOTIFY: Self = Self(0);
    /// A message at a time when it may not come.
    pub const UNEXPECTED_MESSAGE: Self = Self(10);
    /// A record did not verify.
    pub const BAD_RECORD_MAC: Self = Self(20);
    /// No acceptable set of parameters.
    pub const HANDSHAKE_FAILURE: Self = Self(40);
    /// A certificate is corrupt or its signature does not verify.
    pub const BAD_CERTIFICATE: Self = Self(42);
    /// A certificate of a type that is not supported (RFC 7250 Section 4.2: no common type).
    pub const UNSUPPORTED_CERTIFICATE: Self = Self(43);
    /// A certificate has expired or is not yet valid.
    pub const CERTIFICATE_EXPIRED: Self = Self(45);
    /// A certificate is not acceptable for another reason.
    pub const CERTIFICATE_UNKNOWN: Self = Self(46);
    /// A field out of range (RFC 9202 Section 3.3.2: an identity that selects no token).
    pub const ILLEGAL_PARAMETER: Self = Self(47);
    /// A chain that leads to no known authority.
    pub const UNKNOWN_CA: Self = Self(48);
    /// A certificate is valid, but its owner may not connect.
    pub const ACCESS_DENIED: Self = Self(49);
    /// A message could not be decoded.
    pub const DECODE_ERROR: Self = Self(50);
    /// A signature or a Finished did not verify.
    pub const DECRYPT_ERROR: Self = Self(51);
    /// A version that is not supported.
    pub const PROTOCOL_VERSION: Self = Self(70);
    /// An error that has nothing to do with the peer.
    pub const INTERNAL_ERROR: Self = Self(80);
    /// Renegotiation is declined.
    pub const NO_RENEGOTIATION: Self = Self(100);
    /// An extension that was not offered (RFC 5246 Section 7.4.1.4).
    pub const UNSUPPORTED_EXTENSION: Self = Self(110);
    /// No key for this PSK identity (RFC 4279 Section 2). We never send it.
    pub const UNKNOWN_PSK_IDENTITY: Self = Self(115);
}

/// One alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alert {
    /// Whether the sender ended the session with it.
    pub fatal: bool,
    /// What happened.
    pub description: AlertDescription,
}

impl Alert {
    /// A warning.
    pub const fn warning(description: AlertDescription) -> Self {
        Self {
            fatal: false,
            description,
        }
    }

    /// A fatal alert.
    pub const fn fatal(description: AlertDescription) -> Self {
        Self {
            fatal: true,
            description,
        }
    }

    /// The two bytes on the wire.
    pub const fn to_bytes(self) -> [u8; 2] {
        [if self.fatal { 2 } else { 1 }, self.description.0]
    }

    /// Reads the two bytes.
    ///
    /// # Errors
    /// Another length, or a level that is neither warning nor fatal.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let level = reader.u8()?;
        let description = AlertDescription(reader.u8()?);
        reader.finish()?;
        match level {
            1 => Ok(Self::warning(description)),
            2 => Ok(Self::fatal(description)),
            got => Err(DecodeError::IllegalValue {
                got: u32::from(got),
                wanted: "alert level 1 or 2",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_two_bytes() {
        let alert = Alert::fatal(AlertDescription::ILLEGAL_PARAMETER);
        assert_eq!(alert.to_bytes(), [2, 47]);
        assert_eq!(Alert::decode(&[2, 47]), Ok(alert));
        assert_eq!(
            Alert::decode(&[1, 0]),
            Ok(Alert::warning(AlertDescription::CLOSE_NOTIFY))
        );
        for bad in [&[][..], &[1], &[0, 0], &[3, 0], &[1, 0, 0]] {
            assert!(Alert::decode(bad).is_err(), "{bad:?}");
        }
    }
}
