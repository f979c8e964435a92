//! See [`motekey_fuzz::resource_server::token_identity`].
#![cfg_attr(fuzzing, no_main)]

motekey_fuzz::target!(motekey_fuzz::resource_server::token_identity);
