//! The control channel of a running authorization server: a Unix socket in its data directory, one JSON document a line.
//!
//! A client connects, sends one [`Question`] and reads [`Answer`]s: any number of [`Reply::Progress`], then one of
//! the others. Both sides name the version that they speak; another one is refused before anything else is looked at.
//!
//! Bounds: [`MAX_QUESTION`] bytes in a question, [`MAX_ANSWER`] in an answer, [`MAX_CONNECTIONS`] connections at a time,
//! [`LONGEST_WAIT`] for resource servers. Only the user of the server and the superuser are let in.

mod client;
mod execute;
mod listener;
#[cfg(test)]
mod tests;
mod words;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use client::{Unanswered, ask};
pub use listener::{Control, ControlError};
pub use words::{DeviceState, Knows, Place, TokenState};

/// The version that this program speaks.
pub const VERSION: u32 = 1;

/// Name of the socket in the data directory.
pub const SOCKET: &str = "control";

/// Longest question, in bytes.
pub const MAX_QUESTION: usize = 4 * 1024;

/// Longest answer, in bytes: a page of tokens or devices.
pub const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// Connections at a time; a further one is told so.
pub const MAX_CONNECTIONS: usize = 8;

/// The longest that a command waits for resource servers.
pub const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// A question to the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The version that the client speaks.
    pub version: u32,
    /// What is to be done.
    pub command: Command,
    /// How long is waited for resource servers to acknowledge, in seconds.
    #[serde(default)]
    pub wait_seconds: u64,
}

/// What a server can be told to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// To list tokens, a page at a time, in the order of their ends.
    TokenList {
        /// Of this device only.
        device: Option<String>,
        /// After this place.
        after: Option<Place>,
    },
    /// To revoke tokens.
    TokenRevoke(Which),
    /// To list devices by name, a page at a time.
    DeviceList {
        /// After this name.
        after: Option<String>,
    },
    /// To keep a device out, or to let it in again.
    DeviceDisabled {
        /// Its name.
        device: String,
        /// Out, or in.
        disabled: bool,
    },
}

/// Which tokens are to be revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Which {
    /// The one with this id (`cti`) or this hash, in hexadecimal.
    Token(String),
    /// All of this device.
    Device(String),
    /// All for this resource server.
    ResourceServer(String),
    /// All with this key id, in hexadecimal.
    Key(String),
}

/// A line of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The version that the server speaks.
    pub version: u32,
    /// What it says.
    pub reply: Reply,
}

/// What a server says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Which resource servers know by now; more follows.
    Progress(Vec<Knows>),
    /// A page of tokens.
    Tokens {
        /// The tokens; there can be none in a page that others follow.
        tokens: Vec<TokenState>,
        /// Where the next page begins; `None`: this was the last one.
        next: Option<Place>,
    },
    /// A page of devices.
    Devices {
        /// The devices.
        devices: Vec<DeviceState>,
        /// The last name, if more follow.
        next: Option<String>,
    },
    /// Tokens were revoked, and on the disk before this was said.
    Revoked(Revoked),
    /// A device is let in again.
    Enabled,
    /// Nothing was done.
    Refused {
        /// What happened, and to which thing.
        problem: String,
        /// The next command.
        next: String,
    },
    /// The server could not do it.
    Failed {
        /// What happened.
        problem: String,
        /// The next command.
        next: String,
    },
}

/// What came of a revocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// How many tokens.
    pub count: usize,
    /// The tokens, at most a page of them.
    pub tokens: Vec<TokenState>,
    /// The resource servers that they are for.
    pub known_by: Vec<Knows>,
}
