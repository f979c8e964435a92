//! See [`motekey_fuzz::envelope::cose_sign1`].
#![cfg_attr(fuzzing, no_main)]

motekey_fuzz::target!(motekey_fuzz::envelope::cose_sign1);
