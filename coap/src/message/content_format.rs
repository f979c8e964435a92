//! Content-Formats (RFC 7252 Section 12.3) as far as authorization and its examples use them.

use core::fmt;

/// A Content-Format number of the IANA registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentFormat(pub u16);

impl ContentFormat {
    /// `text/plain; charset=utf-8`.
    pub const TEXT_PLAIN: Self = Self(0);
    /// `application/cose; cose-type="cose-encrypt0"`.
    pub const COSE_ENCRYPT0: Self = Self(16);
    /// `application/cose; cose-type="cose-mac0"`.
    pub const COSE_MAC0: Self = Self(17);
    /// `application/cose; cose-type="cose-sign1"`.
    pub const COSE_SIGN1: Self = Self(18);
    /// `application/ace+cbor` (RFC 9200).
    pub const ACE_CBOR: Self = Self(19);
    /// `application/link-format` (RFC 6690).
    pub const LINK_FORMAT: Self = Self(40);
    /// `application/octet-stream`.
    pub const OCTET_STREAM: Self = Self(42);
    /// `application/json`.
    pub const JSON: Self = Self(50);
    /// `application/cbor`.
    pub const CBOR: Self = Self(60);
    /// `application/cwt` (RFC 8392).
    pub const CWT: Self = Self(61);
    /// `application/cose-key`.
    pub const COSE_KEY: Self = Self(101);
    /// `application/cose-key-set`.
    pub const COSE_KEY_SET: Self = Self(102);
    /// `application/concise-problem-details+cbor` (RFC 9290).
    pub const CONCISE_PROBLEM_DETAILS: Self = Self(257);
    /// `application/ace-trl+cbor` (RFC 9770).
    pub const ACE_TRL_CBOR: Self = Self(262);
    /// `application/aif+cbor` (RFC 9237).
    pub const AIF_CBOR: Self = Self(290);

    /// The media type, if this crate names it.
    pub const fn media_type(self) -> Option<&'static str> {
        Some(match self {
            Self::TEXT_PLAIN => "text/plain; charset=utf-8",
            Self::COSE_ENCRYPT0 => "application/cose; cose-type=\"cose-encrypt0\"",
            Self::COSE_MAC0 => "application/cose; cose-type=\"cose-mac0\"",
            Self::COSE_SIGN1 => "application/cose; cose-type=\"cose-sign1\"",
            Self::ACE_CBOR => "application/ace+cbor",
            Self::LINK_FORMAT => "application/link-format",
            Self::OCTET_STREAM => "application/octet-stream",
            Self::JSON => "application/json",
            Self::CBOR => "application/cbor",
            Self::CWT => "application/cwt",
            Self::COSE_KEY => "application/cose-key",
            Self::COSE_KEY_SET => "application/cose-key-set",
            Self::CONCISE_PROBLEM_DETAILS => "application/concise-problem-details+cbor",
            Self::ACE_TRL_CBOR => "application/ace-trl+cbor",
            Self::AIF_CBOR => "application/aif+cbor",
            _ => return None,
        })
    }
}

impl fmt::Display for ContentFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.media_type() {
            Some(name) => formatter.write_str(name),
            None => write!(formatter, "Content-Format {}", self.0),
        }
    }
}

impl From<u16> for ContentFormat {
    fn from(number: u16) -> Self {
        Self(number)
    }
}
