//! Sessions that outlive the program: everything that an established session needs, in bytes.
//!
//! ```text
//! format(1) role(1) suite(2) randoms(64) master secret(48) plain sequence(8) write sequence(8)
//! window(16) own id(1+n) peer id(1+n) finished(1 or 15) session id(1+n) binding(32, of a client with session id)
//! peer(1 or 3+n: kind, content)
//! ```

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use super::{Connection, Established, Phase, Queues};
use crate::codec::{DecodeError, Reader, Writer};
use crate::credentials::PeerIdentity;
use crate::crypto::CryptoProvider;
use crate::handshake::Secrets;
use crate::record::{Channel, ConnectionId, Protection, ReplayWindow, SEQUENCES};
use crate::resumption::{ClientOrigin, Resumable};
use crate::schedule::{MasterSecret, Randoms, Role};
use crate::suite::CipherSuite;

/// Version of the format.
const FORMAT: u8 = 2;

/// Bytes are not a saved session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportError(DecodeError);

impl fmt::Display for ImportError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "not a saved session: {}", self.0)
    }
}

impl core::error::Error for ImportError {}

impl From<DecodeError> for ImportError {
    fn from(error: DecodeError) -> Self {
        Self(error)
    }
}

impl Connection {
    /// Everything that the session needs to go on in another process, **with its keys in clear**: the caller seals
    /// it. `None` unless it is established.
    ///
    /// The saved session begins `reserve` sequence numbers ahead, and this one stops sending after as many records
    /// ([`crate::SendError::Closed`]) until it is exported again: so no number is ever used twice, even after a crash
    /// right now (RFC 6347 Section 4.1: a nonce used twice breaks the encryption). [`Connection::reserved`] tells how
    /// many are left. That holds only if the saved bytes are kept before anything more is sent: after an import from
    /// older ones the numbers that they name would be used again.
    ///
    /// What the session receives after the export is not in it: a replay of that would be accepted once by the
    /// imported session. Export before ending in good order, and let requests that must not repeat prove that they
    /// are fresh (RFC 9175).
    pub fn export(
        &mut self,
        peer: Option<&PeerIdentity>,
        reserve: u32,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let role = self.role;
        let Phase::Established(established) = &mut self.phase else {
            return None;
        };
        established.save(role, peer, reserve)
    }

    /// Records that can be sent before the next export.
    pub fn reserved(&self) -> u64 {
        let protection = self
            .established()
            .and_then(|established| established.channel.protection.as_ref());
        protection.map_or(0, |keys| {
            keys.write_limit.saturating_sub(keys.write_sequence)
        })
    }

    /// Goes on with a saved session, and tells who its peer is. It receives at once; it sends after its first
    /// [`Connection::export`], which reserves the numbers that it may use; keep what that gives before sending, and
    /// import the same bytes into one session only.
    ///
    /// # Errors
    /// The bytes were not made by [`Connection::export`].
    pub fn import(
        provider: &'static CryptoProvider,
        saved: &[u8],
    ) -> Result<(Self, Option<PeerIdentity>), ImportError> {
        let mut reader = Reader::new(saved);
        let (role, suite) = header(&mut reader)?;
        let randoms = Randoms {
            client: *reader.array()?,
            server: *reader.array()?,
        };
        let master = MasterSecret::new(*reader.array()?);
        let secrets = Secrets {
            suite,
            randoms,
            master,
        };
        let channel = channel(provider, role, &secrets, &mut reader)?;
        let finished = match reader.u8()? {
            0 => None,
            1 => Some((reader.u16()?, *reader.array()?)),
            got => return Err(illegal(got, "0 or 1 for Finished")),
        };
        let mut resumable = resumable(role, &mut reader)?;
        let peer = peer(&mut reader)?;
        reader.finish()?;
        if let Some(Resumable::Client { origin, .. }) = &mut resumable {
            origin.peer.clone_from(&peer);
        }
        let established = Established {
            channel,
            secrets,
            finished,
            resumable: resumable.map(Box::new),
            round_trip: None,
        };
        Ok((
            Self {
                role,
                phase: Phase::Established(established),
                queues: Queues::default(),
            },
            peer,
        ))
    }
}

impl Established {
    fn save(
        &mut self,
        role: Role,
        peer: Option<&PeerIdentity>,
        reserve: u32,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let protection = self.channel.protection.as_mut()?;
        let limit = protection
            .write_sequence
            .saturating_add(u64::from(reserve))
            .min(SEQUENCES);
        protection.write_limit = limit;
        let mut identity = Vec::new();
        put_peer(peer, &mut identity)?;
        // With its whole capacity from the start: a vector that grows leaves secrets behind.
        let mut out = Zeroizing::new(Vec::with_capacity(256 + identity.len()));
        out.extend([FORMAT, u8::from(role == Role::Server)]);
        out.put_u16(self.secrets.suite.number());
        out.extend_from_slice(&self.secrets.randoms.client);
        out.extend_from_slice(&self.secrets.randoms.server);
        out.extend_from_slice(self.secrets.master.expose());
        // Repeated last flights take numbers of epoch 0; nothing in it is secret.
        out.extend_from_slice(
            &self
                .channel
                .plain_sequence
                .saturating_add(u64::from(reserve))
                .to_be_bytes(),
        );
        out.extend_from_slice(&limit.to_be_bytes());
        out.extend_from_slice(&protection.window.to_bytes());
        out.put_vec8(self.channel.own_id.as_bytes()).ok()?;
        out.put_vec8(&self.channel.peer_id).ok()?;
        match self.finished {
            Some((number, data)) => {
                out.push(1);
                out.put_u16(number);
                out.extend_from_slice(&data);
            }
            None => out.push(0),
        }
        let resumable = self.resumable.as_deref();
        out.put_vec8(resumable.map_or(&[], Resumable::session_id))
            .ok()?;
        if let Some(Resumable::Client { origin, .. }) = resumable {
            out.extend_from_slice(&origin.binding);
        }
        out.extend_from_slice(&identity);
        Some(out)
    }
}

