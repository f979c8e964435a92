//! See [`motekey_fuzz::cose::scope_aif`].
#![cfg_attr(fuzzing, no_main)]

motekey_fuzz::target!(motekey_fuzz::cose::scope_aif);
