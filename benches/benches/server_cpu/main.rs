//! What a request over loopback costs a server in CPU time (user and system), side by side with libcoap, in one run.
//!
//! Each server is a process of its own on the first CPU that this program may use; the load is on the second and is the
//! same for all: 64 devices of motekey-dtls, each on a socket and an address of its own, that go on in step (see
//! `load.rs`). A handshake is TLS_PSK_WITH_AES_128_CCM_8 or TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8 with cookie exchange and
//! mutual authentication, then one GET and close_notify. Each is measured three times and the best counts: other programs
//! can only make a figure worse. libcoap's are the programs of Debian's libcoap3-bin.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program that measures and prints"
)]

mod grant;
mod keys;
mod load;
mod process;
mod server;

use keys::Manner;
use load::{CONCURRENCY, Load};
use process::{Keys, Places, Process};

const ROUNDS: usize = 3;
/// Idle sessions at ours. libcoap works on each of its sessions with each datagram: it gets fewer.
const IDLE: usize = 100_000;
const IDLE_LIBCOAP: usize = 5_000;
/// Operations that are measured, all rounds together.
const HANDSHAKES: usize = 30_000;
const SIGNED_HANDSHAKES: usize = 6_000;
const REQUESTS: usize = 300_000;

/// Microseconds of the server's CPU time for each operation; `None`: not measured.
#[derive(Debug, Clone, Copy, Default)]
struct Figures {
    pre_shared: Option<f64>,
    raw: Option<f64>,
    certificate: Option<f64>,
    get: Option<f64>,
    idle_get: Option<f64>,
    /// Megabytes of resident memory with the idle sessions.
    resident: Option<f64>,
}

/// A server under measurement.
struct Subject {
    name: &'static str,
    start: Box<dyn Fn(Keys) -> Result<Process, String>>,
    /// How devices come if it is not by public keys.
    shared: Manner,
    raw: bool,
    certificate: bool,
    idle: usize,
    /// How much less is measured of it, for it is slower.
    patience: usize,
}

/// Microseconds for each of `count`, in the best round.
fn cost(server: &Process, count: usize, mut work: impl FnMut(usize)) -> Option<f64> {
    let mut round = || {
        let before = server.cpu_time();
        work(count / ROUNDS);
        (server.cpu_time() - before) as f64 / 1e3 / (count / ROUNDS) as f64
    };
    (0..ROUNDS).map(|_| round()).reduce(f64::min)
}

fn handshakes(server: &Process, manner: &Manner, count: usize) -> Option<f64> {
    let mut load = Load::new(server.address, manner.clone(), 0);
    load.visit(CONCURRENCY * 4);
    cost(server, count, |count| load.visit(count))
}

fn requests(server: &Process, manner: &Manner, first: u32, count: usize) -> Option<f64> {
    let mut load = Load::new(server.address, manner.clone(), first);
    load.connect(true);
    load.get(CONCURRENCY * 20);
    cost(server, count, |count| load.get(count))
}

impl Subject {
    fn measure(&self) -> Result<Figures, String> {
        let (mut figures, few) = (Figures::default(), 1 + self.patience);
        let server = (self.start)(Keys::Shared)?;
        figures.pre_shared = handshakes(&server, &self.shared, HANDSHAKES / few);
        if self.certificate {
            let server = (self.start)(Keys::Certified)?;
            let count = SIGNED_HANDSHAKES / few;
            figures.certificate = handshakes(&server, &Manner::Certificate, count);
        }
        if self.raw {
            let server = (self.start)(Keys::Raw)?;
            let count = SIGNED_HANDSHAKES / few;
            figures.raw = handshakes(&server, &Manner::RawPublicKey, count);
        }
        figures.get = requests(&server, &self.shared, 1_000_000, REQUESTS / few);
        let idle = u32::try_from(self.idle).unwrap();
        Load::new(server.address, self.shared.clone(), 1_100_000).idle(self.idle);
        figures.resident = Some(server.resident() as f64 / 1e3);
        let count = REQUESTS / few / few;
        figures.idle_get = requests(&server, &self.shared, 1_200_000 + idle, count);
        Ok(figures)
    }
}

fn subjects(places: Places) -> Vec<Subject> {
    let ours = |name, kind: &'static str, shared, signed| Subject {
        name,
        start: Box::new(move |_| Ok(places.ours(kind))),
        shared,
        raw: signed,
        certificate: signed,
        idle: IDLE,
        patience: 0,
    };
    let libcoap = |name, program: &'static str, raw| Subject {
        name,
        start: Box::new(move |keys| places.libcoap(program, keys)),
        shared: Manner::PreSharedKey,
        raw,
        certificate: true,
        idle: IDLE_LIBCOAP,
        patience: 3,
    };
    vec![
        ours("motekey-coap", server::PLAIN, Manner::PreSharedKey, true),
        ours(
            "motekey resource server, token as identity, checked with each request",
            server::RESOURCE_SERVER,
            grant::token(),
            false,
        ),
        libcoap("libcoap, GnuTLS", "coap-server-gnutls", true),
        libcoap("libcoap, OpenSSL", "coap-server-openssl", false),
    ]
}

fn main() {
    if let Ok(name) = std::env::var(process::SERVER) {
        return server::run(&name);
    }
    // `-- libcoap` takes the servers whose names have the word.
    let word = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let mut subjects = subjects(Places::take());
    subjects.retain(|subject| word.iter().all(|word| subject.name.contains(word)));
    let figures: Vec<_> = subjects.iter().map(Subject::measure).collect();
    print_table(&subjects, &figures);
}

fn print_table(subjects: &[Subject], all: &[Result<Figures, String>]) {
    println!(
        "| server, CPU microseconds ({CONCURRENCY} devices at a time) | PSK handshake + GET | mutual RPK handshake + GET | mutual X.509 handshake + GET | GET | GET beside idle sessions | idle sessions | resident with them |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (subject, figures) in subjects.iter().zip(all) {
        let Ok(figures) = figures else { continue };
        let digits = |figure: Option<f64>, digits: usize| {
            figure.map_or("-".into(), |figure| format!("{figure:.digits$}"))
        };
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {} MB |",
            subject.name,
            digits(figures.pre_shared, 1),
            digits(figures.raw, 0),
            digits(figures.certificate, 0),
            digits(figures.get, 2),
            digits(figures.idle_get, 2),
            subject.idle,
            digits(figures.resident, 0),
        );
    }
    for (subject, figures) in subjects.iter().zip(all) {
        if let Err(reason) = figures {
            println!("\n{} was left out: {reason}", subject.name);
        }
    }
}
