//! Every IANA number that motekey uses, in one place. Taken from the registries on 2026-11-01; the section named
//! at each group is where the number was assigned.

/// CWT claims (RFC 8392 Section 4, RFC 8747 Section 7.1, RFC 9200 Section 8.14).
pub mod claim {
    /// `iss`, text.
    pub const ISS: i64 = 1;
    /// `sub`, text.
    pub const SUB: i64 = 2;
    /// `aud`, text or array of texts.
    pub const AUD: i64 = 3;
    /// `exp`, seconds since 1970-01-01 as a plain number.
    pub const EXP: i64 = 4;
    /// `nbf`, seconds.
    pub const NBF: i64 = 5;
    /// `iat`, seconds.
    pub const IAT: i64 = 6;
    /// `cti`, bytes.
    pub const CTI: i64 = 7;
    /// `cnf`, map.
    pub const CNF: i64 = 8;
    /// `scope`, text or bytes.
    pub const SCOPE: i64 = 9;
    /// `ace_profile`, integer.
    pub const ACE_PROFILE: i64 = 38;
    /// `cnonce`, bytes.
    pub const CNONCE: i64 = 39;
    /// `exi`, unsigned seconds.
    pub const EXI: i64 = 40;
}

/// Parameters of `application/ace+cbor` maps at the token endpoint and at authz-info (RFC 9200 Table 5, RFC 9201
/// Table 1). Introspection has its own numbers: [`introspection`].
pub mod parameter {
    /// `access_token`, bytes.
    pub const ACCESS_TOKEN: i64 = 1;
    /// `expires_in`, unsigned seconds.
    pub const EXPIRES_IN: i64 = 2;
    /// `req_cnf`, map.
    pub const REQ_CNF: i64 = 4;
    /// `audience`, text.
    pub const AUDIENCE: i64 = 5;
    /// `cnf`, map.
    pub const CNF: i64 = 8;
    /// `scope`, text or bytes.
    pub const SCOPE: i64 = 9;
    /// `client_id`, text.
    pub const CLIENT_ID: i64 = 24;
    /// `client_secret`, bytes.
    pub const CLIENT_SECRET: i64 = 25;
    /// `response_type`, text.
    pub const RESPONSE_TYPE: i64 = 26;
    /// `redirect_uri`, text.
    pub const REDIRECT_URI: i64 = 27;
    /// `state`, text.
    pub const STATE: i64 = 28;
    /// `code`, bytes.
    pub const CODE: i64 = 29;
    /// `error`, integer.
    pub const ERROR: i64 = 30;
    /// `error_description`, text.
    pub const ERROR_DESCRIPTION: i64 = 31;
    /// `error_uri`, text.
    pub const ERROR_URI: i64 = 32;
    /// `grant_type`, unsigned.
    pub const GRANT_TYPE: i64 = 33;
    /// `token_type`, integer.
    pub const TOKEN_TYPE: i64 = 34;
    /// `username`, text.
    pub const USERNAME: i64 = 35;
    /// `password`, text.
    pub const PASSWORD: i64 = 36;
    /// `refresh_token`, bytes.
    pub const REFRESH_TOKEN: i64 = 37;
    /// `ace_profile`, integer, or null in a request.
    pub const ACE_PROFILE: i64 = 38;
    /// `cnonce`, bytes.
    pub const CNONCE: i64 = 39;
    /// `rs_cnf`, map.
    pub const RS_CNF: i64 = 41;
}

