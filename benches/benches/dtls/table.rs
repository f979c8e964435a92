//! The tables, and whether every figure reaches what it must.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use crate::Rounds;
use crate::subject::Figures;

const BEGIN: &str = "<!-- cost: begin -->\n";
const END: &str = "<!-- cost: end -->\n";

/// What a figure has to reach.
#[derive(Clone, Copy, Default)]
struct Reach {
    /// The longest time, or the most bytes.
    most: Option<f64>,
    /// The least ratio to dimpl, and to OpenSSL.
    ratios: [Option<f64>; 2],
}

impl Reach {
    const fn most(most: f64) -> Self {
        Self {
            most: Some(most),
            ratios: [None; 2],
        }
    }

    const fn ratios(dimpl: Option<f64>, openssl: Option<f64>) -> Self {
        Self {
            most: None,
            ratios: [dimpl, openssl],
        }
    }

    fn text(self) -> String {
        let mut parts = Vec::new();
        if let Some(most) = self.most {
            parts.push(format!("at most {most}"));
        }
        for (ratio, name) in self.ratios.iter().zip(["dimpl", "OpenSSL"]) {
            if let Some(ratio) = ratio {
                parts.push(format!("{ratio} x {name}"));
            }
        }
        if parts.is_empty() {
            parts.push("-".to_owned());
        }
        parts.join(", ")
    }
}

/// A line: its name, its figure, whether more of it is better, and what it has to reach.
type Line = (&'static str, fn(&Figures) -> f64, bool, Reach);

#[derive(Default)]
pub(crate) struct Table {
    text: String,
    missed: Vec<String>,
}

impl Table {
    pub(crate) fn psk(&mut self, rounds: &Rounds) {
        self.line("| TLS_PSK_WITH_AES_128_CCM_8 | motekey | dimpl | OpenSSL | to dimpl | to OpenSSL | must reach |");
        self.line("|---|---|---|---|---|---|---|");
        let lines: [Line; 5] = [
            (
                "full handshakes per CPU second",
                |figures| figures.handshakes,
                true,
                Reach::ratios(Some(1.0), Some(2.2)),
            ),
            (
                "echoes of 64 bytes per CPU second",
                |figures| figures.echoes,
                true,
                Reach::ratios(None, Some(1.0)),
            ),
            (
                "ClientHello without cookie, us",
                |figures| figures.hello,
                false,
                Reach::most(1.0),
            ),
            (
                "idle session, resident bytes",
                |figures| figures.idle,
                false,
                Reach::most(700.0),
            ),
            (
                "full handshake, bytes both ways",
                |figures| figures.bytes,
                false,
                Reach::most(510.0),
            ),
        ];
        for line in lines {
            self.row(line, rounds);
        }
    }

    pub(crate) fn signed(&mut self, raw: &Rounds, x509: &Rounds) {
        self.line("");
        self.line("| TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, P-256, both ends authenticated | motekey, AWS-LC | motekey, pure Rust | dimpl, AWS-LC | OpenSSL | to dimpl | to OpenSSL | must reach |");
        self.line("|---|---|---|---|---|---|---|---|");
        let faster = Reach::ratios(Some(1.0), Some(1.5));
        let handshakes: fn(&Figures) -> f64 = |figures| figures.handshakes;
        let idle: fn(&Figures) -> f64 = |figures| figures.idle;
        let bytes: fn(&Figures) -> f64 = |figures| figures.bytes;
        let small = Reach::most(700.0);
        let (raw_lines, x509_lines): ([Line; 3], [Line; 3]) = (
            [
                (
                    "raw public keys: full handshakes per CPU second",
                    handshakes,
                    true,
                    faster,
                ),
                (
                    "raw public keys: idle session, resident bytes",
                    idle,
                    false,
                    small,
                ),
                (
                    "raw public keys: full handshake, bytes both ways",
                    bytes,
                    false,
                    Reach::most(1100.0),
                ),
            ],
            [
                (
                    "X.509: full handshakes per CPU second",
                    handshakes,
                    true,
                    faster,
                ),
                ("X.509: idle session, resident bytes", idle, false, small),
                (
                    "X.509: full handshake, bytes both ways",
                    bytes,
                    false,
                    Reach::default(),
                ),
            ],
        );
        for (lines, rounds) in [(raw_lines, raw), (x509_lines, x509)] {
            for line in lines {
                self.row(line, rounds);
            }
        }
    }

    /// Milliseconds and bytes of a session, by kind.
    pub(crate) fn saved(&mut self, saved: [(f64, usize); 3]) {
        self.line("");
        self.line("| saved sessions | PSK | raw public keys | X.509 | must reach |");
        self.line("|---|---|---|---|---|");
        let [psk, raw, x509] = saved.map(|(time, _)| time);
        self.line(&format!(
            "| export and import of 10,000, ms of CPU time | {psk:.0} | {raw:.0} | {x509:.0} | at most 500 |"
        ));
        let [psk, raw, x509] = saved.map(|(_, bytes)| bytes);
        self.line(&format!(
            "| bytes of one, with the peer's identity | {psk} | {raw} | {x509} | - |"
        ));
        if saved.iter().any(|(time, _)| *time > 500.0) {
            self.missed.push("export and import".to_owned());
        }
    }

    /// Prints, writes the README if that is wanted, and tells what was missed.
    pub(crate) fn finish(self) -> ExitCode {
        println!("{}", self.text);
        if std::env::var_os("UPDATE_TABLES").is_some() {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dtls/README.md");
            let readme = fs::read_to_string(&path).unwrap();
            let (before, rest) = readme.split_once(BEGIN).unwrap();
            let (_, after) = rest.split_once(END).unwrap();
            fs::write(&path, format!("{before}{BEGIN}{}{END}{after}", self.text)).unwrap();
        }
        for missed in &self.missed {
            println!("not reached: {missed}");
        }
        if self.missed.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    /// A line with all contenders, of which the first is compared with the last two.
    fn row(&mut self, (name, figure, more, reach): Line, rounds: &Rounds) {
        let values = |one: &[Figures]| one.iter().map(figure).collect::<Vec<_>>();
        let values: Vec<Vec<f64>> = rounds.iter().map(|one| values(one)).collect();
        let (Some(own), [.., dimpl, openssl]) = (values.first(), &values[..]) else {
            unreachable!("three contenders at the least");
        };
        let digits = if median(own) < 10.0 { 2 } else { 0 };
        let mut line = format!("| {name} |");
        for one in &values {
            write!(line, " {:.digits$} |", median(one)).unwrap();
        }
        let mut reached = reach.most.is_none_or(|most| median(own) <= most);
        for (other, least) in [dimpl, openssl].into_iter().zip(reach.ratios) {
            let ratio = |(own, other): (&f64, &f64)| if more { own / other } else { other / own };
            let ratios: Vec<f64> = own.iter().zip(other).map(ratio).collect();
            let ratio = median(&ratios);
            reached &= least.is_none_or(|least| ratio >= least);
            write!(line, " {ratio:.2} x |").unwrap();
        }
        self.line(&format!("{line} {} |", reach.text()));
        if !reached {
            self.missed.push(name.to_owned());
        }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap()
}
