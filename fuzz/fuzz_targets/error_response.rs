//! See [`motekey_fuzz::ace::error_response`].
#![cfg_attr(fuzzing, no_main)]

motekey_fuzz::target!(motekey_fuzz::ace::error_response);
