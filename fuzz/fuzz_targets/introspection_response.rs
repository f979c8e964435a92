//! See [`motekey_fuzz::ace::introspection_response`].
#![cfg_attr(fuzzing, no_main)]

motekey_fuzz::target!(motekey_fuzz::ace::introspection_response);
