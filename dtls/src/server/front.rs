//! The stateless front of a server: what a datagram from an address without a session leads to.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;

use super::Waiting;
use super::cookie::CookieSecrets;
use crate::codec::alert::Alert;
use crate::codec::handshake::{Fragment, HandshakeType};
use crate::codec::hello::{ClientHello, HelloVerifyRequest};
use crate::codec::record::{ContentType, Records, connection_id, put_header};
use crate::codec::{DTLS_1_0, Reader};
use crate::config::ServerConfig;
use crate::connection::Connection;
use crate::crypto::{RandomError, RandomSource};
use crate::error::HandshakeError;
use crate::reassembly::Message;
use crate::time::Instant;

/// What a first datagram leads to.
#[derive(Debug)]
pub enum FirstContact {
    /// Nothing: not a ClientHello that we can answer.
    Ignore,
    /// One datagram back, never longer than what came, and no state (RFC 6347 Section 4.2.1).
    Reply(Vec<u8>),
    /// The cookie is good, but there will be no session: the alert to send, and the reason for the log.
    Refuse {
        /// The datagram to send.
        reply: Vec<u8>,
        /// Why.
        error: HandshakeError,
    },
    /// The cookie is good: a session. Its answer is ready in [`Connection::poll_transmit`].
    Accept(Box<Connection>),
}

/// The server's part that belongs to no session: 80 bytes of secrets, two counters, and nothing that grows.
pub struct Server {
    config: Arc<ServerConfig>,
    secrets: CookieSecrets,
    waiting: Waiting,
    fragmented_hellos: u64,
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Server")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// A ClientHello in one piece, as it stands in a datagram.
struct First<'a> {
    record_sequence: u64,
    fragment: Fragment<'a>,
    hello: ClientHello<'a>,
}

/// What is no ClientHello in one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unread {
    /// A part of one.
    Fragment,
    /// Something else.
    Other,
}

impl Server {
    /// A server that starts at `now`.
    ///
    /// # Errors
    /// No randomness for the cookie secrets.
    pub fn new(
        config: Arc<ServerConfig>,
        now: Instant,
        random: &mut dyn RandomSource,
    ) -> Result<Self, RandomError> {
        Ok(Self {
            config,
            secrets: CookieSecrets::new(now, random)?,
            waiting: Waiting::default(),
            fragmented_hellos: 0,
        })
    }

    /// What it was told.
    pub fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    /// Handshakes that wait for the answer to a look-up ([`crate::PskAnswer::Pending`]) now.
    pub fn waiting_lookups(&self) -> usize {
        self.waiting.count()
    }

    /// ClientHellos in parts that were ignored. To put them together would need state before the cookie, and a
    /// client whose identity goes in ClientKeyExchange has a hello that fits: ours does in 127 bytes, with every kind
    /// of credential (RFC 6347 Section 4.2.1: a server may want no state there).
    pub const fn fragmented_hellos(&self) -> u64 {
        self.fragmented_hellos
    }

    /// The Connection ID in a datagram, if its first record carries one: look the session up by it. `None`: look it
    /// up by address (RFC 9146 Section 3).
    pub fn connection_id<'a>(&self, datagram: &'a [u8]) -> Option<&'a [u8]> {
        let length = self
            .config
            .connection_ids
            .as_ref()
            .map_or(0, |ids| usize::from(ids.length));
        connection_id(datagram, length)
    }

    /// Whether a datagram begins with a plaintext ClientHello. One that comes from the address of an established
    /// session belongs to [`Server::first_contact`]: the peer may have lost its session, and the old one goes only
    /// when the new handshake completes (RFC 6347 Section 4.2.8).
    pub fn is_client_hello(datagram: &[u8]) -> bool {
        let mut records = Records::new(datagram, 0);
        records.next().is_some_and(|record| {
            let hello = record.fragment.first() == Some(&HandshakeType::CLIENT_HELLO.0);
            hello && record.content_type == ContentType::Handshake && record.epoch == 0
        })
    }

    /// Takes a datagram from an address that has no session.
    ///
    /// # Errors
    /// No randomness to be had.
    pub fn first_contact(
        &mut self,
        now: Instant,
        peer: SocketAddr,
        datagram: &[u8],
        random: &mut dyn RandomSource,
    ) -> Result<FirstContact, RandomError> {
        let first = match First::read(datagram) {
            Ok(first) => first,
            Err(unread) => {
                let fragments = u64::from(unread == Unread::Fragment);
                self.fragmented_hellos = self.fragmented_hellos.saturating_add(fragments);
                return Ok(FirstContact::Ignore);
            }
        };
        self.secrets.rotate(now, random)?;
        let provider = self.config.provider;
        if !self.secrets.verify(provider, peer, &first.hello) {
            let cookie = self.secrets.make(provider, peer, &first.hello);
            return Ok(first.verify_request(&cookie, datagram.len()));
        }
        let message = Message {
            kind: first.fragment.kind,
            message_sequence: first.fragment.message_sequence,
            body: first.fragment.data.to_vec(),
        };
        let (config, waiting) = (&self.config, &self.waiting);
        let sequence = first.record_sequence;
        match Connection::accept(config, waiting, now, &message, sequence, random)? {
            Ok(connection) => Ok(FirstContact::Accept(Box::new(connection))),
            Err(error) => Ok(FirstContact::Refuse {
                reply: first.alert(&error),
                error,
            }),
        }
    }
}

impl<'a> First<'a> {
    fn read(datagram: &'a [u8]) -> Result<Self, Unread> {
        let record = Records::new(datagram, 0).next().ok_or(Unread::Other)?;
        if record.content_type != ContentType::Handshake || record.epoch != 0 {
            return Err(Unread::Other);
        }
        let mut reader = Reader::new(record.fragment);
        let fragment = Fragment::read(&mut reader).map_err(|_| Unread::Other)?;
        if fragment.kind != HandshakeType::CLIENT_HELLO || !reader.is_empty() {
            return Err(Unread::Other);
        }
        // A ClientHello in parts would need state before the cookie.
        if !fragment.is_whole() {
            return Err(Unread::Fragment);
        }
        let hello = ClientHello::decode(fragment.data).map_err(|_| Unread::Other)?;
        Ok(Self {
            record_sequence: record.sequence,
            fragment,
            hello,
        })
    }

    /// The request, unless it would be longer than what came.
    fn verify_request(&self, cookie: &[u8], limit: usize) -> FirstContact {
        let mut body = Vec::with_capacity(16);
        if HelloVerifyRequest::put(&mut body, cookie).is_err() {
            return FirstContact::Ignore;
        }
        let mut content = Vec::with_capacity(32);
        Fragment {
            kind: HandshakeType::HELLO_VERIFY_REQUEST,
            length: u32::try_from(body.len()).unwrap_or(u32::MAX),
            message_sequence: self.fragment.message_sequence,
            offset: 0,
            data: &body,
        }
        .put(&mut content);
        let reply = self.record(ContentType::Handshake, &content);
        if reply.len() > limit {
            FirstContact::Ignore
        } else {
            FirstContact::Reply(reply)
        }
    }

    fn alert(&self, error: &HandshakeError) -> Vec<u8> {
        self.record(ContentType::Alert, &Alert::fatal(error.alert()).to_bytes())
    }

    fn record(&self, content_type: ContentType, content: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
        // RFC 6347 Section 4.2.1: the answer MUST take the record sequence number of the ClientHello.
        put_header(
            &mut out,
            content_type,
            DTLS_1_0,
            0,
            self.record_sequence,
            &[],
            length,
        );
        out.extend_from_slice(content);
        out
    }
}
