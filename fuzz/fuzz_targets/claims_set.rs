//! See [`motekey_fuzz::ace::claims_set`].
#![cfg_attr(fuzzing, no_main)]

motekey_fuzz::target!(motekey_fuzz::ace::claims_set);
