//! See [`motekey_fuzz::token_endpoint::token_endpoint`].
#![cfg_attr(fuzzing, no_main)]

motekey_fuzz::target!(motekey_fuzz::token_endpoint::token_endpoint);