/// Parameters of introspection maps (RFC 9200 Table 6, RFC 9201 Section 4): a separate number space, in which
/// several numbers differ from [`parameter`].
pub mod introspection {
    /// `iss`, text.
    pub const ISS: i64 = 1;
    /// `sub`, text.
    pub const SUB: i64 = 2;
    /// `aud`, text or array of texts.
    pub const AUD: i64 = 3;
    /// `exp`, seconds.
    pub const EXP: i64 = 4;
    /// `nbf`, seconds.
    pub const NBF: i64 = 5;
    /// `iat`, seconds.
    pub const IAT: i64 = 6;
    /// `cti`, bytes.
    pub const CTI: i64 = 7;
    /// `cnf`, map.
    pub const CNF: i64 = 8;
    /// `scope`, text or bytes.
    pub const SCOPE: i64 = 9;
    /// `active`, boolean.
    pub const ACTIVE: i64 = 10;
    /// `token`, bytes.
    pub const TOKEN: i64 = 11;
    /// `client_id`, text.
    pub const CLIENT_ID: i64 = 24;
    /// `error`, integer.
    pub const ERROR: i64 = 30;
    /// `error_description`, text.
    pub const ERROR_DESCRIPTION: i64 = 31;
    /// `error_uri`, text.
    pub const ERROR_URI: i64 = 32;
    /// `token_type_hint`, text: 33 is `grant_type` in the token map.
    pub const TOKEN_TYPE_HINT: i64 = 33;
    /// `token_type`, integer.
    pub const TOKEN_TYPE: i64 = 34;
    /// `username`, text.
    pub const USERNAME: i64 = 35;
    /// `ace_profile`, integer.
    pub const ACE_PROFILE: i64 = 38;
    /// `cnonce`, bytes.
    pub const CNONCE: i64 = 39;
    /// `exi`, unsigned seconds: 40 is `nonce1` in the token map.
    pub const EXI: i64 = 40;
}

/// Members of AS Request Creation Hints (RFC 9200 Table 1).
pub mod hint {
    /// `AS`, absolute URI as text.
    pub const AS: i64 = 1;
    /// `kid`, bytes.
    pub const KID: i64 = 2;
    /// `audience`, text.
    pub const AUDIENCE: i64 = 5;
    /// `scope`, text or bytes.
    pub const SCOPE: i64 = 9;
    /// `cnonce`, bytes.
    pub const CNONCE: i64 = 39;
}

/// Members of the answers of the Token Revocation List (RFC 9770 Section 12).
pub mod revocation {
    /// `full_set`, array of byte strings.
    pub const FULL_SET: i64 = 0;
    /// `diff_set`, array of pairs of such arrays.
    pub const DIFF_SET: i64 = 1;
    /// `cursor`, null or unsigned.
    pub const CURSOR: i64 = 2;
    /// `more`, boolean.
    pub const MORE: i64 = 3;
}

/// Concise problem details (RFC 9290), with the entry of RFC 9770 Section 6.1.
pub mod problem {
    /// `detail`, text.
    pub const DETAIL: i64 = -2;
    /// `ace-trl-error`, map.
    pub const ACE_TRL_ERROR: i64 = 1;
    /// `error-id` in `ace-trl-error`, integer.
    pub const TRL_ERROR_ID: i64 = 0;
    /// `cursor` in `ace-trl-error`, null or unsigned.
    pub const TRL_CURSOR: i64 = 1;
}

/// CWT confirmation methods (RFC 8747 Section 7.2.2).
pub mod confirmation {
    /// A COSE_Key.
    pub const COSE_KEY: i64 = 1;
    /// An Encrypted_COSE_Key: COSE_Encrypt or COSE_Encrypt0.
    pub const ENCRYPTED_COSE_KEY: i64 = 2;
    /// A key identifier, bytes.
    pub const KID: i64 = 3;
    /// `x5t`, the hash of an X.509 certificate. Provisional: draft-ietf-ace-edhoc-oscore-profile-11.
    pub const X5T: i64 = 6;
    /// `x5chain`, X.509 certificates, end entity first. Provisional, as `x5t`.
    pub const X5CHAIN: i64 = 24;
}

