//! See [`motekey_fuzz::ace::creation_hints`].
#![cfg_attr(fuzzing, no_main)]

motekey_fuzz::target!(motekey_fuzz::ace::creation_hints);
