//! See [`motekey_fuzz::cose::cose_key`].
#![cfg_attr(fuzzing, no_main)]

motekey_fuzz::target!(motekey_fuzz::cose::cose_key);
