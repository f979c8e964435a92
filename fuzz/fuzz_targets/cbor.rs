//! See [`motekey_fuzz::cose::cbor`].
#![cfg_attr(fuzzing, no_main)]

motekey_fuzz::target!(motekey_fuzz::cose::cbor);
