//! Benchmarks of motekey: `cargo bench -p motekey-benches`, or one of them with `--bench codec`.
//!
//! Those that set a budget put what it is compared with beside it, in one run on one machine. Code that only computes is
//! measured in CPU time.

pub mod cpu_time;
pub mod sample;
