//! The command line of `mote`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use motekey_coap::link_profile::LinkProfile;

const EXAMPLES: &str = "\
Examples:
  Read a resource; the token is asked for on the way:
    MOTEKEY_PSK=00112233445566778899aabbccddeeff \\
    mote --as coaps://127.0.0.1:5684 --identity meter-1 --audience gateway --scope 'GET /meters' \\
         get coaps://127.0.0.1:5784/meters

  The same from a configuration file, with each exchange explained:
    mote --config mote.toml --explain get coaps://gateway.example.com/meters

  Switch a relay, with the payload from the command line:
    mote --config mote.toml put coaps://gateway.example.com/relay/1 --payload on

  Post readings from a file as SenML in CBOR (Content-Format 112):
    mote --config mote.toml post coaps://gateway.example.com/meters/1 \\
         --payload-file readings.cbor --content-format 112

  Keep the token for the next call, sealed under a key derived from the PSK:
    mote --config mote.toml --cache /var/lib/mote/tokens get coaps://gateway.example.com/meters

  With a key pair instead of a PSK; the token is bound to the public key:
    openssl genpkey -algorithm ed25519 -out meter-1.pem
    mote --as coaps://as.example.com --key-pair-file meter-1.pem --as-public-key-file as.pub.pem \\
         --audience gateway get coaps://gateway.example.com/meters

  Ask for a token and see what was granted:
    mote --config mote.toml token coaps://gateway.example.com

Configuration file:
  [authorization_server]
  uri = \"coaps://as.example.com\"
  identity = \"meter-1\"            # or \"hex:...\"
  key_file = \"meter-1.key\"        # the key in hexadecimal; MOTEKEY_PSK goes before it
  # or: key_pair_file = \"meter-1.pem\", public_key_file = \"as.pub.pem\"

  [[resource_server]]
  uri = \"coaps://gateway.example.com\"
  audience = \"gateway\"
  scope = \"GET /meters,POST /meters/1\"

Exit codes:
  0 done   1 refused by the other side   2 wrong use   3 cannot reach   4 local fault";

/// A constrained device on the command line: asks its authorization server for a token, proves possession of the
/// key, and sends the request, over CoAP and DTLS (RFC 9200, RFC 9202).
#[derive(Debug, Parser)]
#[command(name = "mote", version, after_long_help = EXAMPLES, subcommand_required = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Configuration file (TOML); the options below go before it.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Authorization server, for example coaps://as.example.com:5684; without a path /token.
    #[arg(long = "as", global = true, value_name = "URI")]
    pub(crate) authorization_server: Option<String>,
    /// PSK identity of this device at the authorization server: text, or hex:BYTES.
    #[arg(long, global = true, value_name = "IDENTITY")]
    pub(crate) identity: Option<String>,
    /// File with the PSK in hexadecimal. The environment variable MOTEKEY_PSK goes before it. There is no option
    /// for the key itself: command lines are visible to other users.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// File with the key pair of this device: its private key, PKCS#8 in PEM (openssl genpkey) or a COSE_Key in
    /// hexadecimal. With it the device shows a raw public key (RFC 7250) instead of a PSK, and needs no identity.
    #[arg(long, global = true, value_name = "FILE", conflicts_with_all = ["identity", "key_file"])]
    pub(crate) key_pair_file: Option<PathBuf>,
    /// File with the public key of the authorization server, in PEM (openssl pkey -pubout) or as COSE_Key in
    /// hexadecimal. Goes with --key-pair-file: no other key is accepted.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) as_public_key_file: Option<PathBuf>,
    /// What the authorization server knows the public key of this device by, text or hex:BYTES: requests then name
    /// the key instead of carrying it.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) key_id: Option<String>,
    /// Kind of the key that the token is bound to [default: automatic].
    #[arg(long, global = true, value_name = "KIND")]
    pub(crate) keys: Option<Keys>,
    /// Audience of the token; default: from the hints of the resource server, if they name the host of the URL.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) audience: Option<String>,
    /// Take any audience from the hints. Whoever can change datagrams on the way can then send this device to any
    /// other resource server that it may use.
    #[arg(long, global = true)]
    pub(crate) trust_hinted_audience: bool,
    /// The resource server demands a fresh nonce of its own in each token, as one without a clock does: ask it for one
    /// before each token request. Without this the first token is refused, and the nonce asked for then.
    #[arg(long, global = true)]
    pub(crate) client_nonces: bool,
    /// Scope of the token: 'GET /meters,PUT /relay/1' (AIF, RFC 9237), text:WORDS, or hex:BYTES; default: from the
    /// hints, else what the authorization server grants.
    #[arg(long, global = true, value_name = "SCOPE")]
    pub(crate) scope: Option<String>,
    /// Address of the resource server, instead of resolving the host of the URL.
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    pub(crate) rs_address: Option<SocketAddr>,
    /// Port of plain CoAP at the resource server, for the unauthorized request and uploads [default: 5683].
    #[arg(long, global = true, value_name = "PORT")]
    pub(crate) plain_port: Option<u16>,
    /// How the token reaches the resource server [default: automatic].
    #[arg(long, global = true, value_name = "HOW")]
    pub(crate) token_transport: Option<Transport>,
    /// File in which tokens are kept for the next call, sealed; without it every call asks for a token.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) cache: Option<PathBuf>,
    /// File with the key that --cache is sealed under, 32 bytes in hexadecimal; default: derived from the PSK,
    /// if there is one.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) cache_key_file: Option<PathBuf>,
    /// Kind of the network, wired, cellular or slow_radio: times and sizes of CoAP and DTLS that fit it [default:
    /// wired]. The servers take the same.
    #[arg(long, global = true, value_name = "KIND")]
    pub(crate) link: Option<LinkProfile>,
    /// Time limit of the whole call in seconds.
    #[arg(long, global = true, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: Option<u64>,
    /// One JSON document on the standard output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print each exchange with bytes, datagrams, round trips and time, and the decoded token response.
    #[arg(long, global = true)]
    pub(crate) explain: bool,
}

