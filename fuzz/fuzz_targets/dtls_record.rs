//! See [`motekey_fuzz::dtls::dtls_record`].
#![cfg_attr(fuzzing, no_main)]

motekey_fuzz::target!(motekey_fuzz::dtls::dtls_record);
