//! See [`motekey_fuzz::ace::psk_identity`].
#![cfg_attr(fuzzing, no_main)]

motekey_fuzz::target!(motekey_fuzz::ace::psk_identity);
