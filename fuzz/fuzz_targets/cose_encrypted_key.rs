//! See [`motekey_fuzz::envelope::cose_encrypted_key`].
#![cfg_attr(fuzzing, no_main)]

motekey_fuzz::target!(motekey_fuzz::envelope::cose_encrypted_key);
