//! See [`motekey_fuzz::revocation::introspection_endpoint`].
#![cfg_attr(fuzzing, no_main)]

motekey_fuzz::target!(motekey_fuzz::revocation::introspection_endpoint);
