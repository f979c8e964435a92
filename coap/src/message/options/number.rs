//! Option numbers. Odd numbers are critical (RFC 7252 Section 5.4.6).

/// If-Match.
pub const IF_MATCH: u16 = 1;
/// Uri-Host.
pub const URI_HOST: u16 = 3;
/// ETag.
pub const ETAG: u16 = 4;
/// If-None-Match.
pub const IF_NONE_MATCH: u16 = 5;
/// Observe (RFC 7641).
pub const OBSERVE: u16 = 6;
/// Uri-Port.
pub const URI_PORT: u16 = 7;
/// Location-Path.
pub const LOCATION_PATH: u16 = 8;
/// OSCORE (RFC 8613).
pub const OSCORE: u16 = 9;
/// Uri-Path.
pub const URI_PATH: u16 = 11;
/// Content-Format.
pub const CONTENT_FORMAT: u16 = 12;
/// Max-Age.
pub const MAX_AGE: u16 = 14;
/// Uri-Query.
pub const URI_QUERY: u16 = 15;
/// Accept.
pub const ACCEPT: u16 = 17;
/// Location-Query.
pub const LOCATION_QUERY: u16 = 20;
/// EDHOC (RFC 9668).
pub const EDHOC: u16 = 21;
/// Block2 (RFC 7959).
pub const BLOCK2: u16 = 23;
/// Block1 (RFC 7959).
pub const BLOCK1: u16 = 27;
/// Size2 (RFC 7959).
pub const SIZE2: u16 = 28;
/// Proxy-Uri.
pub const PROXY_URI: u16 = 35;
/// Proxy-Scheme.
pub const PROXY_SCHEME: u16 = 39;
/// Size1.
pub const SIZE1: u16 = 60;
/// Echo (RFC 9175).
pub const ECHO: u16 = 252;
/// No-Response (RFC 7967).
pub const NO_RESPONSE: u16 = 258;
/// Request-Tag (RFC 9175).
pub const REQUEST_TAG: u16 = 292;

/// A receiver that does not know a critical option refuses the message (RFC 7252 Section 5.4.1).
pub const fn is_critical(number: u16) -> bool {
    number & 1 == 1
}