/// Kind and content; `None` if it is too long.
fn put_peer(peer: Option<&PeerIdentity>, out: &mut Vec<u8>) -> Option<()> {
    match peer {
        None => {
            out.push(0);
            Some(())
        }
        Some(PeerIdentity::PreSharedKey(identity)) => {
            out.push(1);
            out.put_vec16(identity).ok()
        }
        Some(PeerIdentity::RawPublicKey(public_key_info)) => {
            out.push(2);
            out.put_vec16(public_key_info).ok()
        }
        Some(PeerIdentity::Certificate(chain)) => {
            let mut list = Vec::new();
            chain
                .iter()
                .try_for_each(|certificate| list.put_vec24(certificate))
                .ok()?;
            out.push(3);
            out.put_vec16(&list).ok()
        }
    }
}

fn peer(reader: &mut Reader<'_>) -> Result<Option<PeerIdentity>, ImportError> {
    Ok(match reader.u8()? {
        0 => None,
        1 => Some(PeerIdentity::PreSharedKey(reader.vec16()?.to_vec())),
        2 => Some(PeerIdentity::RawPublicKey(reader.vec16()?.to_vec())),
        3 => Some(PeerIdentity::Certificate(chain(reader.vec16()?)?)),
        got => return Err(illegal(got, "0 to 3 for the peer")),
    })
}

/// Session id, and the binding of a client that has one; its peer comes later.
fn resumable(role: Role, reader: &mut Reader<'_>) -> Result<Option<Resumable>, ImportError> {
    let session_id: Box<[u8]> = reader.vec8()?.into();
    if session_id.is_empty() {
        return Ok(None);
    }
    Ok(Some(match role {
        Role::Client => Resumable::Client {
            session_id,
            origin: ClientOrigin::new(None, *reader.array()?),
        },
        Role::Server => Resumable::Server {
            session_id,
            cache: None,
        },
    }))
}

fn chain(list: &[u8]) -> Result<Vec<Vec<u8>>, ImportError> {
    let mut reader = Reader::new(list);
    let mut chain = Vec::new();
    while !reader.is_empty() {
        chain.push(reader.vec24()?.to_vec());
    }
    Ok(chain)
}

fn header(reader: &mut Reader<'_>) -> Result<(Role, CipherSuite), ImportError> {
    match reader.u8()? {
        FORMAT => {}
        got => return Err(illegal(got, "format 1")),
    }
    let role = match reader.u8()? {
        0 => Role::Client,
        1 => Role::Server,
        got => return Err(illegal(got, "0 or 1 for the role")),
    };
    let number = reader.u16()?;
    let unknown = DecodeError::IllegalValue {
        got: u32::from(number),
        wanted: "a known suite",
    };
    Ok((
        role,
        CipherSuite::from_number(number).ok_or(ImportError(unknown))?,
    ))
}

fn channel(
    provider: &'static CryptoProvider,
    role: Role,
    secrets: &Secrets,
    reader: &mut Reader<'_>,
) -> Result<Channel, ImportError> {
    let mut channel = Channel::new(provider, u64::from_be_bytes(*reader.array()?));
    let keys = secrets
        .master
        .key_block(provider, secrets.suite, &secrets.randoms);
    let mut protection = match role {
        Role::Client => Protection::new(keys.server, keys.client),
        Role::Server => Protection::new(keys.client, keys.server),
    };
    protection.write_sequence = u64::from_be_bytes(*reader.array()?);
    protection.write_limit = protection.write_sequence;
    protection.window = ReplayWindow::from_bytes(reader.array()?);
    channel.protection = Some(protection);
    channel.own_id = id(reader)?;
    channel.peer_id = reader.vec8()?.into();
    Ok(channel)
}

fn id(reader: &mut Reader<'_>) -> Result<ConnectionId, ImportError> {
    let bytes = reader.vec8()?;
    let long = DecodeError::IllegalLength {
        got: bytes.len(),
        wanted: "a Connection ID of at most 20 bytes",
    };
    ConnectionId::new(bytes).ok_or(ImportError(long))
}

fn illegal(got: u8, wanted: &'static str) -> ImportError {
    ImportError(DecodeError::IllegalValue {
        got: u32::from(got),
        wanted,
    })
}
