//! What an implementation under measurement does, and how it is measured.

use criterion::measurement::Measurement as _;
use motekey_benches::cpu_time::CpuTime;

/// Handshakes at a time.
pub(crate) const BATCH: usize = 128;
/// Records at a time.
pub(crate) const RECORDS: usize = 100;
pub(crate) const HELLOS: usize = 5_000;
/// CPU seconds that the handshakes of a round take at least.
const ROUND: f64 = 0.15;
/// Batches of sessions that stay, for their memory.
const KEPT: usize = 40;

/// What a server does and costs; what was not measured is 0.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Figures {
    /// Handshakes for a second of its CPU time.
    pub(crate) handshakes: f64,
    /// Echoes of 64 bytes for a second of its CPU time.
    pub(crate) echoes: f64,
    /// Microseconds for a ClientHello without cookie.
    pub(crate) hello: f64,
    /// Resident bytes of an idle session.
    pub(crate) idle: f64,
    /// Bytes of a handshake, both ways.
    pub(crate) bytes: f64,
}

/// How the two ends show who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A pre-shared key.
    Psk,
    /// Raw public keys; where there are none, certificates that nobody validates.
    RawPublicKey,
    /// X.509 certificates of an authority.
    X509,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Psk, Self::RawPublicKey, Self::X509];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Psk => "psk",
            Self::RawPublicKey => "unchecked",
            Self::X509 => "x509",
        }
    }
}

/// The ends of a batch of handshakes.
pub(crate) struct Batch<C, S> {
    pub(crate) clients: Vec<C>,
    pub(crate) servers: Vec<S>,
    /// Seconds of CPU time that the servers took.
    pub(crate) seconds: f64,
    /// Bytes of the first handshake, both ways.
    pub(crate) bytes: usize,
}

/// An implementation under measurement.
pub(crate) trait Subject {
    type Client;
    type Server;

    /// [`BATCH`] handshakes in step.
    fn handshakes(&mut self) -> Batch<Self::Client, Self::Server>;
    /// Seconds that the server takes for [`RECORDS`] echoes.
    fn echo(&mut self, client: &mut Self::Client, server: &mut Self::Server) -> f64;
    /// Seconds for [`HELLOS`] ClientHellos without cookie.
    fn hello(&mut self) -> f64;
}

/// The seconds of CPU time that something takes.
pub(crate) fn cpu<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = CpuTime.start();
    let value = work();
    (value, CpuTime.end(start).as_secs_f64())
}

/// One round; the ClientHello only for `kind` PSK, since it is the same for all.
pub(crate) fn measure<S: Subject>(subject: &mut S, kind: Kind) -> Figures {
    let (mut time, mut count, mut echo_time, mut echoes, mut bytes) = (0.0, 0, 0.0, 0, 0);
    // The memory that all batches use is fresh in the first one, which does not count.
    drop(subject.handshakes());
    while time < ROUND {
        let mut batch = subject.handshakes();
        let client = batch.clients.first_mut().unwrap();
        let server = batch.servers.first_mut().unwrap();
        for _ in 0..4 {
            echo_time += subject.echo(client, server);
            echoes += RECORDS;
        }
        bytes = batch.bytes;
        count += batch.servers.len();
        time += batch.seconds + cpu(|| drop(batch.servers)).1;
    }
    let hello = if kind == Kind::Psk {
        subject.hello() * 1e6 / HELLOS as f64
    } else {
        0.0
    };
    Figures {
        handshakes: count as f64 / time,
        echoes: echoes as f64 / echo_time,
        hello,
        idle: 0.0,
        bytes: bytes as f64,
    }
}

/// Resident bytes of an idle session, in a process that did nothing else: what was freed before would be taken again.
pub(crate) fn idle<S: Subject>(subject: &mut S) -> f64 {
    let mut kept = vec![subject.handshakes().servers];
    let before = resident();
    kept.extend((0..KEPT).map(|_| subject.handshakes().servers));
    let bytes = resident().saturating_sub(before);
    bytes as f64 / (KEPT * BATCH) as f64
}

/// Resident bytes of this process.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok())
        .unwrap()
        * 4096
}
