//! Responses as the application sees them: whole, without tokens, message ids and blocks.

use super::options::number;
use super::{Code, ContentFormat, Options};

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The response code.
    pub code: Code,
    /// The options, without those of block-wise transfer.
    pub options: Options,
    /// The whole body.
    pub payload: Vec<u8>,
    observable: bool,
    receipt: Option<u64>,
}

impl Response {
    /// A response without options and body.
    pub const fn new(code: Code) -> Self {
        Self {
            code,
            options: Options::new(),
            payload: Vec::new(),
            observable: false,
            receipt: None,
        }
    }

    /// Sets body and Content-Format.
    #[must_use]
    pub fn with_payload(mut self, format: ContentFormat, payload: impl Into<Vec<u8>>) -> Self {
        self.options.set_content_format(format);
        self.payload = payload.into();
        self
    }

    /// Sets a diagnostic payload: text without Content-Format, for people only (RFC 7252 Section 5.5.2).
    #[must_use]
    pub fn with_diagnostic(mut self, text: &str) -> Self {
        self.options.remove(number::CONTENT_FORMAT);
        self.payload = text.as_bytes().to_vec();
        self
    }

    /// Sets Max-Age in seconds.
    #[must_use]
    pub fn max_age(mut self, seconds: u32) -> Self {
        self.options.set_integer(number::MAX_AGE, seconds);
        self
    }

    /// Sets Location-Path from a path such as `/a/b`.
    #[must_use]
    pub fn location_path(mut self, path: &str) -> Self {
        self.options.set_location_path(path);
        self
    }

    /// Accepts the observation that the request asked for. Without effect if it did not ask, or if the code is an
    /// error.
    #[must_use]
    pub const fn observable(mut self) -> Self {
        self.observable = true;
        self
    }

    /// As a notification: is sent in a Confirmable message, and its acknowledgement is reported with `receipt`
    /// ([`Event::NotificationAcknowledged`](crate::endpoint::Event)). A notification that a newer one replaces before
    /// it is sent is not reported. Without effect on other responses.
    #[must_use]
    pub const fn with_receipt(mut self, receipt: u64) -> Self {
        self.receipt = Some(receipt);
        self
    }

    /// What [`Response::with_receipt`] was called with.
    pub const fn receipt(&self) -> Option<u64> {
        self.receipt
    }

    /// Whether [`Response::observable`] was called.
    pub const fn is_observable(&self) -> bool {
        self.observable
    }
}