/// CBOR tags.
pub mod tag {
    /// COSE_Encrypt0 (RFC 9052).
    pub const ENCRYPT0: u64 = 16;
    /// COSE_Mac0.
    pub const MAC0: u64 = 17;
    /// COSE_Sign1.
    pub const SIGN1: u64 = 18;
    /// CWT (RFC 8392 Section 6).
    pub const CWT: u64 = 61;
    /// COSE_Encrypt.
    pub const ENCRYPT: u64 = 96;
    /// COSE_Mac.
    pub const MAC: u64 = 97;
    /// COSE_Sign.
    pub const SIGN: u64 = 98;
}

/// COSE header parameters (RFC 9052 Section 3.1).
pub mod header {
    /// Algorithm.
    pub const ALG: i64 = 1;
    /// Critical labels.
    pub const CRIT: i64 = 2;
    /// Content type.
    pub const CONTENT_TYPE: i64 = 3;
    /// Key identifier.
    pub const KID: i64 = 4;
    /// Initialization vector.
    pub const IV: i64 = 5;
    /// Partial initialization vector.
    pub const PARTIAL_IV: i64 = 6;
}

/// COSE algorithms (RFC 9053).
pub mod algorithm {
    /// AES-GCM, 128-bit key.
    pub const A128GCM: i64 = 1;
    /// AES-GCM, 192-bit key.
    pub const A192GCM: i64 = 2;
    /// AES-GCM, 256-bit key.
    pub const A256GCM: i64 = 3;
    /// HMAC SHA-256 truncated to 64 bits.
    pub const HMAC_256_64: i64 = 4;
    /// HMAC SHA-256.
    pub const HMAC_256_256: i64 = 5;
    /// AES-CCM, 128-bit key, 64-bit tag, 13-byte nonce.
    pub const AES_CCM_16_64_128: i64 = 10;
    /// AES-CCM, 128-bit key, 128-bit tag, 13-byte nonce.
    pub const AES_CCM_16_128_128: i64 = 30;
    /// ECDSA with SHA-256 on P-256.
    pub const ES256: i64 = -7;
    /// EdDSA.
    pub const EDDSA: i64 = -8;
    /// SHA-256, truncated to 64 bits (RFC 9054).
    pub const SHA_256_64: i64 = -15;
    /// SHA-256 (RFC 9054).
    pub const SHA_256: i64 = -16;
}

/// COSE_Key labels, types, curves and operations (RFC 9052 Section 7, RFC 9053 Section 7).
pub mod key {
    /// Label `kty`.
    pub const KTY: i64 = 1;
    /// Label `kid`.
    pub const KID: i64 = 2;
    /// Label `alg`.
    pub const ALG: i64 = 3;
    /// Label `key_ops`.
    pub const KEY_OPS: i64 = 4;
    /// Label `Base IV`.
    pub const BASE_IV: i64 = 5;
    /// Label `crv` of OKP and EC2.
    pub const CRV: i64 = -1;
    /// Label `x` of OKP and EC2.
    pub const X: i64 = -2;
    /// Label `y` of EC2.
    pub const Y: i64 = -3;
    /// Label `d` of OKP and EC2.
    pub const D: i64 = -4;
    /// Label `k` of a symmetric key.
    pub const K: i64 = -1;
    /// Key type OKP.
    pub const KTY_OKP: i64 = 1;
    /// Key type EC2.
    pub const KTY_EC2: i64 = 2;
    /// Key type symmetric.
    pub const KTY_SYMMETRIC: i64 = 4;
    /// Curve P-256.
    pub const CRV_P256: i64 = 1;
    /// Curve Ed25519.
    pub const CRV_ED25519: i64 = 6;
}

/// ACE profiles (RFC 9202, RFC 9203, RFC 9431).
pub mod profile {
    /// `coap_dtls`.
    pub const COAP_DTLS: i64 = 1;
    /// `coap_oscore`.
    pub const COAP_OSCORE: i64 = 2;
    /// `mqtt_tls`.
    pub const MQTT_TLS: i64 = 3;
}