/// Kind of the key that the token is bound to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Keys {
    /// The public key of this device if both sides can use it, else a symmetric one.
    #[default]
    Automatic,
    /// A symmetric key that the authorization server makes.
    Symmetric,
    /// The public key of this device.
    Public,
}

/// How the token reaches the resource server.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Transport {
    /// In the handshake when it fits, by upload otherwise.
    Automatic,
    /// In the handshake, as PSK identity.
    Handshake,
    /// By upload to authz-info.
    Upload,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read a resource.
    Get {
        #[command(flatten)]
        target: Url,
    },
    /// Send a payload to a resource for processing.
    Post {
        #[command(flatten)]
        target: Url,
        #[command(flatten)]
        payload: Payload,
    },
    /// Replace a resource.
    Put {
        #[command(flatten)]
        target: Url,
        #[command(flatten)]
        payload: Payload,
    },
    /// Delete a resource.
    Delete {
        #[command(flatten)]
        target: Url,
    },
    /// Follow a resource (RFC 7641) until it ends, the count is reached, or Ctrl-C.
    Observe {
        #[command(flatten)]
        target: Url,
        /// Stop after this many representations.
        #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
        count: Option<u64>,
    },
    /// Ask for a token and show what was granted; key bytes are never shown.
    Token {
        #[command(flatten)]
        target: Url,
    },
    /// Show the configuration in use, and try the handshake with the authorization server.
    Status,
}

#[derive(Debug, Args)]
pub(crate) struct Url {
    /// Resource at the resource server, for example coaps://rs.example.com/meters/1.
    #[arg(value_name = "URL")]
    pub(crate) url: String,
}

#[derive(Debug, Args)]
pub(crate) struct Payload {
    /// The payload as text; without this and --payload-file it is read from the standard input.
    #[arg(long, value_name = "TEXT", conflicts_with = "payload_file")]
    pub(crate) payload: Option<String>,
    /// File with the payload.
    #[arg(long, value_name = "FILE")]
    pub(crate) payload_file: Option<PathBuf>,
    /// CoAP Content-Format of the payload, by number (0 text, 50 JSON, 60 CBOR, 112 SenML in CBOR).
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) content_format: u16,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn options_are_taken_before_and_after_the_command() {
        for line in [
            ["mote", "--json", "get", "coaps://h/a"],
            ["mote", "get", "coaps://h/a", "--json"],
        ] {
            let arguments = Arguments::try_parse_from(line).unwrap();
            assert!(arguments.options.json);
            assert!(
                matches!(arguments.command, Command::Get { target } if target.url == "coaps://h/a")
            );
        }
    }

    #[test]
    fn wrong_command_lines_are_refused() {
        let lines: [&[&str]; 5] = [
            &["mote"],
            &["mote", "get"],
            &["mote", "join", "coaps://h"],
            &["mote", "get", "coaps://h/a", "--timeout", "0"],
            &[
                "mote",
                "put",
                "coaps://h/a",
                "--payload",
                "x",
                "--payload-file",
                "y",
            ],
        ];
        for line in lines {
            assert!(Arguments::try_parse_from(line).is_err(), "{line:?}");
        }
    }
}
