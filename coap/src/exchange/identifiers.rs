//! Message IDs and tokens of one session.

use super::Context;
use crate::message::Token;
use crate::time::Instant;

/// Message IDs there are.
const MESSAGE_IDS: u32 = 1 << 16;

/// Where the next Message ID and token come from.
#[derive(Debug)]
pub(crate) struct Identifiers {
    next_id: u16,
    /// IDs used since `window` began, and in the window before it. A window is at least EXCHANGE_LIFETIME long, so the
    /// two together cover every ID that may still be alive.
    used: u32,
    used_before: u32,
    window: Instant,
    next_token: u64,
    /// On plain CoAP tokens are unpredictable; under DTLS they are counters.
    plain: bool,
}

impl Identifiers {
    pub(crate) const fn new(first_id: u16, plain: bool, now: Instant) -> Self {
        Self {
            next_id: first_id,
            used: 0,
            used_before: 0,
            window: now,
            next_token: 0,
            plain,
        }
    }

    /// The session is under DTLS.
    pub(crate) const fn is_secure(&self) -> bool {
        !self.plain
    }

    /// A Message ID that was not used within EXCHANGE_LIFETIME; `None` if all were.
    pub(crate) fn message_id(&mut self, context: &mut Context<'_>) -> Option<u16> {
        let lifetime = context.config.exchange_lifetime();
        let age = context.now - self.window;
        if age >= lifetime {
            self.used_before = if age >= 2 * lifetime { 0 } else { self.used };
            self.used = 0;
            self.window = context.now;
        }
        // RFC 7252 Section 4.4: an ID "MUST NOT be reused (in communicating with the same endpoint) within the
        // EXCHANGE_LIFETIME".
        if self.used + self.used_before >= MESSAGE_IDS {
            return None;
        }
        self.used += 1;
        self.next_id = self.next_id.wrapping_add(1);
        Some(context.shared.permutation.apply(self.next_id))
    }

    /// RFC 9175 Section 4.2: tokens under DTLS are a sequence that never repeats. RFC 7252 Section 5.3.1: without
    /// DTLS they are nontrivial, against spoofed responses.
    pub(crate) fn token(&mut self, context: &mut Context<'_>) -> Token {
        if self.plain {
            return Token::new(&context.shared.random.bytes::<8>()).unwrap_or_default();
        }
        let token = Token::from_counter(self.next_token);
        self.next_token += 1;
        token
    }
}
