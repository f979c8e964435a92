//! See [`motekey_fuzz::ace::introspection_request`].
#![cfg_attr(fuzzing, no_main)]

motekey_fuzz::target!(motekey_fuzz::ace::introspection_request);
