//! See [`motekey_fuzz::resource_server::authz_info`].
#![cfg_attr(fuzzing, no_main)]

motekey_fuzz::target!(motekey_fuzz::resource_server::authz_info);
