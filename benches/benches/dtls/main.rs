//! What a DTLS 1.2 server spends in CPU time, what its idle sessions keep, what is on the wire: side by side with the
//! crate dimpl and with OpenSSL, in memory, in one run.
//!
//! All take the same steps: 128 handshakes at a time with cookie exchange, where only what the servers do is measured,
//! making and freeing their sessions included; echoes of 64 bytes, where only the server is measured; resident memory
//! of servers that stay. The contenders take turns, so that what else the machine does strikes all of them; a figure
//! is the median of its rounds, a ratio the median of the ratios within the rounds. OpenSSL is a program in C, built
//! against the libssl that is installed (Debian: libssl-dev, gcc).
//!
//! With `UPDATE_TABLES` set the tables are written to the README of motekey-dtls. The program fails if a figure does
//! not reach what it must.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program that measures and prints"
)]

mod authority;
mod ours;
mod program;
mod subject;
mod table;
mod theirs;

use std::process::{Command, ExitCode};

use authority::Authority;
use ours::{AWS_LC, Ours, RUST};
use program::OpenSsl;
use subject::{Figures, Kind, Subject, idle, measure};
use table::Table;
use theirs::Dimpl;

const ROUNDS: usize = 9;
/// Names the contender and the kind whose memory a process measures.
const IDLE: &str = "MOTEKEY_BENCH_IDLE";
/// Sessions that are exported and imported.
const SAVED: usize = 10_000;
const IDENTITY: &[u8] = b"device-00000042";
const KEY: [u8; 16] = [0x6b; 16];

fn main() -> ExitCode {
    let authority = Authority::new();
    if let Ok(which) = std::env::var(IDLE) {
        println!("{}", idle_here(&which, &authority));
        return ExitCode::SUCCESS;
    }
    let openssl = match OpenSsl::build(authority.write()) {
        Ok(openssl) => openssl,
        Err(reason) => {
            println!("OpenSSL is missing: {reason}");
            return ExitCode::FAILURE;
        }
    };
    let psk = rounds(&mut contenders(Kind::Psk, &authority, &openssl));
    let [raw, x509] = [Kind::RawPublicKey, Kind::X509]
        .map(|kind| rounds(&mut contenders(kind, &authority, &openssl)));
    let mut table = Table::default();
    table.psk(&psk);
    table.signed(&raw, &x509);
    let saved = Kind::ALL.map(|kind| {
        let mut subject = Ours::new(kind, AWS_LC, &authority);
        let (_, bytes) = subject.saved(SAVED);
        let times: Vec<f64> = (0..ROUNDS).map(|_| subject.saved(SAVED).0 * 1e3).collect();
        (table::median(&times), bytes)
    });
    table.saved(saved);
    table.finish()
}

/// An implementation that takes its turns.
struct Contender<'a> {
    round: Box<dyn FnMut() -> Figures + 'a>,
    idle: Box<dyn Fn() -> f64 + 'a>,
}

/// The figures of all rounds, by contender: motekey first, dimpl and OpenSSL last.
type Rounds = Vec<Vec<Figures>>;

/// With signatures motekey takes part twice: with AWS-LC and in pure Rust. With pre-shared keys both are the same code.
fn contenders<'a>(kind: Kind, authority: &Authority, openssl: &'a OpenSsl) -> Vec<Contender<'a>> {
    let mut contenders = Vec::new();
    if kind != Kind::Psk {
        contenders.push(contender(
            "aws-lc",
            kind,
            Ours::new(kind, AWS_LC, authority),
        ));
    }
    contenders.push(contender("rust", kind, Ours::new(kind, RUST, authority)));
    contenders.push(contender("dimpl", kind, Dimpl::new(kind, authority)));
    contenders.push(Contender {
        round: Box::new(move || openssl.round(kind)),
        idle: Box::new(move || openssl.idle(kind)),
    });
    contenders
}

fn contender<'a, S: Subject + 'a>(name: &'static str, kind: Kind, mut subject: S) -> Contender<'a> {
    Contender {
        round: Box::new(move || measure(&mut subject, kind)),
        idle: Box::new(move || idle_apart(&format!("{name} {}", kind.name()))),
    }
}

fn rounds(contenders: &mut [Contender<'_>]) -> Rounds {
    let idle: Vec<f64> = contenders
        .iter()
        .map(|contender| (contender.idle)())
        .collect();
    let mut rounds: Rounds = contenders.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for ((contender, rounds), idle) in contenders.iter_mut().zip(&mut rounds).zip(&idle) {
            rounds.push(Figures {
                idle: *idle,
                ..(contender.round)()
            });
        }
    }
    rounds
}

/// The memory of idle sessions in a process of its own.
fn idle_apart(which: &str) -> f64 {
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program).env(IDLE, which).output().unwrap();
    let line = String::from_utf8(output.stdout).unwrap();
    line.trim().parse().unwrap()
}

fn idle_here(which: &str, authority: &Authority) -> f64 {
    let (name, kind) = which.split_once(' ').unwrap();
    let kind = Kind::ALL.into_iter().find(|one| one.name() == kind);
    let kind = kind.unwrap();
    match name {
        "aws-lc" => idle(&mut Ours::new(kind, AWS_LC, authority)),
        "rust" => idle(&mut Ours::new(kind, RUST, authority)),
        _ => idle(&mut Dimpl::new(kind, authority)),
    }
}
