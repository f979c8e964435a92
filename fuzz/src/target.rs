//! The macro that makes a program of a target.

/// Makes the program of a fuzz target: for libFuzzer when cargo-fuzz builds it, else one that replays the files
/// named on its command line.
#[cfg(fuzzing)]
#[macro_export]
macro_rules! target {
    ($name:path) => {
        $crate::libfuzzer_sys::fuzz_target!(|data: &[u8]| $name(data));
    };
}

/// Makes the program of a fuzz target: for libFuzzer when cargo-fuzz builds it, else one that replays the files
/// named on its command line.
#[cfg(not(fuzzing))]
#[macro_export]
macro_rules! target {
    ($name:path) => {
        fn main() -> std::process::ExitCode {
            $crate::replay::files($name)
        }
    };
}
