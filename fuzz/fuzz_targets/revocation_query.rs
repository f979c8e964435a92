//! See [`motekey_fuzz::revocation::revocation_query`].
#![cfg_attr(fuzzing, no_main)]

motekey_fuzz::target!(motekey_fuzz::revocation::revocation_query);
