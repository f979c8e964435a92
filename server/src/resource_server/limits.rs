/// What bounds the memory and the work that peers can cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Tokens held at a time. Default 4096, as many as sessions, about 1 kB each. When full, the oldest that was
    /// never used gives way, then the one whose last session ended first; if all have live sessions, new ones are
    /// answered with 5.03.
    pub tokens: usize,
    /// Seconds after which a token that was never used for a session is dropped. Default 600.
    // RFC 9202 Section 7: a time boundary for tokens that are not used.
    pub unused_token_seconds: u64,
    /// Observations of one session. Default 16; a further one is answered without Observe. Not below
    /// [`max_observations`](motekey_coap::endpoint::EndpointConfig::max_observations) of the endpoint.
    pub observations: usize,
    /// Uploads a second from one address, with a burst of four times that. Default 16. Addresses share 256 places.
    pub uploads_per_second: u32,
    /// Bad tokens in PSK identities that are looked at in a second, from all peers together, with a burst of four times
    /// that. Good ones are not counted. Default 1000: verifying as many signatures takes a few percent of one core.
    pub bad_identities_per_second: u32,
    /// Hashes of revoked tokens held at a time. Default 16384, about 200 bytes each, more than the longest list has that
    /// is read; the oldest gives way.
    pub revoked_tokens: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tokens: 4096,
            unused_token_seconds: 600,
            observations: 16,
            uploads_per_second: 16,
            bad_identities_per_second: 1000,
            revoked_tokens: 16_384,
        }
    }
}
