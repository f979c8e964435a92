//! Shows that `motekey-cose` links and works without the standard library: a binary with its own entry point,
//! allocator and panic handler that mints and verifies tokens. If any dependency pulled in `std`, the link would fail
//! over a second panic handler.
//!
//! ```text
//! cargo build -p motekey-cose-freestanding --profile freestanding --features freestanding
//! target/freestanding/motekey-cose-freestanding
//! ```
//!
//! Exit code 0 says that every step succeeded; another code is the number of the step that did not, and an abort says
//! that something panicked. The package is built alone (`-p`), because features of dependencies unify over all
//! packages of one build. Built in any other way it is a program that prints these lines.
#![cfg_attr(all(feature = "freestanding", panic = "abort"), no_std, no_main)]

#[cfg(all(feature = "freestanding", panic = "abort"))]
mod bare;
#[cfg(all(feature = "freestanding", panic = "abort"))]
mod steps;

#[cfg(not(all(feature = "freestanding", panic = "abort")))]
#[expect(clippy::print_stdout, reason = "a program that says how it is built")]
fn main() {
    println!(
        "cargo build -p motekey-cose-freestanding --profile freestanding --features freestanding\n\
         target/freestanding/motekey-cose-freestanding"
    );
}
